/*
 * A census with what was computed from it: the tm_heap of heap/ask.h.
 * What is computed stays, and is shared by all questions.
 */
#ifndef TM_HEAP_HEAP_H
#define TM_HEAP_HEAP_H

#include "heap/census.h"
#include "heap/dominators.h"
#include "heap/paths.h"
#include "heap/ask.h"

struct tm_heap {
	struct heap_census *census;
	struct tm_meta meta;

	/* Use the functions below for what follows. */
	struct heap_dominators dominators; /* `idom` is NULL: not computed */
	uint64_t *retained;                /* by node; NULL: not computed */
	struct heap_paths paths;           /* `via` is NULL: not computed */
};

/* The census is the heap's from now on. */
struct tm_heap *tm_heap_create(struct heap_census *census,
			       const struct tm_meta *meta);

/* Each fails if the census has no references, or too many. */
bool heap_need_dominators(struct tm_heap *heap, struct tm_err *err) TM_MUST_CHECK;
bool heap_need_retained(struct tm_heap *heap, struct tm_err *err) TM_MUST_CHECK;
bool heap_need_paths(struct tm_heap *heap, struct tm_err *err) TM_MUST_CHECK;
/* What the references are called. */
bool heap_need_names(const struct tm_heap *heap, struct tm_err *err) TM_MUST_CHECK;

/* Is it in use, an object or an object's buffer? */
static inline bool heap_is_owned(const struct heap_census *census, uint32_t node)
{
	enum heap_kind kind = heap_node_kind(census, node);

	return kind == HEAP_OBJECT || kind == HEAP_BUFFER;
}

/* "shop.Session"; of builtins without their module. */
void heap_type_name(const struct heap_census *census, uint32_t type,
		    struct tm_buf *ret);

/* malloc'ed; "root" of node 0, "memory" of what belongs to no object. */
char *heap_node_type(const struct heap_census *census, uint32_t node);

/* What id() gives; 0 of node 0. */
uint64_t heap_object_address(const struct heap_census *census, uint32_t node);

#endif
