#include "guard.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* What a signal handler and a child after fork may touch: plain data. */
static struct {
	char restore[256];
	size_t len;
	struct termios modes;
	bool has_modes;
	int tty;
	int pipe;               /* the write end; -1: no child */
	pid_t child;
	volatile sig_atomic_t armed;
} guard = { .pipe = -1 };

static const int crashes[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
#define NCRASHES (sizeof(crashes) / sizeof(crashes[0]))
static struct sigaction before[NCRASHES];

static void restore_terminal(int tty)
{
	ssize_t n = write(tty, guard.restore, guard.len);

	(void)n;
	if (guard.has_modes)
		tcsetattr(tty, TCSANOW, &guard.modes);
}

/* 'a': armed, 'd': disarmed; the end of the pipe: the parent is gone. */
static void tell(char what)
{
	ssize_t n;

	if (guard.pipe < 0)
		return;
	do
		n = write(guard.pipe, &what, 1);
	while (n < 0 && errno == EINTR);
}

static void on_crash(int sig, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)context;
	if (guard.armed) {
		guard.armed = 0;
		restore_terminal(guard.tty);
		tell('d');
	}
	for (size_t i = 0; i < NCRASHES; i++)
		if (crashes[i] == sig)
			sigaction(sig, &before[i], NULL);
	/* A fault recurs on return; a signal that was sent must be sent again. */
	if (info->si_code <= 0)
		raise(sig);
	errno = saved;
}

static void catch_crashes(void)
{
	struct sigaction action = { .sa_sigaction = on_crash,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < NCRASHES; i++)
		sigaction(crashes[i], &action, &before[i]);
}

static _Noreturn void watch(int pipe)
{
	bool armed = false;
	char what;
	ssize_t n;

	setsid(); /* signals to our group are not for us, background tty access is */
	prctl(PR_SET_NAME, "tmattach-guard");
	dup2(guard.tty, 1);
	dup2(pipe, 0);
	close(2);
	close_range(3, ~0u, 0);
	do {
		n = read(0, &what, 1);
		if (n == 1)
			armed = what == 'a';
	} while (n == 1 || (n < 0 && errno == EINTR));
	if (armed)
		restore_terminal(1);
	_exit(0);
}

void guard_start(int tty, const char *restore)
{
	int ends[2];

	guard.len = strnlen(restore, sizeof(guard.restore));
	memcpy(guard.restore, restore, guard.len);
	guard.tty = tty;
	guard.armed = 0;
	guard.has_modes = tcgetattr(tty, &guard.modes) == 0;
	catch_crashes();
	if (pipe(ends) != 0)
		return;
	guard.child = fork();
	if (guard.child == 0) {
		close(ends[1]);
		watch(ends[0]);
	}
	close(ends[0]);
	if (guard.child < 0) {
		close(ends[1]);
		return;
	}
	guard.pipe = ends[1];
}

void guard_arm(bool armed)
{
	guard.armed = armed;
	tell(armed ? 'a' : 'd');
}

void guard_stop(void)
{
	for (size_t i = 0; i < NCRASHES; i++)
		sigaction(crashes[i], &before[i], NULL);
	if (guard.pipe < 0)
		return;
	tell('d');
	close(guard.pipe);
	guard.pipe = -1;
	while (waitpid(guard.child, NULL, 0) < 0 && errno == EINTR)
		;
}
