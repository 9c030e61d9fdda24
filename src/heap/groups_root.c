/* Groups by the root that dominates. */
#include <string.h>

#include "base/big.h"
#include "base/guard.h"
#include "heap/groups_root.h"

static const char *const kinds[] = {
	[HEAP_ROOT_MODULE] = "module ", [HEAP_ROOT_FRAME] = "",
	[HEAP_ROOT_STATE] = "", [HEAP_ROOT_STATIC] = "", [HEAP_ROOT_NATIVE] = "",
	[HEAP_ROOT_STACK] = "", [HEAP_ROOT_IMMORTAL] = "",
};

void heap_root_name(const struct heap_census *census, uint32_t root,
		    struct tm_buf *ret)
{
	const struct heap_root *r = &census->roots[root];

	if (r->kind <= HEAP_ROOT_IMMORTAL)
		tm_buf_adds(ret, kinds[r->kind]);
	tm_buf_adds(ret, r->name);
	if (r->local)
		tm_buf_addf(ret, ".%s", r->local);
}

/* The groups of roots, by node: of several that hold it, the first kind's. */
static void map_roots(struct grouping *g, uint32_t *group_of)
{
	const struct heap_census *census = g->heap->census;
	TM_GUARD(tm_buf_free) struct tm_buf name = { 0 };

	for (int kind = HEAP_ROOT_IMMORTAL; kind >= HEAP_ROOT_MODULE; kind--)
		for (uint32_t i = 0; i < census->nroots; i++) {
			if ((int)census->roots[i].kind != kind)
				continue;
			tm_buf_clear(&name);
			heap_root_name(census, i, &name);
			group_of[census->graph.to[census->graph.row[0] + i]] =
				heap_group_named(g, &name);
		}
}

bool heap_group_roots(struct grouping *g, struct tm_err *err)
{
	const struct heap_census *census = g->heap->census;
	const struct heap_dominators *dominators = &g->heap->dominators;
	const struct tm_buf several = { .data = (char *)"(several roots)", .len = 15 };
	const struct tm_buf none = { .data = (char *)"(garbage)", .len = 9 };
	uint32_t *top;

	if (!heap_need_dominators(g->heap, err))
		return false;
	g->top = top = tm_big_alloc(census->graph.nodes, sizeof(*top));
	memset(top, 0xff, census->graph.nodes * sizeof(*top));
	map_roots(g, top);
	for (uint32_t i = 1; i < dominators->norder; i++) {
		uint32_t node = dominators->order[i];

		if (dominators->idom[node] != 0)
			top[node] = top[dominators->idom[node]];
		else if (top[node] == HEAP_NONE)
			top[node] = heap_group_named(g, &several);
	}
	for (uint32_t node = 1; node < census->graph.nodes; node++)
		if (!heap_is_reached(dominators, node))
			top[node] = heap_group_named(g, &none);
	return true;
}
