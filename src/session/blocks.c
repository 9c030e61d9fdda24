#include "session/blocks.h"

#include "heap/glibc.h"
#include "py/pools.h"

static bool add_chunks(struct tm_session *session, struct tm_mem *mem,
		       const struct heap_heads *heads, struct heap_blocks *blocks)
{
	const struct tm_maps *maps = &session->maps;
	struct heap_glibc heap;
	enum heap_result result;

	if (!heap_glibc_find(mem, maps, &heap))
		return true;
	result = heap_glibc_chunks(mem, &heap, heads, blocks);
	if (result == HEAP_TOLD)
		result = heap_glibc_large(mem, maps, &heap, HEAP_LARGE_PAGES, heads,
					  blocks);
	return result == HEAP_TOLD;
}

/* Of pymalloc: nothing, if Python has another allocator. */
static bool add_pools(struct tm_session *session, struct tm_mem *mem,
		      const struct heap_heads *heads, struct py_arena_list *arenas,
		      struct heap_blocks *blocks)
{
	const struct py_runtime *runtime = &session->runtime;
	const struct tm_maps *maps = &session->maps;
	struct py_obmalloc obmalloc;

	return !py_obmalloc_find(mem, maps, runtime, &obmalloc) ||
	       (py_obmalloc_arenas(mem, maps, runtime, &obmalloc, arenas) &&
		py_pools_add(mem, runtime, arenas, heads, blocks));
}

const char *tm_blocks_read(struct tm_session *session, struct tm_mem *mem,
			   const struct heap_heads *heads, struct py_arena_list *arenas,
			   struct heap_blocks *blocks)
{
	if (session->runtime.free_threaded) {
		if (!py_pages_add(mem, &session->maps, heads, arenas, blocks))
			return arenas->n ? "its pages were being changed at every instant tried"
					 : "the pages of its allocator have a form that is "
					   "not known";
	} else if (!add_pools(session, mem, heads, arenas, blocks)) {
		return "its pools were being changed at every instant tried";
	}
	if (!add_chunks(session, mem, heads, blocks) || !heap_blocks_finish(blocks))
		return "malloc's memory was being changed at every instant tried";
	return NULL;
}
