/* The items of a list or tuple in another process. */
#ifndef TM_PY_SEQUENCE_H
#define TM_PY_SEQUENCE_H

#include "py/runtime.h"

struct py_sequence {
	tm_addr items;           /* this many pointers to objects are there */
	uint64_t n;
};

/* False if it is neither a list or tuple nor an object of a subclass. */
bool py_sequence_read(struct tm_mem *mem, const struct py_runtime *runtime,
		      tm_addr sequence, struct py_sequence *ret) TM_MUST_CHECK;

/* False after the last item, and where memory cannot be read. */
bool py_sequence_item(struct tm_mem *mem, const struct py_sequence *sequence,
		      uint64_t i, tm_addr *ret) TM_MUST_CHECK;

#endif
