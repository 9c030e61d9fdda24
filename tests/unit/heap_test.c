/*
 * What is asked of a heap: groups and differences, what they retain, paths,
 * suspects, duplicates; the same from a file.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "heap/together.h"
#include "tests/heap/shop.h"

static const struct tm_heap_query by_type = { .key = TM_HEAP_TYPE };

static const struct tm_heap_group *group(const struct tm_heap_groups *groups,
					 const char *name)
{
	for (size_t i = 0; i < groups->n; i++)
		if (strcmp(groups->items[i].name, name) == 0)
			return &groups->items[i];
	fail_msg("no group %s", name);
	return NULL;
}

static void check_groups(struct tm_heap *heap)
{
	struct tm_heap_groups *groups;
	struct tm_err err;

	groups = tm_heap_group(heap, &by_type, &err);
	assert_non_null(groups);
	assert_int_equal(group(groups, "shop.models.Session")->count, 100);
	assert_int_equal(group(groups, "shop.models.Session")->size, 4800);
	assert_int_equal(group(groups, "shop.models.User")->count, 25);
	/* With their tables: 100 of sessions, the module's, the store, config. */
	assert_int_equal(group(groups, "dict")->count, 103);
	assert_int_equal(group(groups, "dict")->size,
			 103 * 64 + 101 * 192 + 64 * 100 + 64);
	for (size_t i = 1; i < groups->n; i++)
		assert_true(groups->items[i - 1].size >= groups->items[i].size);
	tm_heap_groups_destroy(groups);
}

static void test_groups(void **state)
{
	struct shop shop;
	struct tm_heap *heap = shop_make(&shop, 100, 0);

	(void)state;
	check_groups(heap);
	tm_heap_destroy(heap);
}

static void test_filters(void **state)
{
	struct shop shop;
	struct tm_heap *heap = shop_make(&shop, 100, 10);
	struct tm_heap_query query = { .module = "shop.*", .min_size = 2000 };
	struct tm_heap_groups *groups;
	struct tm_err err;

	(void)state;
	groups = tm_heap_group(heap, &query, &err);
	assert_int_equal(groups->n, 2); /* Link has 640 B only */
	assert_int_equal(groups->size, 4800 + 25 * 96);
	tm_heap_groups_destroy(groups);
	query = (struct tm_heap_query){ .key = TM_HEAP_MODULE, .type = "*.S*" };
	groups = tm_heap_group(heap, &query, &err);
	assert_int_equal(groups->n, 1);
	assert_string_equal(groups->items[0].name, "shop.models");
	assert_int_equal(groups->count, 100);
	tm_heap_groups_destroy(groups);
	query = (struct tm_heap_query){ .type = "nothing" };
	groups = tm_heap_group(heap, &query, &err);
	assert_int_equal(groups->n, 0);
	tm_heap_groups_destroy(groups);
	query = (struct tm_heap_query){ .which = TM_HEAP_GARBAGE };
	groups = tm_heap_group(heap, &query, &err);
	assert_int_equal(groups->n, 1);
	assert_int_equal(group(groups, "list")->count, 5);
	tm_heap_groups_destroy(groups);
	query = (struct tm_heap_query){ .which = TM_HEAP_NO_HOLDER };
	groups = tm_heap_group(heap, &query, &err);
	assert_int_equal(groups->n, 1);
	assert_int_equal(group(groups, "dict")->count, 1);
	tm_heap_groups_destroy(groups);
	tm_heap_destroy(heap);
}

static void test_roots(void **state)
{
	struct shop shop;
	struct tm_heap *heap = shop_make(&shop, 100, 0);
	struct tm_heap_query query = { .key = TM_HEAP_ROOT };
	struct tm_heap_groups *groups;
	struct tm_err err;

	(void)state;
	groups = tm_heap_group(heap, &query, &err);
	assert_string_equal(groups->items[0].name, "module shop.cache");
	assert_int_equal(group(groups, "thread 4711: handle().rows")->count, 21);
	assert_int_equal(group(groups, "memory of native code")->count, 1);
	assert_int_equal(group(groups, "(garbage)")->count, 5);
	tm_heap_groups_destroy(groups);
	tm_heap_destroy(heap);
}

