/*
 * Objects in memory of an allocator that cannot be walked: those on the lists of the
 * garbage collector, and what is referred to from them, from objects in blocks that are
 * known, and from roots; and the private memory of all these. Each is a block that is as
 * large as its type says, without what the allocator has rounded.
 *
 * An object that the collector does not track, and that only memory of C or nothing at
 * all leads to, is not found.
 */
#ifndef TM_PY_TYPED_H
#define TM_PY_TYPED_H

#include "heap/blocks.h"
#include "py/obmalloc.h"
#include "py/runtime.h"

/*
 * Add them to the blocks, which may be empty. Of memory that stands still.
 * TM_ERR_BUSY: the collector's lists were being changed.
 */
bool py_typed_add(struct tm_mem *mem, const struct tm_maps *maps,
		  const struct py_runtime *runtime, const struct py_arena_list *arenas,
		  struct heap_blocks *blocks, struct tm_err *err) TM_MUST_CHECK;

#endif
