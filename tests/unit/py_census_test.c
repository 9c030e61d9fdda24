#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "fixtures/recording.h"
#include "fixtures/replay_heap.h"
#include "py/census_private.h"

/*
 * Heaps of programs that did nothing, as recorded. What a census says of it is
 * compared with the interpreter itself in tests/live/census.
 */
static void load(const char *name, struct recording *ret)
{
	char dir[256];
	struct tm_err err;

	snprintf(dir, sizeof(dir), "fixtures/heaps/%s", name);
	assert_true(recording_load(dir, ret, &err));
}

static struct heap_census *take(const struct recording *recorded, struct tm_err *err)
{
	struct tm_mem *mem = tm_mem_pages(&recorded->pages);
	struct heap_census *census = replay_heap(mem, &recorded->maps, err);

	tm_mem_destroy(mem);
	return census;
}

/* `leaked`: objects of which CPython itself counts a reference too many. */
static void check(const char *name, uint64_t objects, uint64_t tracked, uint64_t leaked,
		  uint64_t garbage)
{
	struct recording recorded = { 0 };
	struct heap_census *census;
	struct tm_err err = { 0 };

	load(name, &recorded);
	census = take(&recorded, &err);
	assert_non_null(census);
	assert_int_equal(census->proof.objects, objects);
	assert_int_equal(census->proof.tracked, tracked);
	assert_int_equal(census->proof.listed, tracked);
	assert_int_equal(census->proof.unexplained, leaked);
	assert_int_equal(census->proof.garbage, garbage);
	heap_census_destroy(census);
	recording_free(&recorded);
}

static void test_3_8(void **state)
{
	(void)state;
	check("3.8.18-py38", 10048, 3766, 3, 0);
}

static void test_3_13(void **state)
{
	(void)state;
	check("3.13.5-py313", 11415, 4389, 0, 0);
}

static void test_3_13_free_threaded(void **state)
{
	(void)state;
	/* Functions of modules and classes, and what they hold, wait for the collector. */
	check("3.13.5-py313t", 12982, 5639, 0, 62);
}

/* Without malloc's word of where its blocks are, what is missed is what only memory of C
 * leads to: of each of these one object. */
static void test_typed(void **state)
{
	const char *const names[] = { "3.8.18-py38", "3.13.5-py313" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct recording recorded = { 0 };
		struct heap_census *census, *exact;
		struct tm_err err = { 0 };
		struct tm_mem *mem;

		load(names[i], &recorded);
		exact = take(&recorded, &err);
		assert_non_null(exact);
		mem = tm_mem_pages(&recorded.pages);
		census = replay_heap_as(mem, &recorded.maps, true, &err);
		tm_mem_destroy(mem);
		assert_non_null(census);
		assert_int_equal(exact->proof.estimated, 0);
		assert_true(census->proof.estimated > 100);
		assert_int_equal(census->proof.objects, exact->proof.objects - 1);
		assert_int_equal(census->proof.tracked, exact->proof.tracked);
		assert_int_equal(census->proof.garbage, 0);
		heap_census_destroy(census);
		heap_census_destroy(exact);
		recording_free(&recorded);
	}
}

/* Each root is named by its own number. */
/* A deque and an OrderedDict of absurdly many items in two parts that follow each other. */
enum { PARTS = 0x10000, SECOND = PARTS + 1024, NEXT_BLOCK = 520, NEXT_NODE = 16 };

struct counting {
	struct py_outside outside;
	unsigned claims;
};

static bool count_claim(struct py_outside *outside, uint32_t node, tm_addr at,
			enum py_use use, uint32_t aux)
{
	(void)node, (void)at, (void)use, (void)aux;
	assert_in_range(++((struct counting *)outside)->claims, 1, 100);
	return true;
}

static void test_circles(void **state)
{
	static uint64_t parts[256];
	struct counting counting = { { .claim = count_claim }, 0 };
	struct py_census census = { .outside = &counting.outside };
	uint64_t words[16] = { 0 };
	const struct py_object object = {
		.bytes = (const char *)words, .len = sizeof(words), .node = 1,
	};

	(void)state;
	census.mem = tm_mem_bytes(PARTS, parts, sizeof(parts));
	words[2] = INT64_MAX;
	words[3] = words[6] = PARTS;
	parts[NEXT_BLOCK / 8] = parts[NEXT_NODE / 8] = SECOND;
	parts[(1024 + NEXT_BLOCK) / 8] = parts[(1024 + NEXT_NODE) / 8] = PARTS;
	py_claim_deque(&census, &object);
	counting.claims = 0;
	py_claim_nodes(&census, &object);
	assert_in_range(counting.claims, 2, 10);
	tm_mem_destroy(census.mem);
}

static void test_roots(void **state)
{
	struct recording recorded = { 0 };
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
	recording_free(&recorded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_3_8),
		cmocka_unit_test(test_3_13),
		cmocka_unit_test(test_3_13_free_threaded),
		cmocka_unit_test(test_typed),
		cmocka_unit_test(test_circles),
		cmocka_unit_test(test_roots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
