/*
 * Who called: by the rows that tmattach made of each module's .eh_frame, and
 * by frame pointers in code that has none. Reads nothing but the stack
 * between the caller's frame and a limit below which it is known to be there;
 * wrong rows or wild frame pointers end the walk and cannot fault.
 */
#include "recorder.h"

struct walk {
	struct frame at;
	uint64_t limit;  /* reads stay below it */
	bool known;      /* limit is a stack's end, not a guess */
	int signals;
};

enum { WORD = 8, MAX_SIGNALS = 4, GUESS = 256 << 10, MAIN_STACK = 128 << 20,
       TCB_REACH = 8 << 20 };

/* struct ucontext of the kernel: offsets of saved registers. */
enum { UC_RBP = 120, UC_RSP = 160, UC_RIP = 168, UC_END = 256 };

static inline const struct tm_recorder_space *space(void)
{
	uint64_t at = __atomic_load_n(&table()->space, __ATOMIC_ACQUIRE);

	return at ? table_at(at) : NULL;
}

static const struct tm_recorder_range *stack_range(
	const struct tm_recorder_space *s, uint64_t sp)
{
	const struct tm_recorder_range *ranges = table_at(s->stacks);
	uint32_t lo = 0, hi = s->nstacks;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (ranges[mid].address + ranges[mid].size <= sp)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < s->nstacks && ranges[lo].address <= sp)
		return &ranges[lo];
	return NULL;
}

static void find_limit(const struct tm_recorder_space *s, struct walk *w)
{
	uint64_t sp = w->at.sp, tp = thread_pointer();
	const struct tm_recorder_range *range;

	w->known = true;
	w->limit = s->main_stack;
	if (sp < s->main_stack && s->main_stack - sp < MAIN_STACK)
		return;
	/* Every libc puts the thread's control block at its stack's end. */
	w->limit = tp;
	range = sp < tp ? stack_range(s, sp) : NULL;
	if (range && tp - range->address < range->size)
		return;
	/* A thread that started later, or a stack of the program's own: rows
	 * lead from frame to frame, but nothing else is believed. */
	w->known = false;
	if (sp >= tp || tp - sp > TCB_REACH)
		w->limit = sp + GUESS;
}

/* The limit of the stack this thread was on last serves until it leaves it. */
static void limit(const struct tm_recorder_space *s, struct walk *w)
{
	struct tm_recorder_thread *slot = thread_slot();
	bool own = slot->owner != 0;

	if (own && w->at.sp >= slot->stack_lo && w->at.sp < slot->stack_hi) {
		w->limit = slot->stack_hi;
		w->known = true;
		return;
	}
	find_limit(s, w);
	if (own && w->known) {
		slot->stack_hi = 0;
		__asm__ volatile("" ::: "memory");
		slot->stack_lo = w->at.sp & ~4095ull;
		__asm__ volatile("" ::: "memory");
		slot->stack_hi = w->limit;
	}
}

static const struct tm_recorder_module *module_of(
	const struct tm_recorder_space *s, uint64_t pc)
{
	const struct tm_recorder_module *modules = table_at(s->modules);
	uint32_t lo = 0, hi = s->nmodules;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (modules[mid].end <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < s->nmodules && modules[lo].start <= pc)
		return &modules[lo];
	return NULL;
}