static void test_diff(void **state)
{
	struct shop shop;
	struct tm_heap *older = shop_make(&shop, 100, 7);
	struct tm_heap *newer = shop_make(&shop, 120, 0);
	struct tm_heap_groups *diff;
	struct tm_err err;

	(void)state;
	diff = tm_heap_diff(older, newer, &by_type, &err);
	assert_int_equal(group(diff, "shop.models.Session")->count_diff, 20);
	assert_int_equal(group(diff, "shop.models.Session")->size_diff, 20 * 48);
	assert_int_equal(group(diff, "shop.chain.Link")->count, 0);
	assert_int_equal(group(diff, "shop.chain.Link")->count_diff, -7);
	assert_int_equal(group(diff, "shop.chain.Link")->size_diff, -7 * 64);
	assert_string_equal(diff->items[0].name, "dict");
	tm_heap_groups_destroy(diff);
	tm_heap_destroy(older);
	tm_heap_destroy(newer);
}

/* What tm_heap_diff() says, of groups alone. */
static void test_since(void **state)
{
	struct shop shop;
	struct tm_heap *older = shop_make(&shop, 100, 7);
	struct tm_heap *newer = shop_make(&shop, 120, 0);
	struct tm_heap_groups *then, *now, *since, *diff;
	struct tm_err err;

	(void)state;
	diff = tm_heap_diff(older, newer, &by_type, &err);
	then = tm_heap_group(older, &by_type, &err);
	now = tm_heap_group(newer, &by_type, &err);
	since = tm_heap_groups_since(then, now);
	assert_true(since->is_diff);
	assert_int_equal(since->count, diff->count);
	assert_int_equal(since->size, diff->size);
	assert_int_equal(since->n, diff->n);
	for (size_t i = 0; i < diff->n; i++) {
		assert_string_equal(since->items[i].name, diff->items[i].name);
		assert_int_equal(since->items[i].count, diff->items[i].count);
		assert_int_equal(since->items[i].size, diff->items[i].size);
		assert_int_equal(since->items[i].count_diff, diff->items[i].count_diff);
		assert_int_equal(since->items[i].size_diff, diff->items[i].size_diff);
	}
	tm_heap_groups_destroy(since);
	tm_heap_groups_destroy(then);
	tm_heap_groups_destroy(now);
	tm_heap_groups_destroy(diff);
	tm_heap_destroy(older);
	tm_heap_destroy(newer);
}

/* ---- what a group retains -------------------------------------------------------- */

static uint64_t reached_without(const struct heap_census *census, const bool *gone)
{
	const struct heap_graph *graph = &census->graph;
	uint32_t *queue = tm_reallocarray(NULL, graph->nodes, sizeof(*queue));
	bool *seen = tm_calloc(graph->nodes, sizeof(*seen));
	uint32_t head = 0, tail = 0;
	uint64_t size = 0;

	queue[tail++] = 0;
	seen[0] = true;
	while (head < tail) {
		uint32_t node = queue[head++];

		size += census->ops->size(census, node);
		for (uint64_t e = graph->row[node]; e < graph->row[node + 1]; e++)
			if (!seen[graph->to[e]] && !gone[graph->to[e]]) {
				seen[graph->to[e]] = true;
				queue[tail++] = graph->to[e];
			}
	}
	free(queue);
	free(seen);
	return size;
}

static uint64_t lost_by_going(const struct tm_heap *heap, const char *type)
{
	const struct heap_census *census = heap->census;
	uint32_t nodes = census->graph.nodes;
	bool *gone = tm_calloc(nodes, sizeof(*gone));
	uint64_t all = reached_without(census, gone), left;

	for (uint32_t node = 1; node < nodes; node++) {
		uint32_t t = heap_census_type(census, node);
		char *name = t == HEAP_NO_TYPE ? NULL : heap_node_type(census, node);

		gone[node] = name && strcmp(name, type) == 0;
		free(name);
	}
	left = reached_without(census, gone);
	free(gone);
	return all - left;
}

