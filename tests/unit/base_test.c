#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/intern.h"
#include "base/map.h"
#include "base/search.h"
#include "base/utf8.h"
#include "tmattach/err.h"

static void map_keeps_every_key(void **state)
{
	struct tm_map map = { 0 };

	(void)state;
	for (uint64_t k = 0; k < 10000; k++)
		*tm_map_put(&map, k * 0x10010001u) = (uint32_t)k;
	assert_int_equal(map.n, 10000);
	for (uint64_t k = 0; k < 10000; k++)
		assert_int_equal(tm_map_get(&map, k * 0x10010001u), k);
	assert_int_equal(tm_map_get(&map, 7), TM_MAP_NONE);
	assert_int_equal(*tm_map_put(&map, 0), 0);
	tm_map_free(&map);
	assert_int_equal(tm_map_get(&map, 0), TM_MAP_NONE);
}

/* That malloc() fails is what is wanted here, also under the sanitizer. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static jmp_buf without_memory;
static unsigned asked;

static bool ask(size_t size)
{
	assert_int_equal(size, SIZE_MAX / 2);
	if (++asked == 3)
		longjmp(without_memory, 1);
	return true;
}

static void the_hook_is_asked_until_it_leaves(void **state)
{
	(void)state;
	tm_on_out_of_memory(ask);
	if (!setjmp(without_memory))
		free(tm_malloc(SIZE_MAX / 2));
	tm_on_out_of_memory(NULL);
	assert_int_equal(asked, 3);
}

static bool end(size_t size)
{
	assert_int_equal(size, 0);
	longjmp(without_memory, 1);
}

static void the_hook_may_end_the_program_where_a_library_has_no_memory(void **state)
{
	(void)state;
	tm_on_out_of_memory(end);
	if (!setjmp(without_memory)) {
		/* Without the hook this aborts. */
		tm_out_of_memory();
	}
	tm_on_out_of_memory(NULL);
}

static void lower_bound_finds_the_first_that_is_not_before(void **state)
{
	static const int odd[] = { 1, 3, 5, 7, 9 };

	(void)state;
	assert_int_equal(TM_LOWER_BOUND(0, i, odd[i] < 1), 0);
	for (int key = 0; key <= 10; key++)
		assert_int_equal(TM_LOWER_BOUND(5, i, odd[i] < key), key / 2);
}

static void utf8_takes_surrogates_only_where_they_are_allowed(void **state)
{
	struct tm_buf buf = { 0 };

	(void)state;
	assert_true(tm_utf8_is_valid("h\xc3\xa9\xf0\x9f\x90\x8d", 7));
	assert_true(tm_utf8_is_text("\xed\xb3\xbf", 3));
	assert_false(tm_utf8_is_valid("\xed\xb3\xbf", 3));
	for (const char *const *bad = (const char *const[]){
		     "\xc0\x80", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
		     "\xf4\x90\x80\x80", "\xff", "\xc3", "\x80", NULL };
	     *bad; bad++)
		assert_false(tm_utf8_is_text(*bad, strlen(*bad)));
	tm_utf8_add_escaped(&buf, "a\xff\xed\xb3\xbf", 5);
	assert_int_equal(buf.len, 1 + 4 * 3);
	assert_memory_equal(buf.data, "a\xed\xb3\xbf\xed\xb3\xad", 7);
	tm_buf_free(&buf);
}

static void intern_gives_equal_ids_to_equal_bytes(void **state)
{
	struct tm_intern intern = { 0 };
	char name[32];

	(void)state;
	for (int round = 0; round < 2; round++)
		for (unsigned i = 0; i < 5000; i++) {
			int n = snprintf(name, sizeof(name), "/srv/app/%u.py", i);

			assert_int_equal(tm_intern(&intern, name, (size_t)n), i);
		}
	assert_int_equal(intern.n, 5000);
	assert_int_equal(tm_intern(&intern, "a\0b", 3), 5000);
	assert_int_equal(tm_intern(&intern, "a\0c", 3), 5001);
	assert_int_equal(tm_intern(&intern, "", 0), 5002);
	assert_int_equal(tm_intern_find(&intern, "a\0c", 3), 5001);
	assert_int_equal(tm_intern_find(&intern, "nope", 4), UINT32_MAX);
	assert_string_equal(intern.items[4999].bytes, "/srv/app/4999.py");
	tm_intern_free(&intern);
}

static void buf_grows_and_stays_terminated(void **state)
{
	struct tm_buf buf = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		tm_buf_addf(&buf, "%d,", i);
	assert_int_equal(buf.len, strlen(buf.data));
	assert_memory_equal(buf.data, "0,1,2,", 6);
	tm_buf_clear(&buf);
	tm_buf_add(&buf, "x\0y", 3);
	assert_int_equal(buf.len, 3);
	tm_buf_free(&buf);
}

static void errors_name_object_cause_and_next_step(void **state)
{
	struct tm_err err;

	(void)state;
	assert_false(tm_err_os(&err, 13, "pid 1", "cannot attach"));
	assert_string_equal(err.object, "pid 1");
	assert_string_equal(err.cause, "cannot attach: Permission denied");
	assert_string_equal(err.hint, "");
	assert_false(tm_err_hint(&err, "run as %s", "root"));
	assert_string_equal(err.hint, "run as root");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_keeps_every_key),
		cmocka_unit_test(the_hook_is_asked_until_it_leaves),
		cmocka_unit_test(the_hook_may_end_the_program_where_a_library_has_no_memory),
		cmocka_unit_test(lower_bound_finds_the_first_that_is_not_before),
		cmocka_unit_test(utf8_takes_surrogates_only_where_they_are_allowed),
		cmocka_unit_test(intern_gives_equal_ids_to_equal_bytes),
		cmocka_unit_test(buf_grows_and_stays_terminated),
		cmocka_unit_test(errors_name_object_cause_and_next_step),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