static uint32_t row_of(const struct tm_recorder_module *module, uint64_t pc)
{
	const struct tm_recorder_row *rows = table_at(module->rows);
	uint64_t lo = 0, hi = module->nrows;

	pc -= module->bias;
	while (lo < hi) {
		uint64_t mid = (lo + hi) / 2;

		if (rows[mid].pc <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? rows[lo - 1].how : TM_ROW_NONE;
}

/* A mapping of 48 bits onto themselves, so that the part of it which is not
 * the place in the cache names the address. */
static inline uint64_t cache_key(uint64_t pc)
{
	pc = (pc ^ pc >> 24) * 0xd6e8feb86659u & TM_SLOT_ADDRESS;
	return pc ^ pc >> 25;
}

static uint32_t look_up(const struct tm_recorder_space *s, uint64_t pc)
{
	uint64_t key = cache_key(pc);
	uint64_t *cached = (uint64_t *)table_at(table()->cache) +
		(key & ((1u << TM_RECORDER_CACHE_LOG2) - 1));
	uint64_t seen = __atomic_load_n(cached, __ATOMIC_RELAXED);
	const struct tm_recorder_module *module;
	uint32_t how;

	if (likely((uint32_t)seen && seen >> 32 == key >> TM_RECORDER_CACHE_LOG2))
		return (uint32_t)seen;
	if (pc > TM_SLOT_ADDRESS)
		return TM_ROW_NONE;
	module = module_of(s, pc);
	how = module ? row_of(module, pc) : TM_ROW_NONE;
	if (how != TM_ROW_NONE)
		__atomic_store_n(cached, key >> TM_RECORDER_CACHE_LOG2 << 32 | how,
				 __ATOMIC_RELAXED);
	return how;
}

static inline bool readable(const struct walk *w, uint64_t at)
{
	return at >= w->at.sp && at <= w->limit - WORD && at % WORD == 0;
}

static inline uint64_t word(uint64_t at)
{
	return *(const uint64_t *)at;
}

/* Enter the frame whose CFA this is. */
static inline bool enter(struct walk *w, uint64_t cfa, unsigned rbp_words)
{
	if (cfa - WORD < w->at.sp || cfa < WORD || !readable(w, cfa - WORD))
		return false;
	if (rbp_words) {
		if (!readable(w, cfa - rbp_words * WORD))
			return false;
		w->at.bp = word(cfa - rbp_words * WORD);
	}
	w->at.pc = word(cfa - WORD);
	w->at.sp = cfa;
	return true;
}

static bool enter_deref(struct walk *w, uint64_t at, unsigned rbp_words)
{
	return readable(w, at) && enter(w, word(at), rbp_words);
}

static bool enter_realigned(struct walk *w, uint64_t at)
{
	uint64_t saved = w->at.bp;

	if (!readable(w, saved) || !enter_deref(w, at, 0))
		return false;
	w->at.bp = word(saved);
	return true;
}

static bool enter_by_frame_pointer(struct walk *w)
{
	uint64_t bp = w->at.bp;

	return w->known && bp < w->limit - WORD && readable(w, bp) &&
	       readable(w, bp + WORD) && enter(w, bp + 2 * WORD, 2);
}

/* Into the code that a signal interrupted, maybe on another stack. */
static bool enter_signal(const struct tm_recorder_space *s, struct walk *w,
			 uint64_t uc)
{
	if (w->signals++ == MAX_SIGNALS || !readable(w, uc) ||
	    !readable(w, uc + UC_END))
		return false;
	w->at.bp = word(uc + UC_RBP);
	w->at.sp = word(uc + UC_RSP);
	w->at.pc = word(uc + UC_RIP) + 1;
	find_limit(s, w);
	return true;
}

static bool step(const struct tm_recorder_space *s, struct walk *w)
{
	uint32_t how = look_up(s, w->at.pc - 1);
	uint64_t offset = (uint64_t)((int64_t)tm_row_cfa(how) * WORD);
	unsigned rbp = tm_row_rbp(how);

	switch ((enum tm_recorder_row_kind)(how & 7)) {
	case TM_ROW_RSP:
		return enter(w, w->at.sp + offset, rbp);
	case TM_ROW_RBP:
		return enter(w, w->at.bp + offset, rbp);
	case TM_ROW_RBP_DEREF:
		return enter_realigned(w, w->at.bp + offset);
	case TM_ROW_RSP_DEREF:
		return enter_deref(w, w->at.sp + offset, rbp);
	case TM_ROW_SIGNAL:
		return enter_signal(s, w, w->at.sp + offset);
	case TM_ROW_PLT:
		return enter(w, w->at.sp + WORD +
			     (((w->at.pc - 1) & 15) >= 11 ? WORD : 0), 0);
	case TM_ROW_END:
		return false;
	case TM_ROW_NONE:
		break;
	}
	return enter_by_frame_pointer(w);
}

uint32_t unwind(const struct frame *start, uint64_t *pcs, uint32_t max,
		bool *ret_more)
{
	const struct tm_recorder_space *s = space();
	struct walk w = { .at = *start };
	uint32_t n = 0;

	*ret_more = false;
	if (s)
		limit(s, &w);
	while (n < max) {
		if (w.at.pc == 0)
			return n;
		pcs[n++] = w.at.pc;
		if (!s || !step(s, &w))
			return n;
	}
	*ret_more = w.at.pc != 0;
	return n;
}
