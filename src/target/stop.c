#include "target/stop.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/guard.h"
#include "base/log.h"
#include "target/late.h"
#include "target/restart.h"
#include "target/stat.h"

/* Time for a disk; a stop without sleeping threads takes a tenth of it. */
enum { PATIENCE_NS = 2000000 };
/* Beyond the deadline, for a CPU: quotas of cgroups are of up to a second. */
#define STARVED_NS (5000 * TM_NS_PER_MS)

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

/* A thread that has ended but is still listed (a leader whose other threads
 * go on) answers EPERM like a forbidden one. */
static bool has_ended(pid_t pid, pid_t tid)
{
	char state = tm_process_state(pid, tid);

	return state == 'Z' || state == 'X';
}

/* 0: nobody any more. */
static pid_t tracer_of(pid_t pid, pid_t tid)
{
	uint64_t tracer = 0;

	return tm_process_status_u64(pid, tid, "TracerPid", 10, &tracer) ? (pid_t)tracer : 0;
}

/* A thread of ours that is just ending? Joining it does not wait for the kernel to
 * detach what it traced. */
static bool tracer_fades(pid_t tracer)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d", (int)tracer);
	return tracer != 0 && tracer != gettid() && access(path, F_OK) == 0;
}

/* Another tmattach: it looks for some milliseconds and is gone again. */
static bool tracer_is_brief(pid_t tracer)
{
	struct target_stat fields = { .name = "" };

	return tracer != 0 && target_stat_read(tracer, &fields) &&
	       strcmp(fields.name, "tmattach") == 0;
}

/* *ret_tracer: who was in the way, who may be gone by now. */
static bool try_seize(pid_t pid, pid_t tid, pid_t *ret_tracer)
{
	enum { TRIES = 10000, AGAIN = 3 };
	struct timespec pause = { .tv_nsec = 100000 };
	pid_t tracer;

	for (int i = 0; i < TRIES; i++) {
		if (ptrace(PTRACE_SEIZE, tid, NULL, PTRACE_O_TRACESYSGOOD) == 0 ||
		    tm_late_take(tid))
			return true;
		if (errno != EPERM)
			return false;
		/* It may have ended between the two looks: look AGAIN. */
		tracer = tracer_of(pid, tid);
		*ret_tracer = tracer ? tracer : *ret_tracer;
		if (i >= AGAIN && !tracer_fades(tracer))
			break;
		nanosleep(&pause, NULL);
	}
	errno = EPERM;
	return false;
}

