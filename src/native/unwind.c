#include "native/unwind.h"

#include <stdlib.h>

#include "arch/arch.h"
#include "base/alloc.h"
#include "native/unwind_access.h"

enum {
	MAX_FRAMES = 16384,
	CACHE_SIZE = 4096, /* register states; libunwind's default is 128 */
};

void tm_stack_free(struct tm_stack *stack)
{
	free(stack->frames);
	*stack = (struct tm_stack){ 0 };
}

struct tm_unwinder *tm_unwinder_create(struct native_modules *modules,
				       struct tm_err *err)
{
	struct tm_unwinder *unwinder;
	unw_addr_space_t space = unw_create_addr_space(&native_unwind_accessors, 0);

	if (!space) {
		tm_err_set(err, TM_ERR_UNSUPPORTED, "libunwind",
			   "it does not know this machine");
		return NULL;
	}
	unwinder = tm_calloc(1, sizeof(*unwinder));
	unwinder->modules = modules;
	unwinder->space = space;
	unw_set_caching_policy(space, UNW_CACHE_GLOBAL);
	unw_set_cache_size(space, CACHE_SIZE, 0);
	return unwinder;
}

void tm_unwinder_destroy(struct tm_unwinder *unwinder)
{
	if (!unwinder)
		return;
	unw_destroy_addr_space(unwinder->space);
	tm_map_free(&unwinder->has_table);
	tm_map_free(&unwinder->own_of);
	for (size_t i = 0; i < unwinder->nown; i++)
		native_eh_table_free(&unwinder->own[i]);
	free(unwinder->own);
	free(unwinder);
}

void tm_unwinder_begin(struct tm_unwinder *unwinder, bool changed)
{
	native_window_clear(&unwinder->window);
	if (!changed)
		return;
	unw_flush_cache(unwinder->space, 0, 0);
	tm_map_free(&unwinder->has_table);
}

static bool has_table(struct tm_unwinder *unwinder, tm_addr pc)
{
	uint32_t *slot = tm_map_put(&unwinder->has_table, pc);
	unw_proc_info_t info;

	if (*slot == TM_MAP_NONE)
		*slot = unw_get_proc_info_by_ip(unwinder->space, pc, &info,
						unwinder) == 0;
	return *slot;
}

/* Where frame `i` is executing, for tables and symbols. */
static tm_addr inside(const struct tm_stack_frame *frame)
{
	return frame->pc - (frame->is_return ? 1 : 0);
}

static bool after_call(struct tm_unwinder *unwinder, tm_addr pc)
{
	unsigned char code[TM_CALL_MAX];

	return native_modules_find(unwinder->modules, pc - 1) &&
	       native_window_read(&unwinder->window, pc - sizeof(code), code,
				  sizeof(code)) &&
	       tm_code_ends_in_call(code, false);
}

static void push(struct tm_stack *stack, const struct tm_stack_frame *frame)
{
	stack->frames = tm_grow(stack->frames, &stack->cap, stack->n + 1,
				sizeof(*stack->frames));
	stack->frames[stack->n++] = *frame;
}

static bool begins_sigreturn(struct tm_unwinder *unwinder, tm_addr pc)
{
	unsigned char code[TM_HANDLER_END_LEN];

	return native_window_read(&unwinder->window, pc, code, sizeof(code)) &&
	       tm_code_ends_handler(code, sizeof(code));
}

/* The place that a signal handler returns to is taken as it is: no call is
 * before it. A thread that has come there may be at the system call. */
static bool at_sigreturn(struct tm_unwinder *unwinder, tm_addr pc)
{
	return begins_sigreturn(unwinder, pc) ||
	       begins_sigreturn(unwinder, pc - TM_HANDLER_END_CALL);
}

/* Out of a signal handler whose trampoline has no unwind table (musl): the
 * kernel's frame on the stack has the registers. */
static bool leave_signal(struct tm_unwinder *unwinder, unw_cursor_t *cursor,
			 const struct tm_stack_frame *newer)
{
	unsigned char context[TM_UCONTEXT_LEN];

	if (!at_sigreturn(unwinder, newer->pc) ||
	    !native_window_read(&unwinder->window, newer->sp, context,
				sizeof(context)))
		return false;
	tm_regs_before_signal(&unwinder->own_regs, context);
	unwinder->regs = &unwinder->own_regs;
	return unw_init_remote(cursor, unwinder->space, unwinder) == 0;
}

/* All registers of the frame that the cursor is at. */
static void registers_of(unw_cursor_t *cursor, struct tm_regs *ret)
{
	*ret = (struct tm_regs){ 0 };
	for (int i = 0; i < TM_UNWIND_REGS; i++) {
		unw_word_t value;

		if (unw_get_reg(cursor, i, &value) == 0)
			tm_regs_set_dwarf(ret, i, value);
	}
}

/*
 * From the stack of a thread to that of the goroutine that has called C, as
 * runtime.asmcgocall finds its way back; g begins with the ends of its stack.
 */
