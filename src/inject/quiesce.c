/*
 * Where the threads of a stopped process are: needed before code is changed
 * or unmapped. Everything that could lead a thread back into the ranges
 * counts: its program counter, return addresses on its stack, and what a
 * signal handler on another stack has interrupted.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/guard.h"
#include "base/log.h"
#include "inject/private.h"
#include "target/arch.h"

enum { STACK_BYTES = 64 << 10, MAX_SIGNAL_FRAMES = 8 };

/* struct ucontext behind the return address of a signal frame. */
enum { UC_FLAGS = 0, UC_LINK = 8, UC_RSP = 160, UC_RIP = 168, UC_CS = 184,
       UC_FLAGS_MAX = 15, USER_CS = 0x33 };

struct scan {
	struct tm_injection *in;
	const struct inject_clear *what;
	pid_t tid;
	/* Its thread pointer: every libc puts what it points to at the end of a
	 * stack that it has made. What follows is another's. */
	uint64_t tls;
	bool unwind;
	int signal_frames;
};

static bool inside(const struct scan *scan, uint64_t value)
{
	const struct inject_clear *what = scan->what;

	for (size_t i = 0; i < what->n; i++)
		if (value >= what->ranges[i].start && value < what->ranges[i].end)
			return true;
	return false;
}

/* Does this return address lead to the instructions that end a signal
 * handler: mov $15, %eax or %rax; syscall? */
static bool ends_handler(struct tm_injection *in, uint64_t at)
{
	static const uint8_t rax[] = { 0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05 };
	static const uint8_t eax[] = { 0xb8, 15, 0, 0, 0, 0x0f, 0x05 };
	uint8_t bytes[sizeof(rax)];

	return at > TM_PAGE && at < 1ull << 47 &&
	       tm_mem_read_some(in->mem, at, bytes, sizeof(bytes)) == sizeof(bytes) &&
	       (memcmp(bytes, rax, sizeof(rax)) == 0 ||
		memcmp(bytes, eax, sizeof(eax)) == 0);
}

/* What the kernel always writes there; memory is only looked up after this. */
static bool like_handler(const uint64_t *words, size_t left)
{
	const uint64_t *uc = words + 1;

	return left > UC_CS / 8 + 1 && uc[UC_LINK / 8] == 0 &&
	       uc[UC_FLAGS / 8] <= UC_FLAGS_MAX && (uint16_t)uc[UC_CS / 8] == USER_CS;
}

static bool stack_clear(struct scan *scan, uint64_t sp);

enum { CALL_WORDS = sizeof(struct tm_recorder_call) / 8 };

/* Do these words start with the return address of a function that a hook has
 * called, and what the hook keeps for it? */
static bool is_call(const struct scan *scan, const uint64_t *words, size_t left)
{
	const struct tm_recorder_code *head = &scan->in->head;
	const struct tm_range code = { scan->in->code, scan->in->code + head->size };
	struct tm_recorder_call call;

	if (words[0] != code.start + head->rest || left < 1 + CALL_WORDS)
		return false;
	memcpy(&call, words + 1, sizeof(call));
	if (~call.not_after < code.start || ~call.not_after >= code.end ||
	    inside(scan, call.pc))
		return false;
	for (uint32_t i = 0; i < head->nnear; i++)
		if (~call.not_entry - head->near[i].address < head->near[i].size)
			return true;
	return false;
}

/* A call through a hook: may its thread rest in it? */
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

/* The kernel's frame stands right behind its return address; everything it
 * will put back is looked at, the interrupted stack too. */
static bool interrupted_clear(struct scan *scan, const uint64_t *words, size_t left)
{
	uint64_t sp = left > UC_RIP / 8 + 1 ? words[1 + UC_RSP / 8] : 0;

	if (!sp || scan->signal_frames++ >= MAX_SIGNAL_FRAMES)
		return true;
	return !inside(scan, words[1 + UC_RIP / 8]) && stack_clear(scan, sp);
}

