/*
 * Where the threads of a stopped process are, and where they will come back to:
 * needed before code is changed or unmapped. Everything that could lead a thread
 * into some ranges counts: its program counter, return addresses on its stack,
 * and what a signal handler on another stack has interrupted.
 */
#ifndef TM_REMOTE_QUIET_H
#define TM_REMOTE_QUIET_H

#include "base/range.h"
#include "mem/mem.h"
#include "target/stop.h"

struct tm_standing {
	tm_addr pc, sp;
	/* Its thread pointer: every libc puts what it points to at the end of a
	 * stack that it has made. What follows is another's. 0: not known. */
	tm_addr tls;
};

enum tm_stands {
	TM_STANDS_NOWHERE,  /* it has ended */
	TM_STANDS_THERE,    /* see *ret; also of one that did not stop in time but
			       waits in the kernel */
	TM_STANDS_ANYWHERE, /* it is about to run */
};

enum tm_stands tm_quiet_stands(const struct tm_stop *stop, const struct tm_thread *thread,
			       struct tm_standing *ret);

struct tm_quiet {
	struct tm_mem *mem;
	const struct tm_range *ranges;
	size_t n;
	/*
	 * words[0], of `left` that follow each other on a stack at `at`, is an
	 * address in the ranges. How many words to skip because no thread
	 * returns by them; 0: one may.
	 */
	size_t (*pass)(void *ctx, const uint64_t *words, size_t left, tm_addr at);
	void *ctx;
};

/* Does this return address lead to the instructions that end a signal handler? */
bool tm_quiet_ends_handler(struct tm_mem *mem, tm_addr at);

bool tm_quiet_inside(const struct tm_quiet *quiet, tm_addr at);

/* Does nothing on the stack of a thread that is there lead into the ranges? Its
 * program counter is not looked at. */
bool tm_quiet_stack(const struct tm_quiet *quiet, const struct tm_standing *standing);

#endif