/* Four sessions hold a user together: no session retains one, all do. */
static void test_retained(void **state)
{
	struct shop shop;
	struct tm_heap *heap = shop_make(&shop, 100, 30);
	struct tm_heap_query query = { .retained = true };
	struct tm_heap_groups *groups;
	struct tm_err err;

	(void)state;
	groups = tm_heap_group(heap, &query, &err);
	for (size_t i = 0; i < groups->n; i++)
		if (strcmp(groups->items[i].name, "list") != 0) /* has garbage */
			assert_int_equal(groups->items[i].retained,
					 lost_by_going(heap, groups->items[i].name));
	assert_true(group(groups, "shop.models.Session")->retained >
		    100 * (48 + 64 + 192) + 25 * 96);
	tm_heap_groups_destroy(groups);
	tm_heap_destroy(heap);
}

/* Random references, random sets, each against its removal. */
static void test_together(void **state)
{
	unsigned dice = 7;

	(void)state;
	for (int round = 0; round < 60; round++) {
		struct made *made = made_create();
		uint32_t set[60] = { 0 }, n = 60;
		uint64_t lost[HEAP_SETS] = { 0 };
		struct tm_heap *heap;
		bool gone[60];

		made_type(made, "builtins", "object");
		for (uint32_t i = 1; i < n; i++)
			made_object(made, 0, 16 * i);
		for (uint32_t i = 0; i < 110; i++) {
			dice = dice * 1103515245 + 12345;
			made_edge(made, (dice >> 8) % n, (dice >> 16) % n,
				  HEAP_EDGE_WORD, 0);
		}
		for (uint32_t i = 0; i < n; i++) {
			dice = dice * 1103515245 + 12345;
			set[i] = i ? (dice >> 16) % 80 : 99;
		}
		heap = made_finish(made);
		heap_retained_together(heap->census, set, HEAP_SETS, lost);
		for (uint32_t s = 0; s < HEAP_SETS; s++) {
			uint64_t all, own = 0, one;

			memset(gone, 0, sizeof(gone));
			all = reached_without(heap->census, gone);
			for (uint32_t i = 1; i < n; i++)
				gone[i] = set[i] == s;
			one = all - reached_without(heap->census, gone);
			/* Those of the set that were reached. */
			for (uint32_t i = 1; i < n; i++)
				if (gone[i]) {
					bool without[60] = { 0 };

					without[i] = true;
					own += all != reached_without(heap->census, without) ?
					       made_size(heap->census, i) : 0;
				}
			assert_int_equal(lost[s] + own, one);
		}
		tm_heap_destroy(heap);
	}
}

/* ---- paths ------------------------------------------------------------------------ */

static void check_refs(struct tm_heap *heap)
{
	struct tm_heap_refs *refs;
	struct tm_err err;

	refs = tm_heap_refs(heap, "shop.models.Session", false, &err);
	assert_true(refs->known);
	assert_int_equal(refs->count, 100);
	assert_int_equal(refs->size, 4800);
	assert_int_equal(refs->n, 1);
	assert_string_equal(refs->paths[0].expression, "shop.cache.store[*]");
	assert_string_equal(refs->paths[0].root, "module shop.cache");
	assert_int_equal(refs->paths[0].count, 100);
	assert_int_equal(refs->paths[0].nsteps, 3);
	assert_string_equal(refs->paths[0].steps[0].edge, "shop.cache");
	assert_string_equal(refs->paths[0].steps[1].edge, "['store']");
	assert_string_equal(refs->paths[0].steps[1].type, "dict");
	tm_heap_refs_destroy(refs);
	refs = tm_heap_refs(heap, "shop.models.User", false, &err);
	assert_int_equal(refs->n, 1);
	assert_string_equal(refs->paths[0].expression, "shop.cache.store[*].user");
	tm_heap_refs_destroy(refs);
	/* Every integer of the linked list has the same path, folded. */
	refs = tm_heap_refs(heap, "int", false, &err);
	assert_int_equal(refs->count, 520);
	assert_string_equal(refs->paths[0].expression,
			    "shop.cache.head.next....value");
	assert_int_equal(refs->paths[0].count, 499);
	assert_string_equal(refs->paths[1].expression,
			    "thread 4711: handle().rows[*]");
	assert_int_equal(refs->paths[1].count, 20);
	tm_heap_refs_destroy(refs);
}

static void test_refs(void **state)
{
	struct shop shop;
	struct tm_heap *heap = shop_make(&shop, 100, 500);

	(void)state;
	check_refs(heap);
	tm_heap_destroy(heap);
}

