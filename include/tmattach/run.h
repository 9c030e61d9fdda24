/*
 * Running a command with tracing on from its first allocation, as `tmattach run`
 * does.
 *
 * Threads: both functions fork, handle the signals of the process and wait for
 * children; call them while the process has no other threads.
 */
#ifndef TMATTACH_RUN_H
#define TMATTACH_RUN_H

#include "tmattach/process.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* exported by the library */

/* What the pointers reach must live until the call returns. */
struct tm_run_opts {
	uint32_t nframe;
	bool children;         /* tm_run_watched(): snapshots also of the end of all
				  that descends from the command and runs Python,
				  and only of what does */
	bool use_recorder;     /* also in a CPython, instead of tracemalloc */
	/* The recorder, see tm_session_opts: of a CPython in its own allocators, unless
	 * use_recorder is set. */
	uint64_t sample_bytes;
	bool exact, c_frames;
	bool maps;             /* the same */
	bool in_core_dumps;    /* the same */
	const char *const *allocs, *const *frees; /* the same */
	size_t nallocs, nfrees;
	/*
	 * A snapshot was taken: on SIGUSR1 (the command goes on), or when the
	 * interpreter or program is about to end (`final`: exit handlers have
	 * run, but the interpreter has not torn anything down yet). It now
	 * belongs to the callee.
	 */
	void (*snapshot)(void *ctx, struct tm_snapshot *snapshot, bool final);
	/*
	 * Called in the process that becomes the command, right before exec:
	 * undoes what the caller has changed for itself (a signal that is
	 * ignored stays so in the command). It runs after a fork: no locks, no
	 * allocations. May be NULL.
	 */
	void (*before_exec)(void *ctx);
	/* A one-line remark; also says why a snapshot could not be taken. */
	void (*note)(void *ctx, const char *text);
	void *ctx;
};

/*
 * Make this process the command `argv` (found by PATH), with PYTHONTRACEMALLOC
 * set, unless a recorder is wanted in CPython, too. A short-lived process, which is not a child of the command, loads the
 * recorder into the program if it is not a CPython; not into programs that this
 * one becomes by exec, unless it is a launcher (env, a shell). It also makes a
 * CPython trace that ignores its environment, even one that is loaded later, in
 * the command or a child of it. `snapshot` is not called; `note` may be, in that
 * process. Returns only on failure, with errno in err->sys_errno.
 */
bool tm_run_exec(char *const argv[], const struct tm_run_opts *opts,
		 struct tm_err *err) TM_MUST_CHECK;

/*
 * Run the command as a child until it ends, and take snapshots of it: of the
 * process itself and the programs it becomes by exec; of its children only if
 * opts->children asks for that, then until the last of them has ended.
 *
 * Its end is caught by a detour that the interpreter's own functions make from
 * the beginning of its finalization on, or, where it ends without finalizing
 * (os._exit(), a signal), in its last moment in the kernel. A CPython that
 * ignores PYTHONTRACEMALLOC (-I, -E, a cleared environment, a frozen
 * application, also one that loads it later) is made to trace as soon as it is
 * up, and `note` says so; the recorder is brought in at the same moment where opts want
 * it in the allocators of a CPython, and again in each child that is followed and was
 * forked. A program that is not a CPython gets the recorder once
 * its libraries are loaded and before constructors are called, of these or its own; its
 * final snapshot is of its last moment.
 *
 * Signals sent to us are passed on; SIGUSR1 takes a snapshot. *ret_status is what
 * the shell would see: its exit status, or 128 + the signal that ended it.
 * If we are killed, at any instant, the command goes on without us.
 */
bool tm_run_watched(char *const argv[], const struct tm_run_opts *opts,
		    int *ret_status, struct tm_err *err) TM_MUST_CHECK;

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
