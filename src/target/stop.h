/*
 * Stopping a whole process and letting it go again.
 *
 * PTRACE_SEIZE all threads, PTRACE_INTERRUPT all, then wait for all: no
 * SIGSTOP is ever sent, a process that was SIGSTOPped stays stopped, and if
 * we die the kernel lets the threads run on. All calls on one stop must come
 * from the thread that made it (ptrace's rule).
 */
#ifndef TM_TARGET_STOP_H
#define TM_TARGET_STOP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "target/process.h"
#include "tmattach/err.h"

/* What waitpid() reports of a thread that was seized: PTRACE_EVENT_STOP, which is
 * in <linux/ptrace.h> and clashes with the libc's, and PTRACE_O_TRACESYSGOOD's. */
enum { TM_EVENT_STOP = 128, TM_SYSCALL_STOP = SIGTRAP | 0x80 };

enum tm_thread_state {
	TM_THREAD_SEIZED,      /* running, ours */
	TM_THREAD_STOPPED,     /* in our interrupt stop */
	TM_THREAD_GROUP_STOP,  /* in the job-control stop it was in before */
	TM_THREAD_IN_KERNEL,   /* does not stop: waits in vfork() or state D */
	TM_THREAD_GONE,
};

struct tm_thread {
	pid_t tid;
	enum tm_thread_state state;
	long options;          /* the PTRACE_O_* that are set on it */
};

struct tm_stop {
	const struct tm_process *process;
	struct tm_thread *threads;
	size_t n;
	size_t cap;
	uint64_t began_ns;     /* CLOCK_MONOTONIC just before the first INTERRUPT */
};

/* The usual deadline: a thread that needs longer to stop is in the kernel. */
enum { TM_STOP_DEADLINE_MS = 200 };

/*
 * Stop every thread, including those that appear meanwhile. A thread that
 * cannot stop within `deadline_ms`, or that sleeps uninterruptibly after some
 * milliseconds, is left IN_KERNEL: it does not run user code there and stops by
 * itself when it comes back, before it does. The
 * EINTR that a stop would show to the program is undone here. On failure
 * nothing is left stopped.
 */
bool tm_stop_all(const struct tm_process *process, unsigned deadline_ms,
		 struct tm_stop *ret, struct tm_err *err) TM_MUST_CHECK;

/*
 * Let all threads run on as they were. Returns for how long the process was
 * stopped, in ns. Threads that were IN_KERNEL are let go as soon as they come to
 * our stop: call tm_stop_poll() now and then while the struct lives; when the
 * calling thread ends, the kernel detaches the rest (which is why a session
 * stops its target from a thread of its own).
 */
uint64_t tm_stop_release(struct tm_stop *stop);
void tm_stop_poll(struct tm_stop *stop);
/* Let all threads but `keep` run on; the stop remains with that one. */
void tm_stop_keep(struct tm_stop *stop, const struct tm_thread *keep);
/* Release and forget; a no-op on a zeroed struct: the scope guard. Threads
 * that sleep in the kernel stay ours (late.h). */
void tm_stop_guard(struct tm_stop *stop);

/* One of the stopped threads; 0 if there is none. */
pid_t tm_stop_any(const struct tm_stop *stop);
static inline bool tm_thread_stands(const struct tm_thread *thread)
{
	return thread->state == TM_THREAD_STOPPED || thread->state == TM_THREAD_GROUP_STOP;
}

/*
 * False with TM_ERR_BUSY if one of its threads waits in execve(), as for a disk or a
 * network. That ends all others, stopped or not, and gives the number of the main thread
 * to another program: nothing may be written or executed there. None can come into it
 * while the stop lasts.
 */
bool tm_stop_keeps_program(const struct tm_stop *stop, struct tm_err *err) TM_MUST_CHECK;

/* Set further PTRACE_O_* options on a stopped thread; false with errno. */
bool tm_thread_option(struct tm_thread *thread, long option);

#endif
