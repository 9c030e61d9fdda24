#include "control/instant.h"

#include <string.h>
#include <sys/resource.h>

#include "arch/arch.h"
#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"
#include "remote/host.h"
#include "remote/quiet.h"

/* EMBEDS: it waits in the code of a program that Python is only a part of. */
enum { UNFIT, COMPUTES, WAITS, EMBEDS };

/* While all are stopped, not every stack of hundreds is followed; the thread
 * that runs a program's loop is among the first. */
enum { MAX_LOOKED_AT = 8 };

/* Its system calls are its own: it reads files under its lock. */
static bool in_loader(const struct control_symbols *symbols, tm_addr pc)
{
	return symbols->loader.start <= pc && pc < symbols->loader.end;
}

/* A stack that was followed to its end, and no function of Python's on it. */
static bool outside_python(const struct control_view *view, const struct tm_stack *stack)
{
	const struct tm_range *python = &view->symbols.python;

	for (size_t i = 0; i < stack->n; i++)
		if (stack->frames[i].pc >= python->start && stack->frames[i].pc < python->end)
			return false;
	return stack->complete && !stack->doubtful;
}

/* Room below the stack in use: for a signal frame where memory is, and for
 * Python to execute a function. That of the main thread grows. */
static bool has_room(const struct control_view *view, tm_addr sp)
{
	enum { FRAME = 32 << 10, CALL = 512 << 10 };
	const struct tm_region *region = tm_maps_find(&view->maps, sp);
	struct rlimit limit;

	if (!region || sp - region->start < FRAME)
		return false;
	if (strcmp(region->path, "[stack]") != 0)
		return sp - region->start >= CALL;
	return prlimit(view->pid, RLIMIT_STACK, NULL, &limit) != 0 ||
	       limit.rlim_cur > region->end - sp + CALL;
}

/*
 * Where a stack could not be followed to its end (musl has no unwind tables), what is
 * on it is searched for the frame of a signal. One that a handler has left behind is
 * taken for it, too.
 */
static bool may_be_in_handler(struct control_view *view, tm_addr sp)
{
	enum { MOST = 1 << 20 };
	TM_GUARD(tm_free_ptr) uint64_t *words = tm_malloc(MOST);
	const struct tm_region *stack = tm_maps_find(&view->maps, sp);
	size_t room = stack && stack->end - sp < MOST ? (size_t)(stack->end - sp) : MOST;
	size_t n = tm_mem_read_some(view->mem, sp, words, room) / sizeof(*words);

	for (size_t i = 0; i < n; i++) {
		tm_addr pc, before;

		if (tm_sigframe_saved(words + i, n - i, &pc, &before) &&
		    tm_quiet_ends_handler(view->mem, words[i]))
			return true;
	}
	return false;
}

/* The same as `fit`, or less or more after a look at its stack. */
static int fitness_by_stack(struct control_view *view, const struct tm_regs *regs,
			    int fit)
{
	TM_GUARD(tm_stack_free) struct tm_stack stack = { 0 };

	tm_unwind(view->unwinder, view->mem, regs, 0, &stack);
	for (size_t i = 0; i < stack.n; i++)
		if (tm_quiet_ends_handler(view->mem, stack.frames[i].pc))
			return UNFIT;
	if ((!stack.complete || stack.doubtful) &&
	    may_be_in_handler(view, tm_regs_sp(regs)))
		return UNFIT;
	if (fit == WAITS && outside_python(view, &stack) && has_room(view, tm_regs_sp(regs)))
		return EMBEDS;
	return fit;
}

static int fitness(void *ctx, const struct tm_regs *regs)
{
	struct control_view *view = ctx;
	tm_addr pc = tm_regs_pc(regs);
	unsigned char code[8];
	size_t len = tm_mem_read_some(view->mem, pc, code, sizeof(code));
	uint64_t args[6];
	int fit = COMPUTES;
	long nr;

	if (in_loader(&view->symbols, pc))
		return UNFIT;
	if (tm_regs_waiting(regs, code, len, &nr, args))
		fit = tm_host_waits(nr, args, tm_regs_entered(regs) >= 0) ? WAITS : UNFIT;
	else if (control_is_opaque(&view->symbols, pc))
		fit = UNFIT;
	return fit == UNFIT ? UNFIT : fitness_by_stack(view, regs, fit);
}

static bool enough(int fit, size_t looked_at)
{
	return fit == EMBEDS || (fit == WAITS && looked_at >= MAX_LOOKED_AT);
}

struct tm_thread *control_choose(struct tm_stop *stop, struct control_view *view,
				 bool *ret_embeds)
{
	const struct tm_host_rule rule = { fitness, enough, view };
	struct tm_thread *best;
	int fit;

	tm_unwinder_begin(view->unwinder, false);
	best = tm_host_choose(stop, &rule, &fit);
	tm_log("control: thread %d of %zu, fitness %d", best ? (int)best->tid : 0,
	       stop->n, fit);
	*ret_embeds = fit == EMBEDS;
	return best;
}
