/*
 * Which stopped thread is borrowed: the host.
 *
 * One that executes 64-bit code, is stopped by us and is in no rseq critical
 * section (which the kernel would abort if we moved its program
 * counter) can execute a system call. Among them one that waits for something
 * anyway is preferred: it misses nothing, and the others can be let go meanwhile
 * (tm_stop_keep()).
 *
 * Who wants more of a thread than a system call has a rule of his own: control
 * calls a function of the C library (control/instant.h).
 */
#ifndef TM_REMOTE_HOST_H
#define TM_REMOTE_HOST_H

#include "arch/arch.h"
#include "target/stop.h"

struct tm_host_rule {
	/* 0: not that one; the highest is taken, the first of equals. */
	int (*fitness)(void *ctx, const struct tm_regs *regs);
	/* Is it not worth looking further, after this many? */
	bool (*enough)(int fitness, size_t seen);
	void *ctx;
};

/* NULL if none can be borrowed at this instant. */
struct tm_thread *tm_host_choose(struct tm_stop *stop, const struct tm_host_rule *rule,
				 int *ret_fitness);
struct tm_thread *tm_host_for_syscall(struct tm_stop *stop);

/* Can this one execute a system call? Then *ret are its registers. */
bool tm_host_can(const struct tm_thread *thread, struct tm_regs *ret);

/*
 * Is this system call, in which a thread is, a wait of the program's own?
 * One that neither the allocator nor the thread library makes while it holds a
 * lock. `interrupted`: the thread has waited in it, and a stop has ended that;
 * otherwise it may not have begun.
 */
bool tm_host_waits(long nr, const uint64_t args[6], bool interrupted);

#endif
