#include "control/instant.h"

#include <linux/futex.h>
#include <sys/syscall.h>

#include "base/guard.h"
#include "base/log.h"
#include "target/arch.h"

enum { UNFIT, COMPUTES, WAITS };

static bool is_wait(long nr, const uint64_t args[6])
{
	switch (nr) {
	case SYS_futex:
		return (args[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
	case SYS_nanosleep: case SYS_clock_nanosleep: case SYS_pause:
	case SYS_select: case SYS_pselect6: case SYS_poll: case SYS_ppoll:
	case SYS_epoll_wait: case SYS_epoll_pwait: case SYS_epoll_pwait2:
	case SYS_read: case SYS_readv: case SYS_recvfrom: case SYS_recvmsg:
	case SYS_recvmmsg: case SYS_accept: case SYS_accept4: case SYS_connect:
	case SYS_wait4: case SYS_waitid: case SYS_rt_sigtimedwait:
	case SYS_rt_sigsuspend: case SYS_msgrcv: case SYS_semop:
	case SYS_semtimedop: case SYS_flock: case SYS_io_getevents:
		return true;
	default:
		return false;
	}
}

/* Its system calls are its own: it reads files under its lock. */
static bool in_loader(const struct control_symbols *symbols, tm_addr pc)
{
	return symbols->loader.start <= pc && pc < symbols->loader.end;
}

static bool in_handler(struct control_view *view, const struct user_regs_struct *regs)
{
	TM_GUARD(tm_stack_free) struct tm_stack stack = { 0 };
	unsigned char code[TM_HANDLER_END_LEN];

	tm_unwind(view->unwinder, view->mem, regs, 0, &stack);
	for (size_t i = 0; i < stack.n; i++) {
		size_t len = tm_mem_read_some(view->mem, stack.frames[i].pc, code,
					      sizeof(code));

		if (tm_code_ends_handler(code, len))
			return true;
	}
	return false;
}

static int fitness(struct control_view *view, const struct user_regs_struct *regs)
{
	tm_addr pc = tm_regs_pc(regs);
	unsigned char code[8];
	size_t len = tm_mem_read_some(view->mem, pc, code, sizeof(code));
	uint64_t args[6];
	int fit = COMPUTES;
	long nr;

	if (!tm_regs_64bit(regs) || in_loader(&view->symbols, pc))
		return UNFIT;
	if (tm_regs_waiting(regs, code, len, &nr, args))
		fit = is_wait(nr, args) ? WAITS : UNFIT;
	else if (control_is_opaque(&view->symbols, pc))
		fit = UNFIT;
	return fit == UNFIT || in_handler(view, regs) ? UNFIT : fit;
}

struct tm_thread *control_choose(struct tm_stop *stop, struct control_view *view)
{
	struct tm_thread *best = NULL;
	int best_fitness = UNFIT;

	tm_unwinder_begin(view->unwinder, false);
	for (size_t i = 0; i < stop->n && best_fitness < WAITS; i++) {
		struct tm_thread *thread = &stop->threads[i];
		struct user_regs_struct regs;
		int fit;

		if (thread->state != TM_THREAD_STOPPED ||
		    !tm_regs_get(thread->tid, &regs))
			continue;
		fit = fitness(view, &regs);
		if (fit > best_fitness) {
			best_fitness = fit;
			best = thread;
		}
	}
	tm_log("control: thread %d of %zu, fitness %d", best ? (int)best->tid : 0,
	       stop->n, best_fitness);
	return best;
}
