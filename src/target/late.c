#include "target/late.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "base/alloc.h"
#include "target/process.h"
#include "target/restart.h"

struct late_thread {
	pid_t pid, tid;
};

static _Thread_local struct {
	struct late_thread *threads;
	size_t n;
	size_t cap;
} late;

bool tm_late_detach(pid_t pid, pid_t tid)
{
	int status, sig = 0;
	const pid_t got = waitpid(tid, &status, __WALL | WNOHANG);

	/* Its number is gone with an exec, at which it became the main thread. */
	if (got < 0 && errno == ECHILD)
		return true;
	if (got != tid)
		return false;
	if (!WIFSTOPPED(status))
		return true;
	if (status >> 16 == 0)
		sig = WSTOPSIG(status);
	else
		tm_restart_call(pid, tid);
	ptrace(PTRACE_DETACH, tid, NULL, (long)sig);
	return true;
}

void tm_late_add(pid_t pid, pid_t tid)
{
	late.threads = tm_grow(late.threads, &late.cap, late.n + 1,
			       sizeof(*late.threads));
	late.threads[late.n++] = (struct late_thread){ pid, tid };
}

bool tm_late_take(pid_t tid)
{
	for (size_t i = 0; i < late.n; i++)
		if (late.threads[i].tid == tid) {
			late.threads[i] = late.threads[--late.n];
			return true;
		}
	return false;
}

void tm_late_poll(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < late.n; i++)
		if (!tm_late_detach(late.threads[i].pid, late.threads[i].tid))
			late.threads[kept++] = late.threads[i];
	late.n = kept;
}

/* Does any of them only wait for a processor? */
static bool any_awake(void)
{
	for (size_t i = 0; i < late.n; i++)
		if (tm_process_state(late.threads[i].pid, late.threads[i].tid) != 'D')
			return true;
	return false;
}

/* For that many milliseconds, and longer for those that are awake. */
static void await(int tries, int awake_tries)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	tm_late_poll();
	for (int i = 0; late.n > 0 && (i < tries || (i < awake_tries && any_awake())); i++) {
		nanosleep(&pause, NULL);
		tm_late_poll();
	}
}

void tm_late_await_awake(void)
{
	await(0, 500);
}

void tm_late_forget(void)
{
	await(50, 2000);
	free(late.threads);
	memset(&late, 0, sizeof(late));
}
