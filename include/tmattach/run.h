/*
 * Starting a command with tracing on from its first allocation: `tmattach
 * run`.
 */
#ifndef TMATTACH_RUN_H
#define TMATTACH_RUN_H

#include "tmattach/session.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* exported by the library */

struct tm_run_opts {
	uint32_t nframe;
	/*
	 * A snapshot was taken: on SIGUSR1 (the command goes on), or when the
	 * interpreter is about to end (`final`: its exit handlers have run,
	 * nothing is torn down yet). The callee owns it.
	 */
	void (*snapshot)(void *ctx, struct tm_snapshot *snapshot, bool final);
	/* A one-line remark, also when a snapshot could not be taken. */
	void (*note)(void *ctx, const char *text);
	void *ctx;
};

/*
 * Make this process the command `argv` (found by PATH), with
 * PYTHONTRACEMALLOC set. Returns only on failure, with errno in
 * err->sys_errno.
 */
bool tm_run_exec(char *const argv[], uint32_t nframe,
		 struct tm_err *err) TM_MUST_CHECK;

/*
 * Run the command as a child until it ends, and take snapshots of it: of the
 * process itself and the programs it becomes by exec, not of its children.
 * Its end is caught by a hardware watchpoint on the interpreter's
 * "finalizing" mark, or, where it ends without finalizing (os._exit(), a
 * signal), in its last moment in the kernel; no byte of it is changed. Signals
 * sent to us are passed on; SIGUSR1 takes a snapshot. *ret_status is what the
 * shell would see: its exit status, or 128 + the signal that ended it.
 * If we are killed, the command goes on without us.
 */
bool tm_run_watched(char *const argv[], const struct tm_run_opts *opts,
		    int *ret_status, struct tm_err *err) TM_MUST_CHECK;

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
