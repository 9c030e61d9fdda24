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
		cmocka_unit_test(intern_gives_equal_ids_to_equal_bytes),
		cmocka_unit_test(buf_grows_and_stays_terminated),
		cmocka_unit_test(errors_name_object_cause_and_next_step),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
