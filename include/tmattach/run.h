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
	bool use_recorder;     /* in a CPython, too, instead of tracemalloc */
	uint64_t sample_bytes; /* of the recorder, see tm_session_opts */
	bool in_core;          /* the same */
	/*
	 * A snapshot was taken: on SIGUSR1 (the command goes on), or when the
	 * interpreter or program is about to end (`final`: exit handlers have
	 * run, an interpreter has torn nothing down yet). The callee owns it.
	 */
	void (*snapshot)(void *ctx, struct tm_snapshot *snapshot, bool final);
	/* A one-line remark, also when a snapshot could not be taken. */
	void (*note)(void *ctx, const char *text);
	void *ctx;
};

/*
 * Make this process the command `argv` (found by PATH), with
 * PYTHONTRACEMALLOC set. A short-lived process, which is no child of the
 * command, brings the recorder into the program if it is no CPython; not into
 * what that becomes by exec. `snapshot` is not called; `note` may be, in that
 * process. Returns only on failure, with errno in err->sys_errno.
 */
bool tm_run_exec(char *const argv[], const struct tm_run_opts *opts,
		 struct tm_err *err) TM_MUST_CHECK;

/*
 * Run the command as a child until it ends, and take snapshots of it: of the
 * process itself and the programs it becomes by exec, not of its children.
 * Its end is caught by a hardware watchpoint on the interpreter's
 * "finalizing" mark, or, where it ends without finalizing (os._exit(), a
 * signal), in its last moment in the kernel. What is no CPython gets the
 * recorder when its libraries are loaded and its own code has not begun; its
 * last snapshot is of its last moment. Signals
 * sent to us are passed on; SIGUSR1 takes a snapshot. *ret_status is what the
 * shell would see: its exit status, or 128 + the signal that ended it.
 * If we are killed, the command goes on without us; but for about a
 * millisecond when an interpreter has done its work and begins to end: then
 * the SIGTRAP of the watchpoint may be on its way, and ends it.
 */
bool tm_run_watched(char *const argv[], const struct tm_run_opts *opts,
		    int *ret_status, struct tm_err *err) TM_MUST_CHECK;

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
