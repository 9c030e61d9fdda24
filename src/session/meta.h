/* What memory tells besides the traces, of a process that lives or one that
 * left a core. Private to src/session. */
#ifndef TM_SESSION_META_H
#define TM_SESSION_META_H

#include "mem/mem.h"
#include "py/runtime.h"
#include "tmattach/session.h"

/*
 * The scalars of a snapshot, from a core; pid, command, time and pause are the caller's to
 * add. TM_ERR_NOT_TRACED, about `object`, when tracing is off.
 */
bool tm_meta_read(struct tm_mem *mem, const struct py_runtime *runtime,
		  const char *object, struct tm_meta *ret, struct tm_err *err);

/* All of the status but the process' resident memory. */
bool tm_status_read(struct tm_mem *mem, const struct py_runtime *runtime,
		    struct tm_status *ret, struct tm_err *err);

#endif
