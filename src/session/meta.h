/* What memory tells besides the traces, of a process that lives or one that
 * left a core. Private to src/session. */
#ifndef TM_SESSION_META_H
#define TM_SESSION_META_H

#include "mem/mem.h"
#include "py/runtime.h"
#include "tmattach/session.h"

/*
 * The scalars of a snapshot, from memory that does not change; pid, command,
 * time and pause are the caller's to add, and so is the error where *state is
 * not PY_TRACING: then nothing else was read.
 */
bool tm_meta_read(struct tm_mem *mem, const struct py_runtime *runtime,
		  struct tm_meta *ret, enum py_state *state,
		  struct tm_err *err) TM_MUST_CHECK;

/* Now, as in meta.taken_at. */
int64_t tm_wall_clock_ms(void);

/* All of the status but the process' resident memory. */
bool tm_status_read(struct tm_mem *mem, const struct py_runtime *runtime,
		    struct tm_status *ret, struct tm_err *err);

#endif
