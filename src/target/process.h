/*
 * Which process: identity, kind, and why it may not be attached to.
 */
#ifndef TM_TARGET_PROCESS_H
#define TM_TARGET_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "mem/mem.h"
#include "tmattach/err.h"

/* One program image in one process: changes when the pid is reused
 * (start_time) or the process calls exec (start_stack). */
struct tm_identity {
	uint64_t start_time;  /* clock ticks after boot */
	uint64_t start_stack; /* 0 where the kernel hides it from us */
};

struct tm_process {
	/* The id that it is examined by: that of its main thread or, if that
	 * has ended before the others, which leaves nothing to see under its
	 * id, that of another thread. */
	pid_t pid;
	pid_t leader;         /* the process id: for people, and to signal it */
	struct tm_identity identity;
	char name[32];        /* the kernel's short name */
	char command[256];    /* arguments joined by blanks */
	char object[64];      /* "pid 4711 (python3)": for messages */
	/* A thread that the caller has traced and stopped already, and keeps
	 * stopped: stopping all neither attaches to it nor lets it go. 0: none. */
	pid_t held;
};

/*
 * Look at /proc/PID: gone (ESRCH), a kernel thread, a zombie, a thread id
 * that is not a process, or a 32-bit process are errors. If only the main
 * thread has ended, the ids of the others are accepted as well.
 */
bool tm_process_open(pid_t pid, struct tm_process *ret,
		     struct tm_err *err) TM_MUST_CHECK;

/* TM_ERR_GONE unless the same program still runs in the same process. */
bool tm_process_check(const struct tm_process *process,
		      struct tm_err *err) TM_MUST_CHECK;

/* Has that same process called exec() since? */
bool tm_process_replaced(const struct tm_process *process);

/* Has it a thread that has not ended, nor is about to? In the middle of an exec its main
 * thread may have. */
bool tm_process_lives(pid_t pid);

/*
 * Why ptrace or /proc said EPERM/EACCES: another tracer, uid, ptrace_scope,
 * capability, filter, namespace. Fills *err (TM_ERR_DENIED) with cause and next
 * step; returns false.
 */
bool tm_process_denied(const struct tm_process *process, struct tm_err *err);
/* The same where it was seen who traces it, who may be gone meanwhile. */
bool tm_process_traced(const struct tm_process *process, pid_t tracer, struct tm_err *err);

/* Why PTRACE_O_SUSPEND_SECCOMP was refused; the same. */
bool tm_process_stays_filtered(const struct tm_process *process, struct tm_err *err);

/* Are we in the namespace of this kind ("pid", "user") that the kernel began
 * with, the host's? */
bool tm_in_first_namespace(const char *kind);

/*
 * Turn a failed step on the process into the best explanation: gone, denied,
 * or the error as it is, about this process. Returns false.
 */
bool tm_process_explain(const struct tm_process *process, int sys_errno,
			const char *what, struct tm_err *err);

/* Its number where it lives, in the innermost namespace; 0: unknown. */
pid_t tm_process_inner_pid(pid_t pid);

/* A number from a "Key:\tvalue" line of /proc/PID/status (or of a thread when
 * tid differs); base 10 or 16. False if there is no such line. */
bool tm_process_status_u64(pid_t pid, pid_t tid, const char *key, int base,
			   uint64_t *ret);

/* Is it watched by a seccomp filter that we do not have ourselves? Asked of a
 * process that we have forked: a filter that we have as well does not harm us. */
bool tm_process_filtered(const struct tm_process *process);

/* The letter of its state as in proc(5), of a thread if tid differs; 'X' if
 * it is gone. */
char tm_process_state(pid_t pid, pid_t tid);

/* The number of the system call that a thread is in, -1 if in none or not known: of one
 * that is stopped or waits, no other. */
long tm_process_call(pid_t pid, pid_t tid);

/* Resident bytes, from /proc/PID/statm; 0 if unknown. */
uint64_t tm_process_rss(pid_t pid);

/* Resident bytes of private memory in huge pages; 0 if unknown. The kernel
 * walks through all of the memory for it: some 10 ms a GiB. */
uint64_t tm_process_huge(pid_t pid);

#endif
