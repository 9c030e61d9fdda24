/*
 * Calling a function of _tracemalloc inside a running CPython: start, stop,
 * clear_traces.
 *
 * One way for every version and every state of the main thread: a helper
 * thread of the target's own kind. A thread of the target that holds no lock
 * (instant.h) is borrowed for one call of pthread_create(), 50 to 300 us, with
 * all its signals blocked and all other threads running; it gets every
 * register back and its interrupted system call is restarted by the kernel.
 * The helper thread, on a stack of ours and with all signals blocked, does
 * what any foreign thread may do: PyGILState_Ensure(), one call through the C
 * API, PyGILState_Release(), and ends. After that the mapping is taken out.
 *
 * Why not the other ways (each was tried on 3.7 to 3.15):
 *  - Py_AddPendingCall() runs on the main thread only (until 3.11), and not
 *    while it sleeps, selects or joins; waking it up shows EINTR to programs
 *    with handlers; the borrowed thread can hold the queue's own lock.
 *  - PyGILState_Ensure() on a blocked thread of the program takes the GIL and
 *    runs Python under the program's frames, trace functions and pending
 *    exception, and there must be a blocked one; on a thread that waits for
 *    the GIL it hangs. If we died meanwhile, that thread would be lost.
 *  - PEP 768 (3.14+) needs a file that the target can open in its root, may
 *    be switched off, is ignored by a thread that is blocked, and runs source
 *    code in the middle of the program (trace functions, audit hooks). It is
 *    the second means (script.h), where this one cannot be used: a seccomp
 *    filter that we may not suspend, or a program that exports too little.
 *  - a raw clone() has no thread-local storage, and the C API needs it.
 * The C API is called without any Python source: nothing of ours runs under
 * sys.settrace(), appears in a traceback, or stays in sys.modules but
 * _tracemalloc itself. Nothing is traced of our own: the helper thread
 * allocates what it needs before tracing begins.
 *
 * A program that embeds Python may keep the GIL while its own loop waits, for
 * as long as it likes. If the thread that is borrowed waits so, nothing of
 * Python's is on its stack and it holds the GIL, it makes the call itself, as
 * any C code of the program's could at that place.
 *
 * What can remain: glibc gives a new thread an arena of its own if it may
 * still make one; it is used again by the next thread, as after any thread.
 *
 * If the helper thread does not get the GIL in time (C code holds it), it is
 * told to do nothing, while everything stands still; it ends by itself when
 * the GIL comes free, and only its stack (1 MiB of address space) is left,
 * until the next control_settle() or control_do() takes it out (stray.h).
 * If tmattach is killed at any instant, the borrowed thread finishes the call
 * it is in and returns on a signal frame (arch/arch.h) into what it did
 * before; the helper thread, if it was born, makes the call and ends. Their
 * memory is left, again until the next time; a helper that then still waits
 * for the GIL is told to do nothing.
 */
#ifndef TM_CONTROL_CONTROL_H
#define TM_CONTROL_CONTROL_H

#include "control/refusal.h"
#include "mem/mem.h"
#include "remote/remote.h"
#include "py/runtime.h"
#include "target/process.h"

struct control_target {
	const struct tm_process *process;
	struct tm_mem *mem;
	const struct py_runtime *runtime;
	struct tm_remote_code insn; /* remote.h */
};

struct control_call {
	const char *method;     /* of _tracemalloc */
	bool has_arg;
	int32_t arg;
	bool by_restart;        /* while it traces: instead, with no other
				   thread in between, stop() and start(arg) */
	const char *undo;       /* what undoes it if it is cancelled while it is
				   being executed; NULL: then it is not
				   cancelled */
	uint32_t refuse;        /* enum control_refusal */
	uint64_t deadline_ns;   /* by tm_now_ns(): until then it is to begin;
				   it is not cut short afterwards */
	unsigned timeout_ms;    /* what led to that deadline, for messages */
	bool (*give_up)(void);  /* called while it waits: true is as if the
				   time were up; NULL: never */
};

/* What is known after it. */
struct control_done {
	bool left;              /* the helper thread has not ended in time, and
				   its stack stays */
	/* Interpreters: that there are, with an allocator of their own (where
	 * that is known), and that have ended. */
	uint32_t alive, own, ended;
};

/*
 * What a tmattach that was killed has left comes to its end, before the state
 * is asked for: its call may still be made meanwhile, and what was read before
 * would be wrong. Errors as of control_do(), for the call that is to follow.
 */
bool control_settle(const struct control_target *target, const struct control_call *call,
		    struct tm_err *err) TM_MUST_CHECK;

/*
 * Make the call and wait for its end. TM_ERR_BUSY: it was not made, and will
 * not be (the message says what keeps the target, and what is left);
 * TM_ERR_LIMIT: it raised, with the exception's text; TM_ERR_UNSUPPORTED:
 * subinterpreters, or neither means can be used. Errors of the lower rooms as they are.
 * Call it on a thread that ends afterwards, as for everything that stops.
 */
bool control_do(const struct control_target *target, const struct control_call *call,
		struct control_done *ret, struct tm_err *err) TM_MUST_CHECK;

#endif
