/*
 * Runs a command and lets a signal hit it at one exact system call.
 *
 *   chaos FD list COMMAND...           the fault points of a run, one per line
 *   chaos FD NUMBER SIGNAL COMMAND...  its run with SIGNAL at that point
 *
 * What a command does to a process, it does by system calls: between two of
 * them there is nothing to interrupt. Its fault points are therefore the entry
 * into (before anything of it happened) and the return from each call that
 * can have an effect beyond the command's own memory; their names tell the
 * call, and of ptrace() the request. Threads are followed, children are not:
 * they may be somebody's target.
 *
 * After the signal the command runs untraced. One that stops is continued
 * when it is seen to have stopped and a line has come on stdin. The last line
 * on descriptor FD is "end NAME exited|killed N".
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const names[] = {
#include "syscalls.def"
};
enum { NNAMES = sizeof(names) / sizeof(names[0]), MAX_THREADS = 64 };

/* What reads, or changes nothing but the caller's own memory. */
static const long harmless[] = {
	SYS_read, SYS_pread64, SYS_readv, SYS_preadv, SYS_process_vm_readv, SYS_mmap,
	SYS_munmap, SYS_mprotect, SYS_mremap, SYS_brk, SYS_madvise, SYS_mincore, SYS_fstat,
	SYS_stat, SYS_lstat, SYS_newfstatat, SYS_statx, SYS_lseek, SYS_getdents64, SYS_close,
	SYS_access, SYS_faccessat2, SYS_readlink, SYS_futex, SYS_prlimit64, SYS_getrandom,
	SYS_getpid, SYS_gettid, SYS_geteuid, SYS_getuid, SYS_sysinfo, SYS_uname, SYS_ioctl,
	SYS_fcntl, SYS_rt_sigprocmask, SYS_rt_sigpending, SYS_rt_sigaction, SYS_rseq,
	SYS_set_robust_list, SYS_set_tid_address, SYS_arch_prctl, SYS_clock_gettime,
	SYS_clock_nanosleep, SYS_nanosleep, SYS_sched_yield, SYS_pipe2, SYS_openat2,
	SYS_getpgrp, SYS_getppid, SYS_sched_getaffinity, SYS_gettimeofday, SYS_statfs,
};

static const char *const requests[] = {
	[PTRACE_CONT] = "CONT", [PTRACE_KILL] = "KILL", [PTRACE_SINGLESTEP] = "SINGLESTEP",
	[PTRACE_DETACH] = "DETACH", [PTRACE_SYSCALL] = "SYSCALL", [PTRACE_GETREGS] = "GETREGS",
	[PTRACE_SETREGS] = "SETREGS", [PTRACE_GETFPREGS] = "GETFPREGS",
	[PTRACE_SETFPREGS] = "SETFPREGS",
};
static const char *const late_requests[] = { /* from 0x4200 on */
	"SETOPTIONS", "GETEVENTMSG", "GETSIGINFO", "SETSIGINFO", "GETREGSET", "SETREGSET",
	"SEIZE", "INTERRUPT", "LISTEN", "PEEKSIGINFO", "GETSIGMASK", "SETSIGMASK",
	"SECCOMP_GET_FILTER", "SECCOMP_GET_METADATA", "GET_SYSCALL_INFO",
	"GET_RSEQ_CONFIGURATION",
};

struct run {
	pid_t command;
	long wanted;            /* fault point, 0: list all */
	int signal;
	long point;             /* points so far */
	char name[64];          /* of the one that was hit */
	FILE *report;
	struct thread {
		pid_t tid;
		bool effect;    /* within a call that is a fault point */
		char call[48];
	} threads[MAX_THREADS];
};

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static bool has_effect(const struct __ptrace_syscall_info *info)
{
	if (info->entry.nr == SYS_openat && !(info->entry.args[2] & O_ACCMODE))
		return false;
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if ((long)info->entry.nr == harmless[i])
			return false;
	return true;
}

static const char *request_name(uint64_t request)
{
	const char *name = NULL;

	if (request < sizeof(requests) / sizeof(requests[0]))
		name = requests[request];
	else if (request >= 0x4200 &&
		 request - 0x4200 < sizeof(late_requests) / sizeof(late_requests[0]))
		name = late_requests[request - 0x4200];
	return name ? name : "other";
}

static void name_call(const struct __ptrace_syscall_info *info, char *ret, size_t size)
{
	uint64_t nr = info->entry.nr;
	const char *name = nr < NNAMES && names[nr] ? names[nr] : "?";

	if (nr == SYS_ptrace)
		snprintf(ret, size, "%s(%s)", name, request_name(info->entry.args[0]));
	else
		snprintf(ret, size, "%s", name);
}

static struct thread *thread_of(struct run *run, pid_t tid)
{
	for (int i = 0; i < MAX_THREADS; i++) {
		struct thread *t = &run->threads[i];

		if (t->tid == 0)
			t->tid = tid;
		if (t->tid == tid)
			return t;
	}
	fprintf(stderr, "chaos: more than %d threads\n", MAX_THREADS);
	exit(2);
}

