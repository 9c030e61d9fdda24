#include "target/stop.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/guard.h"
#include "base/log.h"
#include "target/arch.h"

/* PTRACE_EVENT_STOP is in <linux/ptrace.h>, which clashes with the libc's. */
enum { EVENT_STOP = 128 };

/* Time for a disk; a stop that meets no sleeper takes a tenth of it. */
enum { PATIENCE_NS = 2000000 };

bool tm_thread_option(struct tm_thread *thread, long option)
{
	if (ptrace(PTRACE_SETOPTIONS, thread->tid, NULL,
		   thread->options | option) != 0)
		return false;
	thread->options |= option;
	return true;
}

static bool known(const struct tm_stop *stop, pid_t tid)
{
	for (size_t i = 0; i < stop->n; i++)
		if (stop->threads[i].tid == tid &&
		    stop->threads[i].state != TM_THREAD_GONE)
			return true;
	return false;
}

/* The letter of proc(5); 'X' if there is no such thread any more. */
static char state_of(pid_t pid, pid_t tid)
{
	char path[80], line[512];
	TM_GUARD(tm_file_close) FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid,
		 (int)tid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		char state;

		if (sscanf(line, "State: %c", &state) == 1)
			return state;
	}
	return 'X';
}

/* A thread that has ended but is still listed (a leader whose other threads
 * go on) answers EPERM like a forbidden one. */
static bool has_ended(pid_t pid, pid_t tid)
{
	char state = state_of(pid, tid);

	return state == 'Z' || state == 'X';
}

/*
 * Threads that this thread of ours still traces although their stop is over:
 * they were in the kernel and could not be detached (see tm_stop_release()).
 * The next stop takes them over.
 */
struct late_thread {
	pid_t pid, tid;
};

static _Thread_local struct {
	struct late_thread *threads;
	size_t n;
	size_t cap;
} late;

static void late_add(pid_t pid, pid_t tid)
{
	late.threads = tm_grow(late.threads, &late.cap, late.n + 1,
			       sizeof(*late.threads));
	late.threads[late.n++] = (struct late_thread){ pid, tid };
}

static bool late_take(pid_t tid)
{
	for (size_t i = 0; i < late.n; i++)
		if (late.threads[i].tid == tid) {
			late.threads[i] = late.threads[--late.n];
			return true;
		}
	return false;
}

/* Traced by a thread of ours that is just ending? Joining it does not wait
 * for the kernel to detach what it traced. */
static bool tracer_fades(pid_t pid, pid_t tid)
{
	uint64_t tracer = 0;
	char path[64];

	if (!tm_process_status_u64(pid, tid, "TracerPid", 10, &tracer))
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d", (int)tracer);
	return tracer != 0 && tracer != (uint64_t)gettid() &&
	       access(path, F_OK) == 0;
}

static bool try_seize(pid_t pid, pid_t tid)
{
	enum { TRIES = 10000, AGAIN = 3 };
	struct timespec pause = { .tv_nsec = 100000 };

	for (int i = 0; i < TRIES; i++) {
		if (ptrace(PTRACE_SEIZE, tid, NULL, PTRACE_O_TRACESYSGOOD) == 0 ||
		    late_take(tid))
			return true;
		if (errno != EPERM)
			return false;
		/* It may have faded between the two looks: look AGAIN. */
		if (i >= AGAIN && !tracer_fades(pid, tid))
			break;
		nanosleep(&pause, NULL);
	}
	errno = EPERM;
	return false;
}

static bool seize(struct tm_stop *stop, pid_t tid, struct tm_err *err)
{
	pid_t pid = stop->process->pid;
	bool held = tid == stop->process->held;

	if (held || try_seize(pid, tid)) {
		stop->threads = tm_grow(stop->threads, &stop->cap, stop->n + 1,
					sizeof(*stop->threads));
		stop->threads[stop->n++] = (struct tm_thread){
			.tid = tid,
			.state = held ? TM_THREAD_STOPPED : TM_THREAD_SEIZED,
			.options = PTRACE_O_TRACESYSGOOD,
		};
		return true;
	}
	if (errno == ESRCH || (errno == EPERM && has_ended(pid, tid)))
		return true;
	return tm_process_explain(stop->process, errno, "cannot attach", err);
}

