#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "py/lines.h"

/* The tables are what CPython's compilers wrote for small functions. */

static void lnotab_steps_both_ways(void **state)
{
	/* 2 bytes: line +1; 4 bytes: line +3; 6 bytes: line -2. */
	static const uint8_t table[] = { 2, 1, 4, 3, 6, 0xfe };

	(void)state;
	assert_int_equal(py_line_at(PY_LINES_LNOTAB, table, 6, 10, -1), 10);
	assert_int_equal(py_line_at(PY_LINES_LNOTAB, table, 6, 10, 0), 10);
	assert_int_equal(py_line_at(PY_LINES_LNOTAB, table, 6, 10, 2), 11);
	assert_int_equal(py_line_at(PY_LINES_LNOTAB, table, 6, 10, 5), 11);
	assert_int_equal(py_line_at(PY_LINES_LNOTAB, table, 6, 10, 6), 14);
	assert_int_equal(py_line_at(PY_LINES_LNOTAB, table, 6, 10, 12), 12);
	assert_int_equal(py_line_at(PY_LINES_LNOTAB, table, 6, 10, 9999), 12);
	assert_int_equal(py_line_at(PY_LINES_LNOTAB, table, 5, 10, 9999), 14);
}

static void ranges_may_have_no_line(void **state)
{
	static const uint8_t table[] = { 4, 1, 2, 0x80, 6, 0xff };

	(void)state;
	assert_int_equal(py_line_at(PY_LINES_RANGES, table, 6, 10, 0), 11);
	assert_int_equal(py_line_at(PY_LINES_RANGES, table, 6, 10, 3), 11);
	assert_int_equal(py_line_at(PY_LINES_RANGES, table, 6, 10, 4), 0);
	assert_int_equal(py_line_at(PY_LINES_RANGES, table, 6, 10, 6), 10);
	assert_int_equal(py_line_at(PY_LINES_RANGES, table, 6, 10, 12), 0);
}

static void locations_of_every_kind(void **state)
{
	static const uint8_t table[] = {
		0x80 | 15 << 3 | 0,             /* 1 unit: no location */
		0x80 | 13 << 3 | 1, 2 << 1,     /* 2 units: +2, no columns */
		0x80 | 3 << 3 | 0, 0x12,        /* 1 unit: short, same line */
		0x80 | 11 << 3 | 0, 4, 9,       /* 1 unit: +1 */
		0x80 | 12 << 3 | 7, 4, 9,       /* 8 units: +2 */
		/* 1 unit: long, -100 (201 in chunks of 6 bits), then the rest */
		0x80 | 14 << 3 | 0, 0x40 | (201 & 63), 201 >> 6, 1, 2, 3,
	};
	size_t len = sizeof(table);

	(void)state;
	assert_int_equal(py_line_at(PY_LINES_LOCATIONS, table, len, 200, -2), 200);
	assert_int_equal(py_line_at(PY_LINES_LOCATIONS, table, len, 200, 0), 0);
	assert_int_equal(py_line_at(PY_LINES_LOCATIONS, table, len, 200, 2), 202);
	assert_int_equal(py_line_at(PY_LINES_LOCATIONS, table, len, 200, 5), 202);
	assert_int_equal(py_line_at(PY_LINES_LOCATIONS, table, len, 200, 6), 202);
	assert_int_equal(py_line_at(PY_LINES_LOCATIONS, table, len, 200, 8), 203);
	assert_int_equal(py_line_at(PY_LINES_LOCATIONS, table, len, 200, 10), 205);
	assert_int_equal(py_line_at(PY_LINES_LOCATIONS, table, len, 200, 25), 205);
	assert_int_equal(py_line_at(PY_LINES_LOCATIONS, table, len, 200, 26), 105);
	assert_int_equal(py_line_at(PY_LINES_LOCATIONS, table, len, 200, 28), 0);
}

/* Whatever the bytes are: an answer, and no read outside (with a sanitizer). */
static void any_bytes_are_fine(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint8_t table[24];
		size_t len = (size_t)round % (sizeof(table) + 1);
		uint8_t *heap = test_malloc(len ? len : 1);

		for (size_t i = 0; i < len; i++)
			heap[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
		for (int kind = 0; kind < 3; kind++)
			py_line_at((enum py_lines_kind)kind, heap, len, seed,
				   (int64_t)(seed % 64) - 2);
		test_free(heap);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lnotab_steps_both_ways),
		cmocka_unit_test(ranges_may_have_no_line),
		cmocka_unit_test(locations_of_every_kind),
		cmocka_unit_test(any_bytes_are_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
