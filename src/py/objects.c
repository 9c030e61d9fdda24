#include "py/objects.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/big.h"
#include "py/census_private.h"

/* ob_tid, ob_mutex, ob_gc_bits, ob_ref_local (Include/object.h) */
enum { FREE_THREADED_FRONT = 16 };

static void count(struct py_census *census)
{
	struct heap_census *base = &census->base;

	base->proof.blocks = base->graph.nodes - 1;
	for (uint32_t i = 1; i < base->graph.nodes; i++) {
		base->proof.objects += heap_node_kind(base, i) == HEAP_OBJECT;
		base->proof.dead += heap_node_kind(base, i) == HEAP_DEAD;
		if (heap_blocks_estimated(&census->blocks, i)) {
			base->flags[i] |= HEAP_ESTIMATED;
			base->proof.estimated++;
		}
	}
}

static bool is_proved(const struct py_census *census, struct tm_err *err)
{
	const struct heap_proof *proof = &census->base.proof;

	if (proof->tracked == proof->listed)
		return true;
	tm_err_set(err, TM_ERR_BUSY, census->runtime.name,
		   "%" PRIu64 " objects of %" PRIu64 " that its garbage collector tracks "
		   "were found", proof->tracked, proof->listed);
	return tm_err_hint(err, "try again; it may be within a collection");
}

static void find_references(struct py_census *census)
{
	struct heap_graph *graph = &census->base.graph;

	graph->row = tm_big_alloc(graph->nodes + (size_t)1, sizeof(*graph->row));
	py_roots_add(census);
	py_edges(census);
	py_certify(census);
	tm_big_free(census->refs);
	tm_big_free(census->found);
	census->refs = census->found = NULL;
	py_garbage(census);
}

struct py_census *py_census_create(struct tm_mem *mem, const struct tm_maps *maps,
				   const struct py_runtime *runtime,
				   const struct py_arena_list *arenas,
				   struct heap_blocks *blocks)
{
	struct py_census *census = tm_calloc(1, sizeof(*census));

	census->base.ops = &py_census_ops;
	census->mem = mem;
	census->maps = maps;
	census->arenas = arenas;
	census->runtime = *runtime;
	census->layout = &runtime->layout->objects;
	census->gc_head = runtime->free_threaded ? 0 : runtime->layout->gc_head;
	census->front = runtime->free_threaded ? FREE_THREADED_FRONT : 0;
	census->blocks = *blocks;
	*blocks = (struct heap_blocks){ 0 };
	return census;
}

struct heap_census *py_census_make(struct tm_mem *mem, const struct tm_maps *maps,
				   const struct py_runtime *runtime,
				   const struct py_arena_list *arenas,
				   struct heap_blocks *blocks,
				   const struct py_census_opts *opts, struct tm_err *err)
{
	struct py_census *census = py_census_create(mem, maps, runtime, arenas, blocks);

	census->names = opts->names;
	census->stacks = opts->stacks;
	census->nstacks = opts->nstacks;
	if (!py_classify(census, err) || !is_proved(census, err)) {
		heap_census_destroy(&census->base);
		return NULL;
	}
	if (opts->graph)
		find_references(census);
	py_names(census);
	count(census);
	if (!opts->names)
		census->mem = NULL;
	return &census->base;
}
