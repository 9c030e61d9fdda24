/*
 * What is alive in a CPython: every used block classified by the type of the
 * object in it, and who refers to whom.
 *
 * The lists of the garbage collector are not the source, as they miss most
 * objects; they are the proof: each object that is tracked stands on one of
 * them, between two neighbours that know it, and nothing else does. Reference
 * counts certify references: words that may be pointers are taken for some as
 * long as the object counts more references than were found for certain.
 */
#ifndef TM_PY_OBJECTS_H
#define TM_PY_OBJECTS_H

#include "heap/blocks.h"
#include "heap/census.h"
#include "py/obmalloc.h"
#include "py/runtime.h"
#include "py/stacks.h"

struct py_census_opts {
	bool graph;    /* who refers to whom, garbage, holders */
	bool names;    /* and how: reads `mem` as long as the census lives */
	const struct py_c_stack *stacks; /* with `graph`: of the threads whose place is
					    known, ascending */
	size_t nstacks;
};

/*
 * Of memory that stands still. `blocks` is taken over, also on failure. `mem`,
 * `maps` and `arenas` are borrowed: as long as the census lives if opts->names, else
 * until the function returns. TM_ERR_BUSY: the collector's lists contradict
 * what was found, as in the middle of a collection; another instant may do.
 */
struct heap_census *py_census_make(struct tm_mem *mem, const struct tm_maps *maps,
				   const struct py_runtime *runtime,
				   const struct py_arena_list *arenas,
				   struct heap_blocks *blocks,
				   const struct py_census_opts *opts,
				   struct tm_err *err) TM_MUST_CHECK;

#endif
