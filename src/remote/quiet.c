#include "remote/quiet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "base/guard.h"
#include "base/log.h"

/*
 * A stack is read in pieces, up to its end where that is known, and else as far as it is
 * mapped: a signal handler may have put more than a piece between the thread and what it
 * has interrupted. MOST is more than the usual limit of a whole stack. Pieces overlap by
 * more than a signal's frame.
 */
enum { PIECE = 64 << 10, OVERLAP = 1024, MOST = 8 << 20, MAX_INTERRUPTED = 64 };

/* ---- one thread ---------------------------------------------------------------- */

/* The last word of a line, which is cut off; hexadecimal. */
static bool take_last(char *line, tm_addr *ret)
{
	char *at = strrchr(line, ' '), *end;

	if (!at)
		return false;
	*ret = strtoull(at + 1, &end, 16);
	*at = '\0';
	return end > at + 1;
}

/* For one that waits in the kernel it is known where it came from. */
static enum tm_stands stands_in_kernel(pid_t pid, pid_t tid, struct tm_standing *ret)
{
	TM_GUARD(tm_file_close) FILE *file = NULL;
	char path[64], line[256];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", (int)pid, (int)tid);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? TM_STANDS_NOWHERE : TM_STANDS_ANYWHERE;
	/* "nr args... sp pc", "-1 sp pc", or "running". */
	return fgets(line, sizeof(line), file) && take_last(line, &ret->pc) &&
	       take_last(line, &ret->sp) ? TM_STANDS_THERE : TM_STANDS_ANYWHERE;
}

enum tm_stands tm_quiet_stands(const struct tm_stop *stop, const struct tm_thread *thread,
			       struct tm_standing *ret)
{
	struct tm_regs regs;

	*ret = (struct tm_standing){ 0 };
	if (thread->state == TM_THREAD_GONE)
		return TM_STANDS_NOWHERE;
	if (!tm_thread_stands(thread) || !tm_regs_get(thread->tid, &regs))
		return stands_in_kernel(stop->process->pid, thread->tid, ret);
	*ret = (struct tm_standing){
		.pc = tm_regs_pc(&regs), .sp = tm_regs_sp(&regs), .tls = tm_regs_tls(&regs),
	};
	return TM_STANDS_THERE;
}

/* ---- its stack ------------------------------------------------------------------ */

bool tm_quiet_inside(const struct tm_quiet *quiet, tm_addr at)
{
	for (size_t i = 0; i < quiet->n; i++)
		if (tm_range_has(quiet->ranges[i], at))
			return true;
	return false;
}

bool tm_quiet_ends_handler(struct tm_mem *mem, tm_addr at)
{
	unsigned char code[TM_HANDLER_END_LEN];
	size_t len = tm_mem_read_some(mem, at, code, sizeof(code));

	return tm_code_ends_handler(code, len);
}

/* What signals have interrupted, as far as it was seen. */
struct interrupted {
	size_t n;
	tm_addr sp[MAX_INTERRUPTED];
};

static bool was_seen(const struct interrupted *seen, tm_addr sp)
{
	for (size_t i = 0; i < seen->n; i++)
		if (seen->sp[i] == sp)
			return true;
	return false;
}

static bool stack_is_quiet(const struct tm_quiet *quiet, const struct tm_standing *standing,
			   struct interrupted *seen);

/* Everything that the end of a handler will put back is examined, and the
 * interrupted stack. */
static bool interrupted_is_quiet(const struct tm_quiet *quiet, struct tm_standing standing,
				 const uint64_t *words, size_t left, struct interrupted *seen)
{
	if (!tm_sigframe_saved(words, left, &standing.pc, &standing.sp) ||
	    !tm_quiet_ends_handler(quiet->mem, words[0]) || !standing.sp)
		return true;
	if (tm_quiet_inside(quiet, standing.pc))
		return false;
	if (was_seen(seen, standing.sp))
		return true;
	if (seen->n == MAX_INTERRUPTED)
		return false;
	seen->sp[seen->n++] = standing.sp;
	return stack_is_quiet(quiet, &standing, seen);
}

/* The first `n` of `left` words. Returns how many were passed over; 0: it is not quiet. */
static size_t words_are_quiet(const struct tm_quiet *quiet, const struct tm_standing *standing,
			      const uint64_t *words, size_t n, size_t left, struct interrupted *seen)
{
	size_t i, pass;

	for (i = 0; i < n; i += pass) {
		pass = 1;
		if (tm_quiet_inside(quiet, words[i]))
			pass = quiet->pass(quiet->ctx, words + i, left - i,
					   standing->sp + i * sizeof(*words));
		else if (!interrupted_is_quiet(quiet, *standing, words + i, left - i,
					       seen))
			return 0;
		if (!pass) {
			tm_log("stack %#llx+%zu leads to %#llx",
			       (unsigned long long)standing->sp, i * sizeof(*words),
			       (unsigned long long)words[i]);
			return 0;
		}
	}
	return i;
}

/* How much of it may lie between this place and its end. */
static size_t left_of_stack(const struct tm_standing *at)
{
	return at->tls > at->sp && at->tls - at->sp < MOST ? (size_t)(at->tls - at->sp) : MOST;
}

static bool stack_is_quiet(const struct tm_quiet *quiet, const struct tm_standing *standing,
			   struct interrupted *seen)
{
	TM_GUARD(tm_free_ptr) uint64_t *words = malloc(PIECE + OVERLAP);
	struct tm_standing at = *standing;
	size_t left, want, got, n, passed;

	if (!words)
		return false;
	at.sp &= ~(tm_addr)7;
	left = left_of_stack(&at);
	do {
		want = left < PIECE + OVERLAP ? left : PIECE + OVERLAP;
		got = tm_mem_read_some(quiet->mem, at.sp, words, want);
		/* What follows the last whole piece is looked at with it. */
		n = got == PIECE + OVERLAP ? PIECE : got;
		passed = words_are_quiet(quiet, &at, words, n / sizeof(*words),
					 got / sizeof(*words), seen) * sizeof(*words);
		if (n >= sizeof(*words) && !passed)
			return false;
		at.sp += passed;
		left -= passed < left ? passed : left;
	} while (n == PIECE);
	return true;
}

bool tm_quiet_stack(const struct tm_quiet *quiet, const struct tm_standing *standing)
{
	struct interrupted seen = { 0 };

	return stack_is_quiet(quiet, standing, &seen);
}