/* Seize threads not seen before; *ret_new counts them. */
static bool seize_new(struct tm_stop *stop, size_t *ret_new, struct tm_err *err)
{
	TM_GUARD(tm_dir_close) DIR *dir = NULL;
	char path[64];
	struct dirent *entry;
	size_t before = stop->n;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)stop->process->pid);
	dir = opendir(path);
	if (!dir)
		return tm_process_explain(stop->process, errno,
					  "cannot list its threads", err);
	while ((entry = readdir(dir))) {
		pid_t tid = (pid_t)atoi(entry->d_name);

		if (tid > 0 && !known(stop, tid) && !seize(stop, tid, err))
			return false;
	}
	*ret_new = stop->n - before;
	return true;
}

static void interrupt_new(struct tm_stop *stop, size_t n_new)
{
	for (size_t i = stop->n - n_new; i < stop->n; i++)
		if (stop->threads[i].state == TM_THREAD_SEIZED &&
		    ptrace(PTRACE_INTERRUPT, stop->threads[i].tid, NULL, NULL) != 0)
			stop->threads[i].state = TM_THREAD_GONE;
}

static void take_status(struct tm_thread *thread, int status)
{
	if (!WIFSTOPPED(status)) {
		thread->state = TM_THREAD_GONE;
	} else if (status >> 16 == EVENT_STOP) {
		thread->state = WSTOPSIG(status) == SIGTRAP
			? TM_THREAD_STOPPED : TM_THREAD_GROUP_STOP;
	} else {
		/* About to get a signal: hand it on; our interrupt stop comes
		 * before the first instruction of its handler. */
		int sig = status >> 16 ? 0 : WSTOPSIG(status);

		if (ptrace(PTRACE_CONT, thread->tid, NULL, (long)sig) != 0)
			thread->state = TM_THREAD_GONE;
	}
}

/* Collect the stops that have happened; returns how many are still due. */
static size_t collect(struct tm_stop *stop)
{
	size_t due = 0;

	for (size_t i = 0; i < stop->n; i++) {
		struct tm_thread *thread = &stop->threads[i];
		int status;
		pid_t got;

		if (thread->state != TM_THREAD_SEIZED &&
		    thread->state != TM_THREAD_IN_KERNEL)
			continue;
		got = waitpid(thread->tid, &status, __WALL | WNOHANG);
		if (got == thread->tid)
			take_status(thread, status);
		else if (got < 0 && errno != EINTR)
			thread->state = TM_THREAD_GONE;
		if (thread->state == TM_THREAD_SEIZED)
			due++;
	}
	return due;
}

/* Threads that nothing can wake (vfork(), a disk): to wait for them is to have
 * all others stand still for nothing. */
static void leave_sleepers(struct tm_stop *stop)
{
	for (size_t i = 0; i < stop->n; i++)
		if (stop->threads[i].state == TM_THREAD_SEIZED &&
		    state_of(stop->process->pid, stop->threads[i].tid) == 'D')
			stop->threads[i].state = TM_THREAD_IN_KERNEL;
}

static void wait_all(struct tm_stop *stop, uint64_t deadline_ns)
{
	struct timespec pause = { .tv_nsec = 20000 };
	uint64_t patience_ns = tm_now_ns() + PATIENCE_NS;

	while (collect(stop) > 0 && tm_now_ns() < deadline_ns) {
		if (tm_now_ns() >= patience_ns)
			leave_sleepers(stop);
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 500000)
			pause.tv_nsec *= 2;
	}
	for (size_t i = 0; i < stop->n; i++)
		if (stop->threads[i].state == TM_THREAD_SEIZED) {
			stop->threads[i].state = TM_THREAD_IN_KERNEL;
			tm_log("thread %d does not stop", (int)stop->threads[i].tid);
		}
}

static bool signal_pending(pid_t pid, pid_t tid)
{
	uint64_t own = 0, shared = 0, blocked = 0;

	if (!tm_process_status_u64(pid, tid, "SigPnd", 16, &own) ||
	    !tm_process_status_u64(pid, tid, "ShdPnd", 16, &shared) ||
	    !tm_process_status_u64(pid, tid, "SigBlk", 16, &blocked))
		return true;
	return ((own | shared) & ~blocked) != 0;
}

/*
 * Some calls (epoll_wait, sigtimedwait, semop, sockets with a timeout) return
 * EINTR after any stop. If no signal is the reason, have them executed again.
 */
static void undo_eintr(pid_t pid, pid_t tid)
{
	struct user_regs_struct regs;

	if (!tm_regs_get(tid, &regs) || !tm_regs_eintr(&regs) ||
	    signal_pending(pid, tid))
		return;
	tm_regs_again(&regs);
	tm_regs_set(tid, &regs);
}

