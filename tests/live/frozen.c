/*
 * What a target can notice of children and signals that are not its own.
 * Loaded by frozen_target.py.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int frozen_count_sigchld(void);
int frozen_ignore_sigchld(void);
int frozen_wait_loop(void);
int frozen_subreaper(void);
int frozen_signal_flood(void);
int frozen_vfork(void);
int frozen_forbid_clone(void);
long frozen_end(void);

static atomic_bool ending;
static atomic_long noticed;          /* anything that should not be */
static pthread_t thread;
static bool have_thread;

static void note_signal(int sig)
{
	(void)sig;
	noticed++;
}

int frozen_count_sigchld(void)
{
	return sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = note_signal }, NULL);
}

int frozen_ignore_sigchld(void)
{
	return sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
}

static void *wait_loop(void *arg)
{
	(void)arg;
	while (!ending) {
		int status;

		if (waitpid(-1, &status, 0) >= 0 || errno != ECHILD)
			noticed++;
		usleep(50);
	}
	return NULL;
}

static int start(void *(*run)(void *))
{
	have_thread = pthread_create(&thread, NULL, run, NULL) == 0;
	return have_thread ? 0 : -1;
}

int frozen_wait_loop(void)
{
	return start(wait_loop);
}

int frozen_subreaper(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1) || frozen_count_sigchld();
}

/* Queued real-time signals, each with a number: none may be lost or doubled. */
static _Atomic uint64_t sent_count, sent_sum, got_count, got_sum;

static void take_payload(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	got_count++;
	got_sum += (uint64_t)info->si_value.sival_int;
}

static void *flood(void *arg)
{
	(void)arg;
	for (int i = 1; !ending; i++) {
		union sigval value = { .sival_int = i };

		if (sigqueue(getpid(), SIGRTMIN + 3, value) == 0) {
			sent_count++;
			sent_sum += (uint64_t)i;
		} else {
			usleep(20);
		}
	}
	return NULL;
}

int frozen_signal_flood(void)
{
	struct sigaction action = { .sa_sigaction = take_payload,
				    .sa_flags = SA_SIGINFO | SA_RESTART };

	return sigaction(SIGRTMIN + 3, &action, NULL) || start(flood);
}

/* A thread that waits in vfork() cannot be stopped: it takes no notice until
 * its child is gone, and must go on at once then. */
static void *vfork_loop(void *arg)
{
	struct timespec nap = { .tv_nsec = 300000000 };

	(void)arg;
	while (!ending) {
		int status = -1;
		pid_t pid = vfork();

		if (pid == 0) {
			nanosleep(&nap, NULL);
			_exit(7);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid ||
		    !WIFEXITED(status) || WEXITSTATUS(status) != 7)
			noticed++;
	}
	return NULL;
}

int frozen_vfork(void)
{
	return start(vfork_loop);
}

/* From here on clone() fails with EPERM in all threads. */
int frozen_forbid_clone(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_TSYNC, &program);
}

/* How many things were noticed that should not have been. */
long frozen_end(void)
{
	int status;

	ending = true;
	if (have_thread)
		pthread_join(thread, NULL);
	/* Signals queued to the process are taken before this returns. */
	for (int i = 0; i < 1000000 && got_count != sent_count; i++)
		usleep(1);
	noticed += labs((long)(sent_count - got_count));
	noticed += sent_sum != got_sum;
	/* No child of any kind is left: __WALL sees them all. */
	if (waitpid(-1, &status, __WALL | WNOHANG) >= 0 || errno != ECHILD)
		noticed++;
	return noticed;
}
