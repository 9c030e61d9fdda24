/* Objects as traces, the paths to them as tracebacks. */
#include <string.h>

#include "base/big.h"
#include "base/guard.h"
#include "heap/groups.h"
#include "heap/heap.h"
#include "heap/patterns.h"

struct profile {
	struct tm_heap *heap;
	struct heap_patterns patterns;
	struct tm_builder *builder;
	uint64_t *whole;      /* by node: an object's size with its buffers */
	struct tm_map sites;  /* (pattern, type) -> site */
	struct tm_map frames; /* (pattern, 0) or (type, 1) -> frame */
};

static tm_id frame_called(struct profile *p, const char *name)
{
	tm_id text = tm_builder_string(p->builder, name, strlen(name));
	const struct tm_native_frame native = {
		.function = text, .module = TM_ID_NONE,
	};

	return tm_builder_native_frame(p->builder, text, 0, &native);
}

/* The last step of a pattern. */
static tm_id frame_of_step(struct profile *p, uint32_t pattern)
{
	uint32_t *frame = tm_map_put(&p->frames, (uint64_t)pattern << 1);
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };

	if (*frame != TM_MAP_NONE)
		return *frame;
	heap_patterns_step_text(&p->patterns, pattern, &text);
	*frame = frame_called(p, text.data);
	return *frame;
}

static tm_id frame_of_type(struct profile *p, uint32_t type)
{
	uint32_t *frame = tm_map_put(&p->frames, (uint64_t)type << 1 | 1);
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };

	if (*frame != TM_MAP_NONE)
		return *frame;
	heap_type_name(p->heap->census, type, &text);
	*frame = frame_called(p, text.data);
	return *frame;
}

static tm_id site_of(struct profile *p, uint32_t pattern, uint32_t type)
{
	uint32_t *site = tm_map_put(&p->sites, (uint64_t)pattern << 32 | type);
	tm_id frames[HEAP_PATTERN_STEPS + 2];
	uint32_t n = p->patterns.items[pattern].depth, total = n + 1;

	if (*site != TM_MAP_NONE)
		return *site;
	frames[n] = frame_of_type(p, type);
	for (; pattern; pattern = p->patterns.items[pattern].before)
		frames[--n] = frame_of_step(p, pattern);
	*site = tm_builder_site(p->builder, tm_builder_traceback(p->builder, frames,
				total, total), 0);
	return *site;
}

static void find_sizes(struct profile *p)
{
	const struct heap_census *census = p->heap->census;

	p->whole = tm_big_alloc(census->graph.nodes, sizeof(*p->whole));
	for (uint32_t node = 1; node < census->graph.nodes; node++)
		if (heap_is_owned(census, node))
			p->whole[heap_census_owner(census, node)] +=
				census->ops->size(census, node);
}

static bool has_path(const struct profile *p, uint32_t node)
{
	const struct heap_census *census = p->heap->census;

	return heap_node_kind(census, node) == HEAP_OBJECT &&
	       p->heap->paths.via[node] != HEAP_NO_EDGE &&
	       heap_census_type(census, node) != HEAP_NO_TYPE;
}

/* Whether a step varies is known when all have been seen. */
static void add_objects(struct profile *p)
{
	const struct heap_census *census = p->heap->census;

	for (uint32_t node = 1; node < census->graph.nodes; node++)
		if (has_path(p, node))
			heap_patterns_of(&p->patterns, &p->heap->paths, node);
	for (uint32_t node = 1; node < census->graph.nodes; node++) {
		uint32_t type = heap_census_type(census, node);

		if (!has_path(p, node))
			continue;
		tm_builder_traces(p->builder, site_of(p, heap_patterns_of(
			&p->patterns, &p->heap->paths, node), type),
			p->whole[node], 1);
	}
}

struct tm_snapshot *tm_heap_profile(struct tm_heap *heap, struct tm_err *err)
{
	struct profile p = { .heap = heap };
	struct tm_snapshot *ret;

	if (!heap_need_names(heap, err) || !heap_need_paths(heap, err))
		return NULL;
	p.builder = tm_builder_create();
	heap_patterns_init(&p.patterns, heap->census);
	find_sizes(&p);
	add_objects(&p);
	ret = tm_builder_finish(p.builder, &heap->meta, err);
	heap_patterns_deinit(&p.patterns);
	tm_big_free(p.whole);
	tm_map_free(&p.sites);
	tm_map_free(&p.frames);
	return ret;
}
