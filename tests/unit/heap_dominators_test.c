/*
 * Dominators against their definition: take a node away, and what the root no
 * longer reaches is what it dominated.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "heap/dominators.h"
#include "tests/unit/heap_graph.h"

/* What the root reaches without passing through `without`. */
static void reach(const struct heap_graph *graph, uint32_t without, bool *seen)
{
	uint32_t *queue = tm_reallocarray(NULL, graph->nodes, sizeof(*queue));
	uint32_t head = 0, tail = 0;

	memset(seen, 0, graph->nodes * sizeof(*seen));
	if (without != 0) {
		seen[0] = true;
		queue[tail++] = 0;
	}
	while (head < tail) {
		uint32_t node = queue[head++];

		for (uint64_t e = graph->row[node]; e < graph->row[node + 1]; e++) {
			uint32_t to = graph->to[e];

			if (seen[to] || to == without)
				continue;
			seen[to] = true;
			queue[tail++] = to;
		}
	}
	free(queue);
}

static bool dominates(const struct heap_dominators *dominators, uint32_t above,
		      uint32_t node)
{
	while (node != HEAP_NONE && node != above)
		node = dominators->idom[node];
	return node == above;
}

/* A size that tells nodes apart. */
static uint64_t size_of(uint32_t node)
{
	return 16 + 7 * (uint64_t)node;
}

static void check_node(const struct heap_graph *graph, uint32_t node,
		       const struct heap_dominators *dominators,
		       const uint64_t *retained, const bool *reached)
{
	bool *left = tm_calloc(graph->nodes, sizeof(*left));
	uint64_t lost = 0;

	reach(graph, node, left);
	for (uint32_t i = 0; i < graph->nodes; i++) {
		if (reached[i] && !left[i])
			lost += size_of(i);
		assert_int_equal(dominates(dominators, node, i) && reached[i],
				 reached[i] && !left[i]);
	}
	assert_int_equal(retained[node], lost);
	free(left);
}

/* Every `step`th node against its removal. The graph is gone afterwards. */
static void check(struct heap_graph graph, uint32_t step)
{
	struct heap_dominators dominators = { 0 };
	uint64_t *retained = tm_reallocarray(NULL, graph.nodes, sizeof(*retained));
	bool *reached = tm_calloc(graph.nodes, sizeof(*reached));
	uint32_t n = 0;

	reach(&graph, HEAP_NONE, reached);
	assert_true(heap_dominators_init(&dominators, &graph));
	for (uint32_t node = 0; node < graph.nodes; node++) {
		retained[node] = size_of(node);
		assert_int_equal(heap_is_reached(&dominators, node), reached[node]);
		n += reached[node];
	}
	assert_int_equal(dominators.norder, n);
	heap_dominators_sum(&dominators, retained);
	for (uint32_t node = 0; node < graph.nodes; node += step)
		if (reached[node])
			check_node(&graph, node, &dominators, retained, reached);
	heap_dominators_deinit(&dominators);
	free(retained);
	free(reached);
	heap_graph_free(&graph);
}

static void test_random(void **state)
{
	uint64_t dice = 19;

	(void)state;
	for (int round = 0; round < 400; round++) {
		struct pairs pairs = { .n = 1 };
		uint32_t n = 1 + roll(&dice, 40), edges = roll(&dice, 3 * n);

		pairs.n = n;
		for (uint32_t i = 0; i < edges; i++)
			pairs_add(&pairs, roll(&dice, n), roll(&dice, n));
		check(pairs_graph(&pairs), 1);
	}
}

/* A chain whose nodes the root holds as well, from the far end first. */
static void test_chain_and_index(void **state)
{
	struct pairs pairs = { 0 };

	(void)state;
	for (uint32_t i = 300; i > 0; i--)
		pairs_add(&pairs, 0, i);
	for (uint32_t i = 1; i < 300; i++)
		pairs_add(&pairs, i, i + 1);
	check(pairs_graph(&pairs), 1);
}

/* Two chains with rungs both ways. */
static void test_ladder(void **state)
{
	struct pairs pairs = { 0 };

	(void)state;
	pairs_add(&pairs, 0, 1);
	for (uint32_t i = 1; i < 400; i += 2) {
		pairs_add(&pairs, i, i + 1);
		pairs_add(&pairs, i, i + 2);
		pairs_add(&pairs, i + 1, i + 3);
		pairs_add(&pairs, i + 3, i);
	}
	check(pairs_graph(&pairs), 1);
}

static void test_bipartite(void **state)
{
	struct pairs pairs = { 0 };

	(void)state;
	pairs_add(&pairs, 0, 1);
	for (uint32_t i = 2; i < 42; i++) {
		pairs_add(&pairs, 1, i);
		for (uint32_t k = 42; k < 82; k++)
			pairs_add(&pairs, i, k);
	}
	pairs_add(&pairs, 81, 82);
	check(pairs_graph(&pairs), 1);
}

/* Tarjan's own hard one: semidominators far above, in the worst order. */
static void test_back_edges(void **state)
{
	struct pairs pairs = { 0 };
	uint32_t n = 200;

	(void)state;
	for (uint32_t i = 0; i + 1 < n; i++)
		pairs_add(&pairs, i, i + 1);
	for (uint32_t i = 0; i < n / 2; i++) {
		pairs_add(&pairs, i, n - 1 - i);
		pairs_add(&pairs, n - 1 - i, i + 1);
	}
	check(pairs_graph(&pairs), 1);
}

static void test_alone(void **state)
{
	struct pairs one = { .n = 1 }, loop = { 0 };

	(void)state;
	check(pairs_graph(&one), 1);
	pairs_add(&loop, 0, 0);
	check(pairs_graph(&loop), 1);
}

/* A million links: no recursion, nothing quadratic. The first link retains all
 * links, the index and no link a payload. */
static void test_linked_list(void **state)
{
	enum { LENGTH = 1000000 };
	struct heap_graph graph = linked_list(LENGTH);
	struct heap_dominators dominators = { 0 };

	(void)state;
	assert_true(heap_dominators_init(&dominators, &graph));
	for (uint32_t i = 0; i < LENGTH; i++) {
		assert_int_equal(dominators.idom[4 + 2 * i], 0);
		assert_int_equal(dominators.idom[3 + 2 * i],
				 i ? 3 + 2 * (i - 1) : 1);
	}
	heap_dominators_deinit(&dominators);
	heap_graph_free(&graph);
	check(linked_list(1000), 97);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_chain_and_index),
		cmocka_unit_test(test_ladder),
		cmocka_unit_test(test_bipartite),
		cmocka_unit_test(test_back_edges),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_linked_list),
	};

	return cmocka_run_group_tests_name("heap_dominators", tests, NULL, NULL);
}