/* A system call stop; true if it is the point that is wanted. */
static bool at_point(struct run *run, pid_t tid)
{
	struct __ptrace_syscall_info info;
	struct thread *t = thread_of(run, tid);
	bool entry;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) < 0)
		return false;
	entry = info.op == PTRACE_SYSCALL_INFO_ENTRY;
	if (entry) {
		t->effect = has_effect(&info);
		name_call(&info, t->call, sizeof(t->call));
	}
	if (!t->effect || (!entry && info.op != PTRACE_SYSCALL_INFO_EXIT))
		return false;
	run->point++;
	snprintf(run->name, sizeof(run->name), "%s%s", entry ? "before " : "after ", t->call);
	if (run->wanted == 0)
		fprintf(run->report, "%s\n", run->name);
	return run->point == run->wanted;
}

static void start(struct run *run, char **argv)
{
	int go[2];
	char c = 0;

	if (pipe2(go, O_CLOEXEC) < 0)
		die("pipe2");
	run->command = fork();
	if (run->command < 0)
		die("fork");
	if (run->command == 0) {
		if (read(go[0], &c, 1) == 1)
			execv(argv[0], argv);
		die(argv[0]);
	}
	if (ptrace(PTRACE_SEIZE, run->command, NULL,
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL) < 0 ||
	    ptrace(PTRACE_INTERRUPT, run->command, NULL, NULL) < 0 ||
	    write(go[1], &c, 1) != 1)
		die("ptrace");
	close(go[0]);
	close(go[1]);
}

/* A thread that is not at the point goes on without us. */
static void let_go(pid_t tid)
{
	int status;

	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0)
		return;
	if (waitpid(tid, &status, __WALL) != tid || !WIFSTOPPED(status))
		return;
	/* A signal that was just coming is delivered, not lost. */
	ptrace(PTRACE_DETACH, tid, NULL, (void *)(intptr_t)(status >> 16 ||
	       WSTOPSIG(status) & 0x80 ? 0 : WSTOPSIG(status)));
}

/* The command goes on without us, with the signal. */
static void strike(struct run *run, pid_t at)
{
	for (int i = 0; i < MAX_THREADS && run->threads[i].tid; i++)
		if (run->threads[i].tid != at)
			let_go(run->threads[i].tid);
	kill(run->command, run->signal);
	ptrace(PTRACE_DETACH, at, NULL, NULL);
}

/* What a stop that is no fault point goes on with. */
static void go_on(pid_t tid, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (event == PTRACE_EVENT_STOP && sig != SIGTRAP) {
		ptrace(PTRACE_LISTEN, tid, NULL, NULL); /* a group stop */
		return;
	}
	if (event || sig & 0x80)
		sig = 0;
	ptrace(PTRACE_SYSCALL, tid, NULL, (void *)(intptr_t)sig);
}

/* Until the point, or the end: then true, with its status. */
static bool follow(struct run *run, int *status)
{
	for (;;) {
		pid_t tid = waitpid(-1, status, __WALL);

		if (tid < 0)
			die("waitpid");
		if (!WIFSTOPPED(*status)) {
			if (tid == run->command)
				return true;
			continue;
		}
		if (WSTOPSIG(*status) == (SIGTRAP | 0x80) && at_point(run, tid)) {
			strike(run, tid);
			return false;
		}
		go_on(tid, *status);
	}
}

static int wait_for_end(struct run *run)
{
	int status;
	char c;

	for (;;) {
		/* Threads that were just coming are let go, killed ones
		 * taken notice of. */
		pid_t tid = waitpid(-1, &status, WUNTRACED | __WALL);

		if (tid < 0)
			die("waitpid");
		if (tid != run->command) {
			if (WIFSTOPPED(status))
				ptrace(PTRACE_DETACH, tid, NULL, NULL);
			continue;
		}
		if (!WIFSTOPPED(status))
			return status;
		fprintf(run->report, "stopped\n");
		fflush(run->report);
		while (read(0, &c, 1) == 1 && c != '\n')
			;
		kill(run->command, SIGCONT);
	}
}

int main(int argc, char **argv)
{
	struct run run = { .report = argc > 1 ? fdopen(atoi(argv[1]), "w") : NULL };
	bool list = argc > 3 && strcmp(argv[2], "list") == 0;
	int status;

	if (!run.report || argc < 4 || (!list && argc < 5)) {
		fprintf(stderr, "usage: chaos FD list|NUMBER SIGNAL COMMAND...\n");
		return 2;
	}
	fcntl(fileno(run.report), F_SETFD, FD_CLOEXEC);
	run.wanted = list ? 0 : atol(argv[2]);
	run.signal = list ? 0 : atoi(argv[3]);
	start(&run, argv + (list ? 3 : 4));
	if (!follow(&run, &status))
		status = wait_for_end(&run);
	else
		strcpy(run.name, "none");
	fprintf(run.report, "end %s\n%s %d\n", run.name, WIFEXITED(status) ? "exited" : "killed",
		WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return 0;
}
