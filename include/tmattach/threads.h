/*
 * What the threads of a process or core file do, and what waits in it without one: tasks
 * of asyncio and greenlets.
 *
 * Threads: as for all that is asked of a session (process.h).
 */
#ifndef TMATTACH_THREADS_H
#define TMATTACH_THREADS_H

#include "tmattach/process.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* exported by the library */

/* Whose stack it is. What waits without a thread has a Python stack alone. */
enum tm_thread_kind {
	TM_KIND_THREAD,
	TM_KIND_TASK,          /* of asyncio, not done */
	TM_KIND_GREENLET,      /* suspended */
};

/* What a thread is doing: its native stack, and for CPython its Python stack. */
struct tm_thread_info {
	enum tm_thread_kind kind;
	pid_t tid;             /* 0: Python code whose thread is not known, and
				  what is no thread */
	char name[128];        /* the kernel's; "": unknown. A core has only that
				  of the main thread. Of a task: get_name() */
	/* Of tasks and greenlets. */
	uint64_t address;      /* id() */
	char type[80];         /* "_asyncio.Task", "gevent._gevent_cgreenlet.Greenlet" */
	char doing[16];        /* "waiting", "ready", "not started"; "running": its
				  stack is that of a thread */
	char waits_for[160];   /* "_asyncio.Future", "task Task-7"; "": not known */
	char state;            /* as in ps(1): R, S, D, T, Z...; before the stop.
				  '?': unknown, as in a core */
	char syscall[32];      /* the system call it is in; "" if in none */
	/*
	 * Frames run oldest first, inlined calls among them. Empty if the
	 * thread could not be stopped (state D). `function` of a frame is set
	 * for Python frames too (the qualified name from 3.11 on).
	 */
	const struct tm_frame_view *native;
	size_t nnative;
	bool native_complete;  /* the oldest frame is the thread's first */
	const struct tm_frame_view *python;
	size_t npython;
	bool python_complete;
};

struct tm_threads {
	struct tm_meta meta;   /* pid, runtime ("" if no CPython), command,
				  taken_at, pause_ns */
	const struct tm_thread_info *threads; /* by tid, the main thread first,
				  what has no known thread last; then tasks by name,
				  then greenlets */
	size_t n;
	size_t nthreads;       /* how many of them are no task and no greenlet */
	char note[256];        /* why Python stacks, or tasks and greenlets, are
				  missing; "" if they are not */
};

/*
 * All threads at one instant, of any process that can be attached to (see
 * `allow_any`), and of a core. The result belongs to the caller and does not
 * need the session, which keeps symbols for the next call. NULL with *err.
 */
struct tm_threads *tm_session_threads(struct tm_session *session,
				      struct tm_err *err) TM_MUST_CHECK;
void tm_threads_destroy(struct tm_threads *threads); /* NULL is fine */

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
