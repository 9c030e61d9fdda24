/* The lists of the garbage collector. Private to src/py. */
#ifndef TM_PY_COLLECTOR_H
#define TM_PY_COLLECTOR_H

#include "py/census_private.h"

/* Find the heads of the lists of all interpreters: census->heads. */
bool py_collector_begin(struct py_census *census, struct tm_err *err);

/*
 * Where the list leads to from an object whose GC head begins at `head`: nodes, or
 * PY_FIRST_HEAD and more. *ret_tracked: is it on one? False: these words are not
 * a head.
 */
bool py_collector_links(const struct py_census *census, const char *head, uint32_t *ret_next,
			uint32_t *ret_prev, bool *ret_tracked);

/*
 * After all objects were found: those that their neighbours do not refer to are
 * not objects. Count the rest, and the lists, for the proof.
 */
void py_collector_prove(struct py_census *census);

#endif
