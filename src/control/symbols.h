/* Where the target's functions are that control needs. Private to src/control. */
#ifndef TM_CONTROL_SYMBOLS_H
#define TM_CONTROL_SYMBOLS_H

#include "control/payload.h"
#include "image/image.h"
#include "mem/mem.h"
#include "py/runtime.h"

enum { CONTROL_MAX_OPAQUE = 16 };

struct control_symbols {
	tm_addr fn[FN_COUNT];
	/* Images in which a thread may hold a lock that making a thread or
	 * allocating needs: the C library, the loader, other allocators. */
	struct tm_range opaque[CONTROL_MAX_OPAQUE];
	size_t nopaque;
	struct tm_range python; /* the image of the runtime */
	struct tm_range loader; /* musl: the C library itself is the loader,
				   and this is empty */
};

/* Reads only. TM_ERR_UNSUPPORTED names what the process does not have. */
bool control_symbols_find(struct tm_mem *mem, const struct tm_maps *maps, pid_t pid,
			  const struct py_runtime *runtime,
			  struct control_symbols *ret, struct tm_err *err) TM_MUST_CHECK;

bool control_is_opaque(const struct control_symbols *symbols, tm_addr pc);

#endif
