/* The used blocks of a Python's allocators at one instant. Private to src/session. */
#ifndef TM_SESSION_BLOCKS_H
#define TM_SESSION_BLOCKS_H

#include "heap/blocks.h"
#include "py/obmalloc.h"
#include "session/subject.h"

/* NULL, or what was being changed at this instant: another one may do. `arenas` and
 * `blocks` are empty before, and the caller's afterwards. With `heads`, nothing else is
 * learnt of the blocks: which of a pool are in use. */
const char *tm_blocks_read(struct tm_session *session, struct tm_mem *mem,
			   const struct heap_heads *heads, struct py_arena_list *arenas,
			   struct heap_blocks *blocks);

#endif
