/*
 * Where obmalloc.c keeps its arenas: an array of struct arena_object, the same
 * from 3.7 to 3.15:
 *
 *	{ address, pool_address, uint nfreepools, uint ntotalpools, freepools,
 *	  nextarena, prevarena }
 *
 * `arenas`, the pointer to it, is a variable of the image until 3.11, and a
 * field of struct _obmalloc_state from 3.12 on: in the image for the main
 * interpreter; for interpreters with an allocator of their own in their
 * PyInterpreterState, or where that points to. The variable is found by what
 * it points to.
 *
 * The array proves itself, its length included. It has room for 16, 32, 64 ...
 * objects. Those in use have an arena, whose first pool holds their index;
 * the others have the address 0 and form one chain within the array.
 */
#ifndef TM_PY_OBMALLOC_H
#define TM_PY_OBMALLOC_H

#include "py/runtime.h"

struct py_arena {
	tm_addr address;
	tm_addr pools, carved;  /* its first pool, and the end of those ever used */
	uint64_t size;          /* with what is lost before the first pool */
	uint32_t index;
	uint32_t nfree, ntotal; /* pools */
};

struct py_arena_list {
	struct py_arena *items;
	size_t n, cap;
};

void py_arena_list_free(struct py_arena_list *list); /* works as a guard */
/* Do two of them? What two arrays or objects both claim was read in the middle of a change.
 * Sorts them by address. */
bool py_arena_list_overlaps(struct py_arena_list *list);

/* Where to look; valid for as long as the process runs this program. */
struct py_obmalloc {
	tm_addr roots[8];        /* words that point to the main array */
	size_t nroots;
	struct py_stack_fields fields;
	bool own;                /* the rest is known: other interpreters' states */
	bool in_place;           /* the state is a part of the interpreter */
	uint64_t offset;         /* of the state, or of the pointer to it */
};

/*
 * Of a running process. False if none can be found: the allocator is
 * another one (free-threaded builds, PYTHONMALLOC=malloc), or its shape is
 * not known. Never an error.
 */
bool py_obmalloc_find(struct tm_mem *mem, const struct tm_maps *maps,
		      const struct py_runtime *runtime, struct py_obmalloc *ret);

/*
 * The arenas of all interpreters, in memory that does not change; `maps` must be
 * of the same instant. False if the arrays do not prove themselves, because
 * a thread is in the middle of a change.
 */
bool py_obmalloc_arenas(struct tm_mem *mem, const struct tm_maps *maps,
			const struct py_runtime *runtime,
			const struct py_obmalloc *obmalloc,
			struct py_arena_list *ret);

#endif