static void undo_eintr_all(const struct tm_stop *stop)
{
	for (size_t i = 0; i < stop->n; i++)
		if (stop->threads[i].state == TM_THREAD_STOPPED)
			undo_eintr(stop->process->pid, stop->threads[i].tid);
}

bool tm_stop_all(const struct tm_process *process, unsigned deadline_ms,
		 struct tm_stop *ret, struct tm_err *err)
{
	uint64_t deadline;
	size_t n_new = 0;

	*ret = (struct tm_stop){ .process = process };
	if (!tm_process_check(process, err))
		return false;
	if (!seize_new(ret, &n_new, err))
		goto fail;
	ret->began_ns = tm_now_ns();
	deadline = ret->began_ns + deadline_ms * 1000000ull;
	while (n_new > 0) {
		interrupt_new(ret, n_new);
		wait_all(ret, deadline);
		if (!seize_new(ret, &n_new, err))
			goto fail;
	}
	undo_eintr_all(ret);
	/* An exec or exit meanwhile: what was stopped is another program. */
	if (!tm_process_check(process, err))
		goto fail;
	return true;
fail:
	undo_eintr_all(ret);
	tm_stop_guard(ret);
	return false;
}

/* PTRACE_DETACH works only on a stopped thread. What comes late is treated like
 * what came in time; a signal is handed on. */
static bool detach_if_stopped(pid_t pid, pid_t tid)
{
	int status, sig = 0;

	if (waitpid(tid, &status, __WALL | WNOHANG) != tid)
		return false;
	if (!WIFSTOPPED(status))
		return true;
	if (status >> 16 == 0)
		sig = WSTOPSIG(status);
	else
		undo_eintr(pid, tid);
	ptrace(PTRACE_DETACH, tid, NULL, (long)sig);
	return true;
}

static void detach_but(struct tm_stop *stop, const struct tm_thread *keep)
{
	for (size_t i = 0; i < stop->n; i++) {
		struct tm_thread *thread = &stop->threads[i];

		if (thread != keep &&
		    (thread->state == TM_THREAD_STOPPED ||
		     thread->state == TM_THREAD_GROUP_STOP)) {
			if (thread->tid != stop->process->held)
				ptrace(PTRACE_DETACH, thread->tid, NULL, NULL);
			thread->state = TM_THREAD_GONE;
		}
	}
}

void tm_stop_keep(struct tm_stop *stop, const struct tm_thread *keep)
{
	detach_but(stop, keep);
}

uint64_t tm_stop_release(struct tm_stop *stop)
{
	uint64_t paused = 0;

	detach_but(stop, NULL);
	if (stop->began_ns)
		paused = tm_now_ns() - stop->began_ns;
	stop->began_ns = 0;
	tm_stop_poll(stop);
	return paused;
}

void tm_stop_poll(struct tm_stop *stop)
{
	size_t kept = 0;

	for (size_t i = 0; i < stop->n; i++) {
		struct tm_thread thread = stop->threads[i];

		if (thread.state != TM_THREAD_GONE &&
		    !detach_if_stopped(stop->process->pid, thread.tid))
			stop->threads[kept++] = thread;
	}
	stop->n = kept;
	tm_stop_poll_late();
}

/* ---- threads that come late --------------------------------------------------- */

void tm_stop_poll_late(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < late.n; i++)
		if (!detach_if_stopped(late.threads[i].pid, late.threads[i].tid))
			late.threads[kept++] = late.threads[i];
	late.n = kept;
}

/* Does any of them only wait for a processor? */
static bool any_awake(void)
{
	for (size_t i = 0; i < late.n; i++)
		if (state_of(late.threads[i].pid, late.threads[i].tid) != 'D')
			return true;
	return false;
}

/* For that many milliseconds, and longer for those that are awake. */
static void await_late(int tries, int awake_tries)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	tm_stop_poll_late();
	for (int i = 0; late.n > 0 && (i < tries || (i < awake_tries && any_awake())); i++) {
		nanosleep(&pause, NULL);
		tm_stop_poll_late();
	}
}

void tm_stop_guard(struct tm_stop *stop)
{
	tm_stop_release(stop);
	for (size_t i = 0; i < stop->n; i++)
		late_add(stop->process->pid, stop->threads[i].tid);
	free(stop->threads);
	*stop = (struct tm_stop){ 0 };
	await_late(0, 500);
}

void tm_stop_forget_late(void)
{
	await_late(50, 2000);
	free(late.threads);
	memset(&late, 0, sizeof(late));
}
