#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "heap/ask.h"

/* Of lines, of which no heap is left: a type has several, and the answer has its own. */
static void test_since_lines(void **state)
{
	struct tm_heap_group then[] = {
		{ .name = "list", .filename = "a.py", .lineno = 1, .count = 5, .size = 50 },
		{ .name = "list", .filename = "a.py", .lineno = 2, .count = 1, .size = 10 },
	}, now[] = {
		{ .name = "list", .filename = "a.py", .lineno = 3, .count = 9, .size = 90 },
		{ .name = "list", .count = 7, .size = 70 },
		{ .name = "list", .filename = "a.py", .lineno = 1, .count = 5, .size = 51 },
	};
	static const struct { uint32_t lineno; int64_t diff; } expected[] = {
		{ 3, 90 }, { 0, 70 }, { 2, -10 }, { 1, 1 },
	};
	const struct tm_heap_groups older = { .items = then, .n = 2 };
	const struct tm_heap_groups groups = { .items = now, .n = 3 };
	struct tm_heap_groups *since = tm_heap_groups_since(&older, &groups);

	(void)state;
	assert_int_equal(since->n, 4);
	for (size_t i = 0; i < since->n; i++) {
		const struct tm_heap_group *item = &since->items[i];

		assert_int_equal(item->lineno, expected[i].lineno);
		assert_int_equal(item->size_diff, expected[i].diff);
		assert_int_equal(item->filename != NULL, item->lineno != 0);
		assert_ptr_not_equal(item->filename ? item->filename : "", then[0].filename);
	}
	tm_heap_groups_destroy(since);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_since_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