static bool leave_c(struct tm_unwinder *unwinder, unw_cursor_t *cursor,
		    const struct tm_stack_frame *newer)
{
	unsigned char code[TM_GO_RETURN_LEN];
	uint64_t kept[2], ends[2], pc;
	struct tm_regs regs;
	unsigned words;

	if (!newer->is_return ||
	    !native_window_read(&unwinder->window, newer->pc, code, sizeof(code)) ||
	    !tm_code_returns_to_go(code, sizeof(code), &words) ||
	    !native_window_read(&unwinder->window, newer->sp + (words - 1) * sizeof(*kept), kept,
				sizeof(kept)) ||
	    !native_window_read(&unwinder->window, kept[1], ends, sizeof(ends)) ||
	    ends[0] >= ends[1] || kept[0] > ends[1] - ends[0] ||
	    !native_window_read(&unwinder->window, ends[1] - kept[0], &pc, sizeof(pc)))
		return false;
	registers_of(cursor, &regs);
	tm_regs_returned(&regs, pc, ends[1] - kept[0] + sizeof(pc));
	unwinder->own_regs = regs;
	unwinder->regs = &unwinder->own_regs;
	return unw_init_remote(cursor, unwinder->space, unwinder) == 0;
}

/* By the frame pointer. libunwind would do that too, but (1.6) goes on with a
 * wrong stack pointer. */
static bool guess(struct tm_unwinder *unwinder, unw_cursor_t *cursor)
{
	struct tm_regs regs;
	uint64_t frame[2];

	registers_of(cursor, &regs);
	if (!native_window_read(&unwinder->window, tm_regs_fp(&regs), frame,
				sizeof(frame)))
		return false;
	tm_regs_step(&regs, frame);
	unwinder->own_regs = regs;
	unwinder->regs = &unwinder->own_regs;
	return unw_init_remote(cursor, unwinder->space, unwinder) == 0;
}

/* What libunwind's step gives: above 0 a frame, 0 the end, below 0 failure. */
static int step_cursor(struct tm_unwinder *unwinder, unw_cursor_t *cursor,
		       bool covered, bool left_signal)
{
	if (covered)
		return unw_step(cursor);
	return left_signal || guess(unwinder, cursor) ? 1 : -1;
}

/* By the ABI the outermost frame has a frame pointer of 0; nothing need have called it
 * (runtime.goexit). */
static bool chain_ends(unw_cursor_t *cursor)
{
	struct tm_regs regs;

	registers_of(cursor, &regs);
	return tm_regs_fp(&regs) == 0;
}

/* Is the frame that the cursor has come to a believable one? */
static bool believable(struct tm_unwinder *unwinder, unw_cursor_t *cursor,
		       const struct tm_stack *stack, const struct tm_stack_frame *frame,
		       bool same_stack)
{
	const struct tm_stack_frame *newer = &stack->frames[stack->n - 1];

	if (frame->pc == 0 || (frame->is_return && same_stack && frame->sp <= newer->sp))
		return false;
	return !stack->doubtful || !frame->is_return || after_call(unwinder, frame->pc) ||
	       (newer->guessed && chain_ends(cursor) &&
		native_modules_find(unwinder->modules, frame->pc));
}

/*
 * One frame outwards. Without a table the frame pointer is followed, which
 * need not be one: from there on, a return address must follow a call.
 */
static bool step(struct tm_unwinder *unwinder, unw_cursor_t *cursor,
		 struct tm_stack *stack)
{
	const struct tm_stack_frame *newer = &stack->frames[stack->n - 1];
	bool covered = has_table(unwinder, inside(newer));
	bool to_go = leave_c(unwinder, cursor, newer);
	bool signal = covered ? at_sigreturn(unwinder, newer->pc)
			      : !to_go && leave_signal(unwinder, cursor, newer);
	struct tm_stack_frame frame = {
		.is_return = !signal, .guessed = !covered && !signal && !to_go,
	};
	bool outermost = !covered && chain_ends(cursor);
	unw_word_t pc = 0, sp = 0;
	int status = to_go ? 1 : step_cursor(unwinder, cursor, covered, signal);

	stack->doubtful |= frame.guessed;
	if (status <= 0 || unw_get_reg(cursor, UNW_REG_IP, &pc) != 0 ||
	    unw_get_reg(cursor, UNW_REG_SP, &sp) != 0) {
		stack->complete = covered ? status == 0 : newer->guessed && outermost;
		return false;
	}
	frame.pc = pc;
	frame.sp = sp;
	if (!believable(unwinder, cursor, stack, &frame, !to_go)) {
		stack->complete = pc == 0 && covered;
		return false;
	}
	frame.is_return &= !at_sigreturn(unwinder, pc);
	push(stack, &frame);
	return true;
}

void tm_unwind(struct tm_unwinder *unwinder, struct tm_mem *mem,
	       const struct tm_regs *regs, size_t max,
	       struct tm_stack *ret)
{
	struct tm_stack_frame first = {
		.pc = tm_regs_pc(regs), .sp = tm_regs_sp(regs),
	};
	unw_cursor_t cursor;

	ret->n = 0;
	ret->complete = ret->doubtful = false;
	push(ret, &first);
	unwinder->regs = regs;
	native_window_stack(&unwinder->window, mem, first.sp);
	if (unw_init_remote(&cursor, unwinder->space, unwinder) != 0)
		return;
	if (max == 0 || max > MAX_FRAMES)
		max = MAX_FRAMES;
	while (ret->n < max && step(unwinder, &cursor, ret))
		continue;
}
