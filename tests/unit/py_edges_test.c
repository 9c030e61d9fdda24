#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "base/big.h"
#include "py/plan.h"

/*
 * Blocks and objects that lie about where their references are. What true ones hold
 * is compared with the interpreter in tests/live/census.
 */
enum {
	SMALL = 64, LARGE_AT = TM_PAGE,
	WINDOW = 1 << 20,        /* so much of a block comes in a piece */
	LARGE = WINDOW + TM_PAGE, SIZE = LARGE_AT + LARGE,
	TARGET = 1, OWNER = 2, NODES = 3,
};

#include "unit/made_memory.h"

/* Two blocks: raw memory, and an object of this type that comes in two pieces. */
static void begin(struct py_census *census, struct py_type *type)
{
	struct heap_census *base = &census->base;

	*census = (struct py_census){ .mem = made_memory(),
				      .names = true, .types = type, .ntypes = 1 };
	census->runtime.layout = py_layout_find(8);
	census->layout = &census->runtime.layout->objects;
	assert_true(heap_blocks_add_span(&census->blocks, BASE, BASE + SMALL));
	assert_true(heap_blocks_add_chunk(&census->blocks, BASE, SMALL));
	assert_true(heap_blocks_add_large(&census->blocks, BASE + LARGE_AT, LARGE));
	heap_blocks_settle(&census->blocks);
	assert_true(heap_blocks_finish(&census->blocks));
	assert_int_equal(census->blocks.n, NODES);
	base->graph.nodes = NODES;
	base->graph.row = tm_big_alloc(NODES + 1, sizeof(*base->graph.row));
	base->info = tm_big_alloc(NODES, sizeof(*base->info));
	base->flags = tm_big_alloc(NODES, sizeof(*base->flags));
	base->flags[OWNER] = HEAP_OBJECT;
	census->refs = tm_big_alloc(NODES, sizeof(*census->refs));
	census->found = tm_big_alloc(NODES, sizeof(*census->found));
}

static void end(struct py_census *census)
{
	tm_mem_destroy(census->mem);
	heap_blocks_free(&census->blocks);
	tm_big_free(census->base.graph.row);
	tm_big_free(census->base.graph.to);
	tm_big_free(census->base.how);
	tm_big_free(census->base.info);
	tm_big_free(census->base.flags);
	tm_big_free(census->refs);
	tm_big_free(census->found);
}

/* How many edges an object has whose only reference is the word at `at`, and whose type
 * says that its words begin at `own`. */
static uint64_t edges(uint32_t own, uint64_t at)
{
	struct py_type type = { .kind = PY_KIND_PLAIN, .own = own, .slots = UINT32_MAX,
				.basicsize = LARGE };
	struct py_census census;
	uint64_t ret;

	begin(&census, &type);
	put64(LARGE_AT + at, BASE);
	py_edges(&census);
	ret = census.base.graph.row[OWNER + 1] - census.base.graph.row[OWNER];
	end(&census);
	return ret;
}

static void test_pieces(void **state)
{
	(void)state;
	assert_int_equal(edges(16, 16), 1);
	assert_int_equal(edges(16, WINDOW), 1);
	assert_int_equal(edges(16, LARGE - 8), 1);
}

/* The word before the first one of the second piece would begin before that piece. */
static void test_unaligned(void **state)
{
	(void)state;
	assert_int_equal(edges(20, 20), 0);
	assert_int_equal(edges(20, WINDOW + 4), 0);
}

/* A set says that its table, which is in itself, has no entries. */
static void test_set_of_none(void **state)
{
	enum { MASK = 32, TABLE = 40, SMALL_TABLE = 64, SET = 192 };
	const struct py_type type = { .kind = PY_KIND_SET, .own = SET, .basicsize = SET };
	struct py_object object = { .bytes = (char *)bytes, .len = SET, .room = SET, .at = BASE };
	struct py_census census = { .layout = &py_layout_find(8)->objects };
	struct py_plan plan = { 0 };

	(void)state;
	memset(bytes, 0, SET);
	put64(TABLE, BASE + SMALL_TABLE);
	put64(MASK, 7);
	py_plan_object(&census, &type, &object, &plan);
	assert_int_equal(plan.nwords, 1);
	assert_int_equal(plan.words[0].n, 8);
	assert_int_equal(plan.words[0].stride, 16);
	put64(MASK, UINT64_MAX);
	py_plan_object(&census, &type, &object, &plan);
	assert_int_equal(plan.nwords, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_unaligned),
		cmocka_unit_test(test_set_of_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
