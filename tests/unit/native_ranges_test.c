#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "native/ranges.h"
#include "native/symtab.h"

static void innermost_range_wins(void **state)
{
	/* f [10,100) with two inlined calls, one of them in the other; a hole;
	 * g [200,300). */
	struct native_range ranges[] = {
		{ 200, 300, 4 }, { 10, 100, 0 }, { 20, 50, 1 }, { 20, 30, 2 },
		{ 50, 60, 3 }, { 70, 70, 9 },
	};
	struct native_ranges index;

	(void)state;
	native_ranges_build(ranges, 6, &index);
	assert_int_equal(native_ranges_find(&index, 9), NATIVE_NONE);
	assert_int_equal(native_ranges_find(&index, 10), 0);
	assert_int_equal(native_ranges_find(&index, 20), 2);
	assert_int_equal(native_ranges_find(&index, 29), 2);
	assert_int_equal(native_ranges_find(&index, 30), 1);
	assert_int_equal(native_ranges_find(&index, 50), 3);
	assert_int_equal(native_ranges_find(&index, 60), 0);
	assert_int_equal(native_ranges_find(&index, 70), 0);
	assert_int_equal(native_ranges_find(&index, 99), 0);
	assert_int_equal(native_ranges_find(&index, 100), NATIVE_NONE);
	assert_int_equal(native_ranges_find(&index, 250), 4);
	assert_int_equal(native_ranges_find(&index, 300), NATIVE_NONE);
	native_ranges_free(&index);
}

static void overlaps_without_nesting_end_where_they_end(void **state)
{
	struct native_range ranges[] = { { 0, 100, 0 }, { 50, 150, 1 } };
	struct native_ranges index;

	(void)state;
	native_ranges_build(ranges, 2, &index);
	assert_int_equal(native_ranges_find(&index, 49), 0);
	assert_int_equal(native_ranges_find(&index, 120), 1);
	assert_int_equal(native_ranges_find(&index, 150), NATIVE_NONE);
	native_ranges_free(&index);
}

/* Every answer against a plain search, on pseudo-random ranges. */
static void ranges_agree_with_a_linear_search(void **state)
{
	enum { N = 60, SPAN = 400 };
	uint32_t seed = 12345;

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct native_range ranges[N], copy[N];
		struct native_ranges index;

		for (uint32_t i = 0; i < N; i++) {
			uint64_t lo = (seed = seed * 1664525 + 1013904223) >> 8;
			uint64_t len = (seed = seed * 1664525 + 1013904223) >> 8;

			ranges[i].lo = lo % SPAN;
			ranges[i].hi = ranges[i].lo + len % 60;
			ranges[i].id = i;
		}
		memcpy(copy, ranges, sizeof(copy));
		native_ranges_build(ranges, N, &index);
		for (uint64_t at = 0; at < SPAN + 80; at++) {
			uint32_t best = NATIVE_NONE;

			for (uint32_t i = 0; i < N; i++)
				if (copy[i].lo <= at && at < copy[i].hi &&
				    (best == NATIVE_NONE ||
				     copy[i].lo > copy[best].lo ||
				     (copy[i].lo == copy[best].lo &&
				      copy[i].hi <= copy[best].hi)))
					best = i;
			assert_int_equal(native_ranges_find(&index, at), best);
		}
		native_ranges_free(&index);
	}
}

static void add(struct native_symtab *symtab, const char *name, unsigned bind,
		uint64_t value, uint64_t size)
{
	Elf64_Sym sym = {
		.st_info = (unsigned char)ELF64_ST_INFO(bind, STT_FUNC),
		.st_shndx = 1, .st_value = value, .st_size = size,
	};

	native_symtab_add(symtab, &sym, 1000, name);
}

static const char *name_at(const struct native_symtab *symtab, uint64_t at)
{
	const struct native_symbol *symbol = native_symtab_find(symtab, at);

	return symbol ? symbol->name : "";
}

static void symbols_respect_sizes_and_prefer_public_names(void **state)
{
	struct native_symtab symtab = { 0 };

	(void)state;
	add(&symtab, "_int_malloc", STB_LOCAL, 100, 50);
	add(&symtab, "__libc_malloc", STB_GLOBAL, 200, 40);
	add(&symtab, "malloc", STB_GLOBAL, 200, 40);
	add(&symtab, "malloc_hook_ini", STB_LOCAL, 200, 40);
	add(&symtab, "setjmp", STB_GLOBAL, 300, 0);
	add(&symtab, "next", STB_GLOBAL, 350, 10);
	add(&symtab, "too_long", STB_GLOBAL, 990, 500);
	native_symtab_finish(&symtab);
	assert_string_equal(name_at(&symtab, 99), "");
	assert_string_equal(name_at(&symtab, 149), "_int_malloc");
	assert_string_equal(name_at(&symtab, 150), "");
	assert_string_equal(name_at(&symtab, 205), "malloc");
	assert_string_equal(name_at(&symtab, 240), "");
	assert_string_equal(name_at(&symtab, 310), "");
	assert_string_equal(name_at(&symtab, 350), "next");
	assert_string_equal(name_at(&symtab, 360), "");
	assert_string_equal(name_at(&symtab, 999), "too_long");
	assert_string_equal(name_at(&symtab, 1000), "");
	native_symtab_free(&symtab);
}

/* From a full table, without sizes: until the next symbol or the limit. */
static void symbols_without_size_end_at_the_next(void **state)
{
	struct native_symbol symbols[] = {
		{ 400, 0, 1000, "tail", 0 },
		{ 200, 40, 1000, "sized", 0 },
		{ 210, 0, 1000, "label", 0 },
		{ 300, 0, 1000, "_start", 0 },
	};
	struct native_symtab symtab = { .symbols = symbols, .n = 4, .cap = 4 };

	(void)state;
	native_symtab_finish(&symtab);
	assert_string_equal(name_at(&symtab, 215), "sized");
	assert_string_equal(name_at(&symtab, 250), "");
	assert_string_equal(name_at(&symtab, 399), "_start");
	assert_string_equal(name_at(&symtab, 999), "tail");
	assert_string_equal(name_at(&symtab, 1000), "");
	native_ranges_free(&symtab.index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(innermost_range_wins),
		cmocka_unit_test(overlaps_without_nesting_end_where_they_end),
		cmocka_unit_test(ranges_agree_with_a_linear_search),
		cmocka_unit_test(symbols_respect_sizes_and_prefer_public_names),
		cmocka_unit_test(symbols_without_size_end_at_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
