/* Objects and the memory blocks they are in. */
#ifndef TM_PY_OBJECT_H
#define TM_PY_OBJECT_H

#include "mem/mem.h"
#include "py/runtime.h"

/*
 * Where the block of the object at `object` (its id()) begins, as
 * get_object_traceback() computes it from the object's type: garbage
 * collector header and pre-headers come before the object. False if no object
 * of a plausible type is there.
 */
bool py_object_block(struct tm_mem *mem, const struct py_runtime *runtime,
		     tm_addr object, tm_addr *ret);

/* What that takes. Bytes; offsets in PyTypeObject. */
struct py_object_header {
	uint16_t type_flags;
	uint16_t gc_head;         /* if flags have one of: */
	uint32_t gc_flags;
	uint32_t preheader_flags; /* two words before that */
};

struct py_object_header py_object_header(const struct py_runtime *runtime);

/* Built-in types whose subclasses are marked in tp_flags: Py_TPFLAGS_*_SUBCLASS
 * of Include/object.h, the same from 3.7 to 3.15. */
enum py_object_kind {
	PY_IS_INT = 1 << 24,
	PY_IS_LIST = 1 << 25,
	PY_IS_TUPLE = 1 << 26,
	PY_IS_STR = 1 << 28,
	PY_IS_DICT = 1 << 29,
};

/* The type of an object and its tp_flags; false unless that is a type that is ready. */
bool py_object_type(struct tm_mem *mem, const struct py_runtime *runtime, tm_addr object,
		    tm_addr *ret_type, uint64_t *ret_flags) TM_MUST_CHECK;

/* Is there an object of this type, or of a subclass? */
bool py_object_is(struct tm_mem *mem, const struct py_runtime *runtime,
		  tm_addr object, enum py_object_kind kind) TM_MUST_CHECK;

#endif
