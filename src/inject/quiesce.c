/*
 * May code of the recorder be changed or unmapped (remote/quiet.h)? An address in
 * it on a stack can be left over from an earlier call, and a thread may be
 * blocked in a function that a hook has called.
 */
#include <string.h>
#include <time.h>

#include "arch/arch.h"
#include "base/guard.h"
#include "base/log.h"
#include "inject/private.h"
#include "inject/words.h"
#include "remote/quiet.h"
#include "target/late.h"

void inject_pause(unsigned tries)
{
	struct timespec pause = { .tv_nsec = tries < 20 ? 200000
					   : tries < 200 ? 5000000 : 25000000 };

	nanosleep(&pause, NULL);
	tm_late_poll();
}

struct scan {
	struct tm_quiet quiet;
	struct tm_injection *in;
	const struct inject_clear *what;
	pid_t tid;
	bool unwind;
	bool only_copies; /* of words: all else was seen to */
};

enum { CALL_WORDS = sizeof(struct tm_recorder_call) / 8 };

/* Does the return address words[0] have above it what a hook keeps while it
 * calls the function that it replaces? */
static bool has_call(const struct scan *scan, const uint64_t *words, size_t left)
{
	const struct tm_recorder_code *head = &scan->in->head;
	const struct tm_range code = { scan->in->code, scan->in->code + head->size };
	struct tm_recorder_call call;

	if (left < 1 + CALL_WORDS)
		return false;
	memcpy(&call, words + 1, sizeof(call));
	if (~call.not_after < code.start || ~call.not_after >= code.end)
		return false;
	for (uint32_t i = 0; i < head->nnear; i++)
		if (~call.not_entry - head->near[i].address < head->near[i].size)
			return true;
	/* That of a word stands in the head. */
	return ~call.not_entry - code.start < sizeof(*head);
}

/* Is it one that the thread can be made to return from without us? */
static bool is_call(const struct scan *scan, const uint64_t *words, size_t left)
{
	return words[0] == scan->in->code + scan->in->head.rest &&
	       has_call(scan, words, left) && !tm_quiet_inside(&scan->quiet, words[CALL_WORDS]);
}

/* If it cannot be seen, it does. */
static bool follows_call(struct tm_injection *in, uint64_t at, bool through_memory)
{
	unsigned char code[TM_CALL_MAX];

	return tm_mem_read_some(in->mem, at - sizeof(code), code, sizeof(code)) !=
	       sizeof(code) || tm_code_ends_in_call(code, through_memory);
}

/*
 * Can the address words[0], which is inside the ranges, be more than what an
 * earlier call has left in a place that has not been written to since? Into the
 * recorder's own code only a hook leads back that has called the function it
 * replaces, through the entry in memory, and the clock in the vDSO, which leaves
 * nothing there: the recorder calls nothing else that is not its own. Into a near
 * area only a call leads back that was moved there. Everything else has a thread
 * come back only if a signal has interrupted it.
 */
static bool may_lead_back(const struct scan *scan, const uint64_t *words, size_t left)
{
	const struct tm_recorder_code *head = &scan->in->head;

	if (tm_sigframe_is_pc(words, left))
		return true;
	if (words[0] == scan->in->code + head->at_clock)
		return true;
	if (words[0] - scan->in->code < head->size)
		return !scan->what->hooks_wait && has_call(scan, words, left) &&
		       follows_call(scan->in, words[0], true);
	for (uint32_t i = 0; i < head->nnear; i++)
		if (words[0] - head->near[i].address < head->near[i].size)
			return follows_call(scan->in, words[0], false);
	return true;
}

/* A call through a hook: may its thread stay in it? */
static bool call_clear(struct scan *scan, const uint64_t *words, size_t left,
		       tm_addr at)
{
	struct inject_calls *calls = scan->what->calls;

	if (!calls || calls->n == INJECT_MAX_CALLS || !is_call(scan, words, left))
		return false;
	calls->at[calls->n] = at;
	calls->tid[calls->n++] = scan->tid;
	return true;
}

/* The start of a hook is no place to return to, but may be called. */
static bool keep_copy(const struct scan *scan, const struct tm_recorder_py_word *word,
		      pid_t tid, tm_addr at)
{
	const struct inject_copy copy = {
		.at = at, .tid = tid, .ours = word->ours, .original = word->original,
	};

	return inject_copies_add(scan->what->copies, &copy);
}

static size_t pass(void *ctx, const uint64_t *words, size_t left, tm_addr at)
{
	struct scan *scan = ctx;
	const struct tm_recorder_py_word *word = scan->what->copies
		? inject_word_of(scan->in, words[0]) : NULL;

	if (word && !tm_sigframe_is_pc(words, left))
		return (word->original || inject_tracer_rests(scan->tid, words, left, at)) &&
		       keep_copy(scan, word, 0, at);
	if (scan->only_copies)
		return 1;
	if (!may_lead_back(scan, words, left))
		return 1;
	return call_clear(scan, words, left, at) ? 1 + CALL_WORDS : 0;
}

/* May it continue in the copy of the instruction that it is at? In a system
 * call the kernel goes back to the instruction by itself. */
