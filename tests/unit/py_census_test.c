#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "fixtures/replay_heap.h"
#include "mem/pages.h"

/*
 * Heaps of programs that did nothing, as recorded. What a census says of it is
 * compared with the interpreter itself in tests/live/census.
 */
struct recorded {
	struct tm_pages pages;
	struct tm_maps maps;
};

static void load(const char *name, struct recorded *ret)
{
	char path[256], *text = calloc(1, 1 << 16);
	struct tm_err err;
	FILE *in;

	snprintf(path, sizeof(path), "fixtures/heaps/%s/pages.zst", name);
	assert_true(tm_pages_load(path, &ret->pages, &err));
	snprintf(path, sizeof(path), "fixtures/heaps/%s/maps", name);
	in = fopen(path, "r");
	assert_non_null(in);
	assert_true(fread(text, 1, (1 << 16) - 1, in) > 0);
	fclose(in);
	assert_true(tm_maps_parse(text, &ret->maps, &err));
}

static struct heap_census *take(const struct recorded *recorded, struct tm_err *err)
{
	struct tm_mem *mem = tm_mem_pages(&recorded->pages);
	struct heap_census *census = replay_heap(mem, &recorded->maps, err);

	tm_mem_destroy(mem);
	return census;
}

static void forget(struct recorded *recorded)
{
	tm_pages_free(&recorded->pages);
	tm_maps_free(&recorded->maps);
}

/* `leaked`: objects of which CPython itself counts a reference too many. */
static void check(const char *name, uint64_t objects, uint64_t tracked, uint64_t leaked)
{
	struct recorded recorded = { 0 };
	struct heap_census *census;
	struct tm_err err = { 0 };

	load(name, &recorded);
	census = take(&recorded, &err);
	assert_non_null(census);
	assert_int_equal(census->proof.objects, objects);
	assert_int_equal(census->proof.tracked, tracked);
	assert_int_equal(census->proof.listed, tracked);
	assert_int_equal(census->proof.unexplained, leaked);
	assert_int_equal(census->proof.garbage, 0);
	heap_census_destroy(census);
	forget(&recorded);
}

static void test_3_8(void **state)
{
	(void)state;
	check("3.8.18-py38", 10048, 3766, 3);
}

static void test_3_13(void **state)
{
	(void)state;
	check("3.13.5-py313", 11415, 4389, 0);
}

/* Each root is named by its own number. */
static void test_roots(void **state)
{
	struct recorded recorded = { 0 };
	struct heap_census *census;
	struct tm_err err = { 0 };

	(void)state;
	load("3.13.5-py313", &recorded);
	census = take(&recorded, &err);
	assert_non_null(census);
	assert_int_equal(census->graph.row[1], census->nroots);
	for (uint32_t i = 0; i < census->nroots; i++) {
		assert_int_equal(heap_edge_value(census->how[i]), i);
		assert_int_not_equal(census->graph.to[i], 0);
	}
	heap_census_destroy(census);
	forget(&recorded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_3_8),
		cmocka_unit_test(test_3_13),
		cmocka_unit_test(test_roots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
