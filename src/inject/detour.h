/*
 * Functions of a program that go through code of ours first. The program is
 * stopped, and none of its threads has been in those functions yet: it is only
 * just loaded, or the library is. So no thread has to be moved out of the way, and
 * nothing has to be taken out again: if we are killed, the detours just lead
 * through their code.
 */
#ifndef TM_INJECT_DETOUR_H
#define TM_INJECT_DETOUR_H

#include "arch/arch.h"
#include "mem/mem.h"
#include "target/maps.h"
#include "target/process.h"

/* The function that this one only forwards to; this one itself if it does
 * more. `size` 0: not known. */
tm_addr tm_detour_follow(struct tm_mem *mem, tm_addr function, uint64_t size);

/*
 * Two pages within reach of `near`: data, and above it code, which is never
 * writable. A thread of the process (process.held) executes three system calls
 * for that.
 */
bool tm_detour_map(const struct tm_process *process, struct tm_mem *mem,
		   const struct tm_maps *maps, tm_addr near, tm_addr *ret,
		   struct tm_err *err) TM_MUST_CHECK;

/* Write there, or wherever it is ours. */
bool tm_detour_write(const struct tm_process *process, tm_addr at, const void *bytes,
		     size_t len, struct tm_err *err) TM_MUST_CHECK;

/* The function's first instructions, as they have to be at `to`. Returns
 * NULL, or why they cannot be moved. */
const char *tm_detour_make(struct tm_mem *mem, tm_addr function, uint64_t size,
			   tm_addr to, struct tm_trampoline *ret);

/* Have it jump to `to`, by one write: it is whole or not there. */
bool tm_detour_set(const struct tm_process *process, struct tm_mem *mem,
		   tm_addr function, tm_addr to, struct tm_err *err) TM_MUST_CHECK;

#endif