static bool can_move(const struct scan *scan, const struct tm_thread *thread)
{
	struct tm_regs regs;

	return tm_regs_get(thread->tid, &regs) &&
	       inject_plan_moved(scan->what->plans, scan->what->nplans, tm_regs_pc(&regs)) &&
	       tm_regs_syscall_nr(&regs, NULL, 0) < 0;
}

/* Where the program is mapped now, for the unwinder. */
static bool unwinder_ready(struct tm_injection *in)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct tm_err err;

	if (!tm_maps_read(in->process.pid, &maps, &err))
		return false;
	if (!in->unwinder) {
		native_modules_init(&in->modules, in->process.pid, in->mem);
		in->unwinder = tm_unwinder_create(&in->modules, &err);
		if (!in->unwinder) {
			native_modules_deinit(&in->modules);
			return false;
		}
	}
	tm_unwinder_begin(in->unwinder, native_modules_update(&in->modules, &maps));
	return true;
}

void inject_quiesce_deinit(struct tm_injection *in)
{
	if (!in->unwinder)
		return;
	tm_unwinder_destroy(in->unwinder);
	native_modules_deinit(&in->modules);
	in->unwinder = NULL;
}

/* The frame of a call through a hook, and the one it returns to, which the
 * unwinder can only guess. */
static bool frame_is_call(struct scan *scan, const struct tm_stack *stack, size_t i)
{
	uint64_t words[1 + CALL_WORDS];
	tm_addr at = stack->frames[i].sp - TM_RETURN_SLOT;

	return stack->frames[i].pc == scan->in->code + scan->in->head.rest &&
	       tm_mem_read_some(scan->in->mem, at, words, sizeof(words)) ==
		       sizeof(words) &&
	       i + 1 < stack->n && stack->frames[i + 1].pc == words[CALL_WORDS] &&
	       call_clear(scan, words, 1 + CALL_WORDS, at);
}

/* A stack that unwinds to its very end is proof. */
static bool unwound_clear(struct scan *scan, const struct tm_thread *thread)
{
	TM_GUARD(tm_stack_free) struct tm_stack stack = { 0 };
	struct tm_regs regs;
	bool clear, called = false;

	if (!tm_regs_get(thread->tid, &regs))
		return false;
	tm_unwind(scan->in->unwinder, scan->in->mem, &regs, 0, &stack);
	clear = stack.complete;
	for (size_t i = 0; i < stack.n && clear; i++) {
		bool from_call = called;

		called = frame_is_call(scan, &stack, i);
		clear = (!stack.frames[i].guessed || from_call) &&
			(called || !tm_quiet_inside(&scan->quiet, stack.frames[i].pc));
	}
	tm_log("unwound %zu frames, %s", stack.n, clear ? "clear" : "not clear");
	return clear;
}

/* No register of the thread leads to a hook, unless that can be replaced. What
 * they hold cannot be told of one that waits in the kernel without stopping. */
static bool registers_clear(const struct scan *scan, const struct tm_thread *thread)
{
	const int npc = TM_UNWIND_REGS - 1; /* all but the program counter */
	struct tm_regs regs;
	uint64_t value;

	if (!scan->what->copies || !inject_has_words(scan->in))
		return true;
	if (!tm_thread_stands(thread) || !tm_regs_get(thread->tid, &regs))
		return false;
	for (int i = 0; i < npc; i++) {
		const struct tm_recorder_py_word *word = tm_regs_dwarf(&regs, i, &value)
			? inject_word_of(scan->in, value) : NULL;

		/* Where nothing stood nothing can be called instead. */
		if (word && (!word->original || !keep_copy(scan, word, thread->tid, (tm_addr)i)))
			return false;
	}
	return true;
}

/* On a stack that was searched up to what leads into our code only. */
static bool copies_kept(struct scan *scan, const struct tm_standing *standing)
{
	bool ok;

	scan->only_copies = true;
	ok = tm_quiet_stack(&scan->quiet, standing);
	scan->only_copies = false;
	return ok;
}

static bool thread_clear(struct scan *scan, const struct tm_thread *thread,
			 const struct tm_standing *standing)
{
	struct inject_calls *calls = scan->what->calls;
	size_t ncalls = calls ? calls->n : 0;

	if ((tm_quiet_inside(&scan->quiet, standing->pc) && !can_move(scan, thread)) ||
	    !registers_clear(scan, thread))
		return false;
	scan->tid = thread->tid;
	if (tm_quiet_stack(&scan->quiet, standing))
		return true;
	if (calls)
		calls->n = ncalls;
	return scan->unwind && unwound_clear(scan, thread) && copies_kept(scan, standing);
}

bool inject_clear_of(struct tm_injection *in, struct tm_stop *stop,
		     const struct inject_clear *what)
{
	struct scan scan = {
		.quiet = { in->mem, what->ranges, what->n, pass, &scan },
		.in = in, .what = what, .unwind = what->unwind && unwinder_ready(in),
	};

	if (what->copies)
		what->copies->n = 0;
	if (what->calls)
		what->calls->n = 0;
	for (size_t i = 0; i < stop->n; i++) {
		struct tm_standing standing;
		enum tm_stands stands = tm_quiet_stands(stop, &stop->threads[i], &standing);

		if (stands == TM_STANDS_ANYWHERE ||
		    (stands == TM_STANDS_THERE &&
		     !thread_clear(&scan, &stop->threads[i], &standing)))
			return false;
	}
	return true;
}