/* *ret_brief: one that is there for a short time is in the way. */
static bool seize(struct tm_stop *stop, pid_t tid, bool *ret_brief, struct tm_err *err)
{
	pid_t pid = stop->process->pid;
	bool held = tid == stop->process->held;
	pid_t tracer = 0;

	if (held || try_seize(pid, tid, &tracer)) {
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
	if (errno == EPERM && tracer) {
		*ret_brief = tracer_is_brief(tracer);
		return tm_process_traced(stop->process, tracer, err);
	}
	return tm_process_explain(stop->process, errno, "cannot attach", err);
}

/* Seize threads not seen before; *ret_new counts them. */
static bool seize_new(struct tm_stop *stop, size_t *ret_new, bool *ret_brief,
		      struct tm_err *err)
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

		if (tid > 0 && !known(stop, tid) && !seize(stop, tid, ret_brief, err))
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
	} else if (status >> 16 == TM_EVENT_STOP) {
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

/* Threads that nothing can wake (vfork(), a disk): waiting for them would keep
 * all others stopped for nothing. */
static void leave_sleepers(struct tm_stop *stop)
{
	for (size_t i = 0; i < stop->n; i++)
		if (stop->threads[i].state == TM_THREAD_SEIZED &&
		    tm_process_state(stop->process->pid, stop->threads[i].tid) == 'D')
			stop->threads[i].state = TM_THREAD_IN_KERNEL;
}

/* It would stop if it had a CPU, and nobody is held meanwhile. */
static bool starves(const struct tm_stop *stop)
{
	for (size_t i = 0; i < stop->n; i++)
		if (tm_thread_stands(&stop->threads[i]) ||
		    (stop->threads[i].state == TM_THREAD_SEIZED &&
		     tm_process_state(stop->process->pid, stop->threads[i].tid) != 'R'))
			return false;
	return stop->n > 0;
}

static void wait_all(struct tm_stop *stop, uint64_t deadline_ns)
{
	struct timespec pause = { .tv_nsec = 20000 };
	uint64_t patience_ns = tm_now_ns() + PATIENCE_NS;

	while (collect(stop) > 0 &&
	       (tm_now_ns() < deadline_ns ||
		(tm_now_ns() < deadline_ns + STARVED_NS && starves(stop)))) {
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

static void restart_calls(const struct tm_stop *stop)
{
	for (size_t i = 0; i < stop->n; i++)
		if (stop->threads[i].state == TM_THREAD_STOPPED)
			tm_restart_call(stop->process->pid, stop->threads[i].tid);
}

static bool stop_once(const struct tm_process *process, unsigned deadline_ms,
		      struct tm_stop *ret, bool *ret_brief, struct tm_err *err)
{
	uint64_t deadline;
	size_t n_new = 0;

	*ret = (struct tm_stop){ .process = process };
	if (!tm_process_check(process, err))
		return false;
	if (!seize_new(ret, &n_new, ret_brief, err))
		goto fail;
	ret->began_ns = tm_now_ns();
	deadline = ret->began_ns + deadline_ms * TM_NS_PER_MS;
	while (n_new > 0) {
		interrupt_new(ret, n_new);
		wait_all(ret, deadline);
		if (!seize_new(ret, &n_new, ret_brief, err))
			goto fail;
	}
	restart_calls(ret);
	/* An exec or exit in between: what was stopped is another program. */
	if (!tm_process_check(process, err))
		goto fail;
	return true;
fail:
	/* Only who stops can be let go. */
	if (*ret_brief)
		interrupt_new(ret, ret->n);
	restart_calls(ret);
	tm_stop_guard(ret);
	return false;
}

/* Another tmattach is waited for, with all of ours let go: it may hold but one thread, which
 * it has borrowed. */
bool tm_stop_all(const struct tm_process *process, unsigned deadline_ms,
		 struct tm_stop *ret, struct tm_err *err)
{
	enum { TRIES = 200 };
	struct timespec pause = { .tv_nsec = 10000000 };

	for (int i = 0;; i++) {
		bool brief = false;

		if (stop_once(process, deadline_ms, ret, &brief, err))
			return true;
		if (!brief || i == TRIES)
			return false;
		nanosleep(&pause, NULL);
		tm_late_poll();
	}
}

static bool is_exec(long nr)
{
	return nr == SYS_execve || nr == SYS_execveat;
}

bool tm_stop_keeps_program(const struct tm_stop *stop, struct tm_err *err)
{
	const struct tm_process *process = stop->process;

	for (size_t i = 0; i < stop->n; i++)
		if (stop->threads[i].state == TM_THREAD_IN_KERNEL &&
		    is_exec(tm_process_call(process->pid, stop->threads[i].tid))) {
			tm_err_set(err, TM_ERR_BUSY, process->object,
				   "a thread of it waits for another program to be executed");
			return tm_err_hint(err, "try again when that has come");
		}
	return true;
}

pid_t tm_stop_any(const struct tm_stop *stop)
{
	for (size_t i = 0; i < stop->n; i++)
		if (tm_thread_stands(&stop->threads[i]))
			return stop->threads[i].tid;
	return 0;
}

static void detach_but(struct tm_stop *stop, const struct tm_thread *keep)
{
	for (size_t i = 0; i < stop->n; i++) {
		struct tm_thread *thread = &stop->threads[i];

		if (thread != keep && tm_thread_stands(thread)) {
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
		    !tm_late_detach(stop->process->pid, thread.tid))
			stop->threads[kept++] = thread;
	}
	stop->n = kept;
	tm_late_poll();
}

void tm_stop_guard(struct tm_stop *stop)
{
	tm_stop_release(stop);
	for (size_t i = 0; i < stop->n; i++)
		tm_late_add(stop->process->pid, stop->threads[i].tid);
	free(stop->threads);
	*stop = (struct tm_stop){ 0 };
	tm_late_await_awake();
}