static bool stack_clear(struct scan *scan, uint64_t sp)
{
	enum { N = STACK_BYTES / 8 };
	TM_GUARD(tm_free_ptr) uint64_t *words = malloc(STACK_BYTES);
	size_t n = STACK_BYTES;

	if (!words)
		return false;
	sp &= ~(uint64_t)7;
	if (scan->tls > sp && scan->tls - sp < n)
		n = (size_t)(scan->tls - sp);
	n = tm_mem_read_some(scan->in->mem, sp, words, n) / 8;
	for (size_t i = 0; i < n; i++) {
		uint64_t word = words[i];

		if (inside(scan, word) && call_clear(scan, words + i, n - i, sp + i * 8)) {
			i += CALL_WORDS;
			continue;
		}
		if (inside(scan, word)) {
			tm_log("stack %#llx+%zu leads to %#llx",
			       (unsigned long long)sp, i * 8,
			       (unsigned long long)word);
			return false;
		}
		if (like_handler(words + i, n - i) && ends_handler(scan->in, word) &&
		    !interrupted_clear(scan, words + i, n - i))
			return false;
	}
	return true;
}

/* May it go on in the copy of the instruction that it stands at? In a system
 * call the kernel goes back to the instruction by itself. */
static bool can_move(const struct scan *scan, const struct user_regs_struct *regs)
{
	return inject_plan_moved(scan->what->plans, scan->what->nplans, tm_regs_pc(regs)) &&
	       tm_regs_syscall_nr(regs, NULL, 0) < 0;
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
	tm_addr at = stack->frames[i].sp - 8;

	return stack->frames[i].pc == scan->in->code + scan->in->head.rest &&
	       tm_mem_read_some(scan->in->mem, at, words, sizeof(words)) ==
		       sizeof(words) &&
	       i + 1 < stack->n && stack->frames[i + 1].pc == words[CALL_WORDS] &&
	       call_clear(scan, words, 1 + CALL_WORDS, at);
}

/* A stack that unwinds to its very end says for sure. */
static bool unwound_clear(struct scan *scan, const struct user_regs_struct *regs)
{
	TM_GUARD(tm_stack_free) struct tm_stack stack = { 0 };
	bool clear, called = false;

	tm_unwind(scan->in->unwinder, scan->in->mem, regs, 0, &stack);
	clear = stack.complete;
	for (size_t i = 0; i < stack.n && clear; i++) {
		bool from_call = called;

		called = frame_is_call(scan, &stack, i);
		clear = (!stack.frames[i].guessed || from_call) &&
			(called || !inside(scan, stack.frames[i].pc));
	}
	tm_log("unwound %zu frames, %s", stack.n, clear ? "clear" : "not clear");
	return clear;
}

static bool stopped_clear(struct scan *scan, const struct tm_thread *thread)
{
	struct user_regs_struct regs;
	struct inject_calls *calls = scan->what->calls;
	size_t ncalls = calls ? calls->n : 0;

	if (!tm_regs_get(thread->tid, &regs))
		return false;
	if (inside(scan, tm_regs_pc(&regs)) && !can_move(scan, &regs))
		return false;
	scan->signal_frames = 0;
	scan->tls = tm_regs_tls(&regs);
	if (stack_clear(scan, tm_regs_sp(&regs)))
		return true;
	if (calls)
		calls->n = ncalls;
	return scan->unwind && unwound_clear(scan, &regs);
}

/* A thread that cannot stop waits in the kernel: it tells where it came from. */
static bool waiting_clear(struct scan *scan, pid_t tid)
{
	char path[80], line[256], *at;
	TM_GUARD(tm_file_close) FILE *file = NULL;
	unsigned long long sp, pc;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall",
		 (int)scan->in->process.pid, (int)tid);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT;
	if (!fgets(line, sizeof(line), file))
		return false;
	/* "nr args... sp pc", or "-1 sp pc": the last two count. */
	at = strrchr(line, ' ');
	if (!at || sscanf(at, " %llx", &pc) != 1)
		return false;
	*at = '\0';
	at = strrchr(line, ' ');
	if (!at || sscanf(at, " %llx", &sp) != 1)
		return false;
	scan->signal_frames = 0;
	scan->tls = 0;
	return !inside(scan, pc) && stack_clear(scan, sp);
}

bool inject_clear_of(struct tm_injection *in, struct tm_stop *stop,
		     const struct inject_clear *what)
{
	struct scan scan = { .in = in, .what = what };

	if (what->calls)
		what->calls->n = 0;
	scan.unwind = what->unwind && unwinder_ready(in);
	for (size_t i = 0; i < stop->n; i++) {
		const struct tm_thread *thread = &stop->threads[i];

		scan.tid = thread->tid;
		if (thread->state == TM_THREAD_STOPPED ||
		    thread->state == TM_THREAD_GROUP_STOP) {
			if (!stopped_clear(&scan, thread))
				return false;
		} else if (thread->state != TM_THREAD_GONE &&
			   !waiting_clear(&scan, thread->tid)) {
			return false;
		}
	}
	return true;
}
