/* The names of functions that are kept from snapshot to snapshot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "session/function_names.h"

#define TEXT(s) ((struct tm_text){ (s), sizeof(s) - 1 })

/* As a sample does: ask for what there is, look for the rest. Was there any? */
static bool sample(struct tm_function_names *names)
{
	tm_function_names_begin(names);
	tm_function_names_at(names, TEXT("a.py"), 7);
	tm_function_names_at(names, TEXT("<string>"), 1);
	return names->lacking || tm_function_names_lacks(names, TEXT("a.py"), 7);
}

static void test_looked_for_once(void **state)
{
	struct tm_function_names *names = tm_function_names_create();

	(void)state;
	assert_true(sample(names));
	tm_function_names_add(names, TEXT("a.py"), 7, "f");
	assert_false(sample(names));
	assert_string_equal(tm_function_names_at(names, TEXT("a.py"), 7), "f");
	tm_function_names_destroy(names);
}

/* The whole heap would be read for every snapshot, in vain. */
static void test_never_where_unsupported(void **state)
{
	struct tm_function_names *names = tm_function_names_create();

	(void)state;
	assert_true(sample(names));
	names->unsupported = true;
	assert_false(sample(names));
	tm_function_names_destroy(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_looked_for_once),
		cmocka_unit_test(test_never_where_unsupported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