/* Each by itself: with its own key, and what it retains of its own. */
static void test_instances(void **state)
{
	struct shop shop;
	struct tm_heap *heap = shop_make(&shop, 100, 20);
	struct tm_heap_instances *all;
	struct tm_heap_refs *refs;
	struct tm_err err;
	char path[64];

	(void)state;
	refs = tm_heap_refs(heap, "shop.models.Session", false, &err);
	assert_int_equal(refs->n, 1);
	all = tm_heap_instances(heap, refs->what, refs->paths[0].pattern, 30, &err);
	assert_int_equal(all->count, 100);
	assert_int_equal(all->n, 30);
	for (size_t i = 0; i < all->n; i++) {
		snprintf(path, sizeof(path), "shop.cache.store['k%zu']", i);
		assert_string_equal(all->items[i].expression, path);
		assert_int_equal(all->items[i].size, 48);
		/* Its dict and table, its name; the user is shared. */
		assert_int_equal(all->items[i].retained, 48 + 64 + 192 + 64);
	}
	tm_heap_instances_destroy(all);
	tm_heap_refs_destroy(refs);
	/* A dict's table counts for it; the other paths' dicts are not among them. */
	refs = tm_heap_refs(heap, "dict", false, &err);
	for (size_t i = 0; i < refs->n; i++) {
		uint64_t size = 0;

		all = tm_heap_instances(heap, "dict", refs->paths[i].pattern, 0, &err);
		assert_int_equal(all->count, refs->paths[i].count);
		assert_int_equal(all->n, all->count);
		for (size_t k = 0; k < all->n; k++)
			size += all->items[k].size;
		assert_int_equal(size, refs->paths[i].size);
		tm_heap_instances_destroy(all);
	}
	tm_heap_refs_destroy(refs);
	tm_heap_destroy(heap);
}

static void check_word(struct tm_heap *heap, const char *what, const char *path)
{
	struct tm_err err;
	struct tm_heap_refs *refs = tm_heap_refs(heap, what, false, &err);

	assert_non_null(refs);
	if (!path) {
		assert_false(refs->known);
		assert_int_equal(refs->count, 0);
	} else {
		assert_int_equal(refs->count, 1);
		assert_string_equal(refs->paths[0].expression, path);
	}
	tm_heap_refs_destroy(refs);
}

static void test_words(void **state)
{
	struct shop shop;
	struct tm_heap *heap = shop_make(&shop, 20, 5);
	struct tm_err err;
	char word[32];

	(void)state;
	check_word(heap, "shop.cache.store", "shop.cache.store");
	check_word(heap, "shop.cache.store['k7']", "shop.cache.store['k7']");
	check_word(heap, "shop.cache.store[\"k7\"].user", "shop.cache.store['k4'].user");
	check_word(heap, "shop.cache.head.next.next.value", "shop.cache.head.next....value");
	check_word(heap, "shop.cache.store['k77']", NULL);
	check_word(heap, "shop.cache.store[", NULL);
	check_word(heap, "shop.cachestore", NULL);
	check_word(heap, "", NULL);
	snprintf(word, sizeof(word), "0x%llx",
		 (unsigned long long)heap_object_address(heap->census, shop.store));
	check_word(heap, word, "shop.cache.store");
	assert_null(tm_heap_refs(heap, "0x10", false, &err));
	assert_int_equal(err.kind, TM_ERR_USAGE);
	tm_heap_destroy(heap);
}

/* A class without its module: those of all modules. */
static void test_class(void **state)
{
	struct shop shop;
	struct tm_heap *heap = shop_make(&shop, 100, 5);
	struct tm_heap_refs *refs;
	struct tm_err err;

	(void)state;
	refs = tm_heap_refs(heap, "Session", false, &err);
	assert_int_equal(refs->count, 100);
	assert_int_equal(refs->ntypes, 1);
	assert_string_equal(refs->types[0], "shop.models.Session");
	assert_string_equal(refs->paths[0].expression, "shop.cache.store[*]");
	tm_heap_refs_destroy(refs);
	heap->census->types[shop.user].name = "Session";
	heap->census->types[shop.user].module = "other";
	refs = tm_heap_refs(heap, "Session", false, &err);
	assert_int_equal(refs->count, 125);
	assert_int_equal(refs->ntypes, 2);
	assert_string_equal(refs->types[0], "other.Session");
	tm_heap_refs_destroy(refs);
	refs = tm_heap_refs(heap, "other.Session", false, &err);
	assert_int_equal(refs->count, 25);
	assert_int_equal(refs->ntypes, 0);
	tm_heap_refs_destroy(refs);
	tm_heap_destroy(heap);
}

