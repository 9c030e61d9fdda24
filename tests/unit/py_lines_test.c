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

struct told {
	uint32_t lines[8];
	size_t n;
};

static void tell(void *ctx, uint32_t line)
{
	struct told *told = ctx;

	assert_true(told->n < 8);
	told->lines[told->n++] = line;
}

static void expect(enum py_lines_kind kind, const uint8_t *table, size_t len,
		   const uint32_t *lines, size_t n)
{
	struct told told = { 0 };

	py_lines_each(kind, table, len, 10, tell, &told);
	assert_int_equal(told.n, n);
	assert_memory_equal(told.lines, lines, n * sizeof(*lines));
}

/* Those without instructions have no line of their own; the order is the table's. */
static void each_line_with_instructions(void **state)
{
	static const uint8_t lnotab[] = { 0, 5, 2, 1, 0, 0x80, 4, 0x7f };
	static const uint8_t ranges[] = { 4, 1, 2, 0x80, 0, 7, 6, 0xff };
	static const uint8_t locations[] = {
		0x80 | 15 << 3, 0x80 | 13 << 3 | 1, 2 << 1, 0x80 | 3 << 3, 0x12,
		0x80 | 13 << 3, 201 >> 6 | 0x40, 0x3f,
	};

	(void)state;
	expect(PY_LINES_LNOTAB, lnotab, 8, (uint32_t[]){ 15, 15 }, 2);
	expect(PY_LINES_LNOTAB, lnotab, 0, (uint32_t[]){ 10 }, 1);
	expect(PY_LINES_RANGES, ranges, 8, (uint32_t[]){ 11, 17 }, 2);
	expect(PY_LINES_LOCATIONS, locations, sizeof(locations), (uint32_t[]){ 12, 12 }, 2);
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
		cmocka_unit_test(each_line_with_instructions),
		cmocka_unit_test(any_bytes_are_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
