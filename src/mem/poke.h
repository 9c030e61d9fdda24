/*
 * Writing into a process: the only place that does (tests/check-deps).
 *
 * /proc/PID/mem also writes to pages that the process itself may only read or
 * execute, unless the kernel is configured to respect their protection
 * (proc_mem.force_override=never, Linux 6.12). ptrace still writes there, word
 * by word, and needs for that a thread that we trace and that is stopped.
 *
 * All return false with errno; ESRCH: that memory is gone (it has ended, or
 * called exec() since it was opened).
 */
#ifndef TM_MEM_POKE_H
#define TM_MEM_POKE_H

#include "mem/mem.h"

/* A descriptor of its memory, for reading and writing; -1 with errno. Close it. */
int tm_poke_open(pid_t pid);

/*
 * `stopped` is a stopped thread of ours, or 0: while all of them run, only
 * pages that are the process's own to write are sure to be written.
 */
bool tm_poke(int fd, pid_t stopped, tm_addr at, const void *bytes,
	     size_t len) TM_MUST_CHECK;

/* The same, with a descriptor that is opened for it. */
bool tm_poke_once(pid_t pid, pid_t stopped, tm_addr at, const void *bytes,
		  size_t len) TM_MUST_CHECK;

/* One word at once: whoever executes or reads it sees the old or the new one.
 * (/proc/PID/mem promises nothing of the kind.) `at` may be unaligned, but not
 * cross the end of a page. */
bool tm_poke_word(pid_t stopped, tm_addr at, uint64_t word) TM_MUST_CHECK;

/* Into a file that the process has mapped, by offset. */
bool tm_poke_file(int fd, uint64_t offset, const void *bytes, size_t len) TM_MUST_CHECK;

#endif