static void test_down(void **state)
{
	struct shop shop;
	struct tm_heap *heap = shop_make(&shop, 100, 0);
	struct tm_heap_refs *refs;
	struct tm_err err;

	(void)state;
	refs = tm_heap_refs(heap, "shop.cache.store", true, &err);
	assert_int_equal(refs->n, 1);
	assert_string_equal(refs->paths[0].expression, "[*]");
	assert_string_equal(refs->paths[0].root, "shop.models.Session");
	assert_int_equal(refs->paths[0].count, 100);
	tm_heap_refs_destroy(refs);
	refs = tm_heap_refs(heap, "shop.models.Session", true, &err);
	assert_int_equal(refs->n, 2);
	assert_string_equal(refs->paths[0].expression, ".name");
	assert_string_equal(refs->paths[1].expression, ".user");
	assert_int_equal(refs->paths[1].size, 0); /* shared */
	tm_heap_refs_destroy(refs);
	tm_heap_destroy(heap);
}

/* ---- what stands out ----------------------------------------------------------------- */

static void test_suspects(void **state)
{
	struct shop shop;
	struct tm_heap *heap = shop_make(&shop, 1000, 0);
	struct tm_heap_suspects *suspects;
	struct tm_err err;

	(void)state;
	suspects = tm_heap_suspects(heap, 0.05, &err);
	assert_int_equal(suspects->n, 1);
	assert_string_equal(suspects->items[0].expression, "shop.cache.store");
	assert_string_equal(suspects->items[0].type, "dict");
	assert_string_equal(suspects->items[0].point, "shop.cache.store");
	assert_string_equal(suspects->items[0].inside, "shop.models.Session");
	assert_int_equal(suspects->items[0].inside_count, 1000);
	assert_true(suspects->items[0].retained > suspects->size * 9 / 10);
	tm_heap_suspects_destroy(suspects);
	tm_heap_destroy(heap);
	/* A linked list has no point in which it accumulates but its head. */
	heap = shop_make(&shop, 10, 10000);
	suspects = tm_heap_suspects(heap, 0.05, &err);
	assert_int_equal(suspects->n, 1);
	assert_string_equal(suspects->items[0].point, "shop.cache.head");
	tm_heap_suspects_destroy(suspects);
	tm_heap_destroy(heap);
}

static void test_waste(void **state)
{
	struct shop shop;
	struct tm_heap *heap = shop_make(&shop, 99, 0);
	struct tm_heap_wastes *wastes;
	struct tm_err err;

	(void)state;
	wastes = tm_heap_duplicates(heap, false, &err);
	assert_int_equal(wastes->n, 3);
	assert_null(wastes->items[0].value);
	assert_int_equal(wastes->items[0].count, 33);
	assert_int_equal(wastes->items[0].wasted, 32 * 64);
	tm_heap_wastes_destroy(wastes);
	wastes = tm_heap_duplicates(heap, true, &err);
	assert_int_equal(strncmp(wastes->items[0].value, "'name ", 6), 0);
	tm_heap_wastes_destroy(wastes);
	wastes = tm_heap_slack(heap, &err);
	assert_int_equal(wastes->n, 1);
	assert_string_equal(wastes->items[0].type, "list");
	assert_int_equal(wastes->items[0].wasted, 6 * 20 * 8);
	tm_heap_wastes_destroy(wastes);
	tm_heap_destroy(heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_since),
		cmocka_unit_test(test_retained),
		cmocka_unit_test(test_together),
		cmocka_unit_test(test_refs),
		cmocka_unit_test(test_instances),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_class),
		cmocka_unit_test(test_down),
		cmocka_unit_test(test_suspects),
		cmocka_unit_test(test_waste),
	};

	return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
