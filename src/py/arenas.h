/*
 * pymalloc's arenas: how much memory the main interpreter's allocator for
 * small objects holds, and how much of it is in no use. obmalloc.c keeps them
 * in an array of struct arena_object, the same from 3.7 to 3.15:
 *
 *	{ address, pool_address, uint nfreepools, uint ntotalpools, freepools,
 *	  nextarena, prevarena }
 *
 * `arenas`, the pointer to it, is a variable of the image (until 3.11, and in
 * obmalloc_state_main from 3.13 on) or of _PyRuntime's main interpreter
 * (3.12). It is found by what it points to: every pool in use begins with a
 * header that holds the index of its arena.
 */
#ifndef TM_PY_ARENAS_H
#define TM_PY_ARENAS_H

#include "py/runtime.h"

struct py_arena {
	tm_addr address;
	uint64_t size;
	uint64_t free_bytes; /* in pools without a block */
};

struct py_arenas {
	struct py_arena *items;
	size_t n, cap;
};

/*
 * False if there are none to be found: another allocator (free-threaded
 * builds, PYTHONMALLOC=malloc), or an unknown shape. Never an error. Of a
 * running process it is what stood there while it was read.
 */
bool py_arenas_read(struct tm_mem *mem, const struct tm_maps *maps,
		    const struct py_runtime *runtime, struct py_arenas *ret);
void py_arenas_free(struct py_arenas *arenas); /* works as a guard */

#endif
