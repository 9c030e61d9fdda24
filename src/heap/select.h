/* Which objects a word of the user means. */
#ifndef TM_HEAP_SELECT_H
#define TM_HEAP_SELECT_H

#include "heap/heap.h"

/* malloc'ed; zeroed is empty. */
struct heap_selection {
	uint32_t *nodes; /* objects, ascending */
	size_t n, cap;
	bool known;      /* there is such a type, object or expression */
	uint32_t *types; /* what a class name without its module meant */
	size_t ntypes, types_cap;
};

/*
 * A type, an address, an expression, or else the name of classes without their
 * modules: of all of them. TM_ERR_USAGE: an address of no object.
 */
bool heap_select(struct heap_selection *ret, struct tm_heap *heap, const char *what,
		 struct tm_err *err) TM_MUST_CHECK;
void heap_selection_free(struct heap_selection *self);

#endif
