#include "session/run_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/arch.h"

enum { EAGER_TRIES = 20000, MAX_TRIES = EAGER_TRIES + 1000 };

static void take_out(pid_t command)
{
	int status;

	/* Its first tracer is just being taken away from it; from then on it
	 * runs towards the breakpoint, so there is no time to sleep. */
	for (int i = 0; ptrace(PTRACE_SEIZE, command, NULL, NULL) != 0; i++) {
		if (i == MAX_TRIES)
			return;
		if (i < EAGER_TRIES)
			sched_yield();
		else
			usleep(1000);
	}
	if (ptrace(PTRACE_INTERRUPT, command, NULL, NULL) != 0)
		return;
	while (waitpid(command, &status, __WALL) == command && WIFSTOPPED(status)) {
		int sig = status >> 16 ? 0 : WSTOPSIG(status);

		/* It was hit between the death and our coming. */
		if (sig == SIGTRAP && tm_break_hit(command))
			sig = 0;
		tm_break_clear(command);
		if (ptrace(PTRACE_DETACH, command, NULL, (long)sig) == 0)
			return;
	}
}

static void guard(int in)
{
	pid_t command = 0, said;
	struct pollfd pidfd = { .fd = -1, .events = POLLIN };

	setsid();
	prctl(PR_SET_NAME, "tmattach-guard");
	while (read(in, &said, sizeof(said)) == sizeof(said)) {
		command = said;
		if (command == 0)
			_exit(0);
		pidfd.fd = (int)syscall(SYS_pidfd_open, command, 0);
	}
	/* The pid is its own only while it lives. */
	if (command && pidfd.fd >= 0 && poll(&pidfd, 1, 0) == 0)
		take_out(command);
	_exit(0);
}

static void close_all_but(int keep)
{
	long max = sysconf(_SC_OPEN_MAX);

	if (syscall(SYS_close_range, keep + 1, ~0u, 0) == 0 &&
	    syscall(SYS_close_range, 0, keep - 1, 0) == 0)
		return;
	for (int fd = 0; fd < max && fd < 65536; fd++)
		if (fd != keep)
			close(fd);
}

bool run_guard_start(struct run_guard *ret)
{
	int fds[2];

	*ret = (struct run_guard){ .out = -1 };
	if (pipe2(fds, O_CLOEXEC) != 0)
		return false;
	ret->pid = fork();
	if (ret->pid == 0) {
		close_all_but(fds[0]);
		guard(fds[0]);
	}
	close(fds[0]);
	if (ret->pid < 0) {
		close(fds[1]);
		ret->pid = 0;
		return false;
	}
	ret->out = fds[1];
	return true;
}

void run_guard_watch(struct run_guard *guard, pid_t command)
{
	if (write(guard->out, &command, sizeof(command)) < 0)
		return; /* it is gone; there is nothing to be done about it */
}

void run_guard_end(struct run_guard *guard)
{
	if (!guard->pid)
		return;
	run_guard_watch(guard, 0);
	close(guard->out);
	waitpid(guard->pid, NULL, 0);
	*guard = (struct run_guard){ .out = -1 };
}
