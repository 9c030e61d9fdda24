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
	uint64_t bp_at;  /* where at.bp was read, as in tm_recorder_step */
	bool known;      /* limit is a stack's end, not a guess */
	int signals;
};

enum { WORD = 8, MAX_SIGNALS = 4, GUESS = 256 << 10, MAIN_STACK = 128 << 20,
       TCB_REACH = 8 << 20, UNCHECKABLE = 1 };

/* struct ucontext of the kernel: offsets of saved registers. */
enum { UC_RBP = 120, UC_RSP = 160, UC_RIP = 168, UC_END = 256 };

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
static void limit(const struct tm_recorder_space *s, struct walk *w,
		  struct tm_recorder_thread *slot)
{
	bool own = !slot_shared(slot);

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
	w->bp_at = 0;
	if (rbp_words) {
		w->bp_at = cfa - rbp_words * WORD;
		if (!readable(w, w->bp_at))
			return false;
		w->at.bp = word(w->bp_at);
	}
	w->at.pc = word(cfa - WORD);
	w->at.sp = cfa;
	return true;
}

static bool enter_deref(struct walk *w, uint64_t at, unsigned rbp_words)
{
	if (!readable(w, at) || !enter(w, word(at), rbp_words))
		return false;
	w->bp_at = UNCHECKABLE;
	return true;
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
	w->bp_at = UNCHECKABLE;
	find_limit(s, w);
	return true;
}

static bool step(const struct tm_recorder_space *s, struct walk *w)
{
	uint32_t how = row_for(s, w->at.pc - 1);
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

/* ---- the memo -------------------------------------------------------------------- */

struct output {
	uint64_t *pcs;
	uint32_t n, max;
	struct tm_recorder_memo *memo; /* NULL: walk without */
	uint32_t nfresh;
	bool rebuild; /* the fresh steps are all there is */
	bool same;    /* nothing has changed since the last walk */
};

static inline void keep_fresh(struct output *out, const struct walk *w)
{
	struct tm_recorder_memo *memo = out->memo;

	if (memo && out->nfresh < TM_MEMO_STEPS)
		memo->fresh[out->nfresh++] = (struct tm_recorder_step){
			w->at.pc, w->at.sp, w->at.bp, w->bp_at,
		};
}

/* Is the frame older than `newer` still where the memo says? */
static inline bool still(const struct tm_recorder_step *older)
{
	return older->bp_at != UNCHECKABLE && word(older->sp - WORD) == older->pc &&
	       (older->bp_at == 0 || word(older->bp_at) == older->bp);
}

/*
 * The walk has come to step `from` of the memo. What comes next is as it was
 * as long as the stack has not changed; the order matters, because a frame
 * that is still there is what proves that the next may be read.
 */
static uint32_t follow(struct output *out, struct walk *w, uint32_t from)
{
	const struct tm_recorder_step *steps = out->memo->steps;
	uint32_t i = from;

	while (i > 0 && out->n < out->max && still(&steps[i - 1]))
		out->pcs[out->n++] = steps[--i].pc;
	w->at = (struct frame){ steps[i].pc, steps[i].sp, steps[i].bp };
	w->bp_at = steps[i].bp_at;
	return i;
}

/* The steps from the memo that the walk went along, as if found afresh. */
static void refresh(struct output *out, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i-- > to && out->nfresh < TM_MEMO_STEPS;)
		out->memo->fresh[out->nfresh++] = out->memo->steps[i];
	out->rebuild = true;
}

/* Fresh steps go on top of the first `kept` old ones. */
static void memo_store(struct output *out, uint32_t kept, bool ended)
{
	struct tm_recorder_memo *memo = out->memo;

	if (out->rebuild) {
		kept = 0;
		memo->ended = ended;
	}
	if (kept + out->nfresh > TM_MEMO_STEPS || out->nfresh == TM_MEMO_STEPS) {
		memo->n = 0;
		return;
	}
	for (uint32_t i = 0; i < out->nfresh; i++)
		memo->steps[kept + out->nfresh - 1 - i] = memo->fresh[i];
	memo->n = kept + out->nfresh;
}

/*
 * The frame of step `at` has another rbp than last time: programs use it as any
 * register. That changes nothing older when it and its callers find theirs by
 * rsp until one of them has saved rbp; then the memo is corrected.
 */
static bool rbp_is_idle(const struct tm_recorder_space *s,
			struct tm_recorder_memo *memo, uint32_t at, uint64_t bp)
{
	enum { FAR = 4 };
	uint32_t last = at;

	for (;; last--) {
		uint32_t how = row_for(s, memo->steps[last].pc - 1);

		if ((how & 7) != TM_ROW_RSP)
			return false;
		if (tm_row_rbp(how))
			break;
		if (last == 0 || at - last == FAR || memo->steps[last - 1].bp_at)
			return false;
	}
	for (uint32_t i = last; i <= at; i++)
		memo->steps[i].bp = bp;
	return true;
}

/* Returns whether the outermost frame was reached. */
static bool walk(const struct tm_recorder_space *s, struct walk *w,
		 struct output *out)
{
	struct tm_recorder_memo *memo = out->memo;
	uint32_t left = memo ? memo->n : 0, kept = 0;
	bool ended = true, met = false;

	out->rebuild = true;
	while (w->at.pc) {
		out->pcs[out->n++] = w->at.pc;
		while (!met && left && memo->steps[left - 1].sp < w->at.sp)
			left--;
		if (!met && left && memo->steps[left - 1].sp == w->at.sp &&
		    memo->steps[left - 1].pc == w->at.pc &&
		    (memo->steps[left - 1].bp == w->at.bp ||
		     rbp_is_idle(s, memo, left - 1, w->at.bp))) {
			uint32_t stopped = follow(out, w, left - 1);

			met = true;
			kept = left;
			out->rebuild = false;
			out->same = left == memo->n && out->nfresh == 0;
			if (stopped == 0 && memo->ended)
				break;
			if (out->n < out->max) {
				refresh(out, left, stopped);
				out->same = false;
			}
		} else {
			keep_fresh(out, w);
		}
		if (out->n >= out->max) {
			ended = false;
			break;
		}
		if (!step(s, w))
			break;
	}
	if (memo)
		memo_store(out, kept, ended);
	return ended;
}

/* The memo of a thread, unless it is shared or being used (a signal came). */
static struct tm_recorder_memo *memo_take(const struct tm_recorder_thread *slot)
{
	const struct tm_recorder_table *t = table();
	struct tm_recorder_memo *memo;

	if (slot_shared(slot))
		return NULL;
	memo = (struct tm_recorder_memo *)table_at(t->memos) +
	       (slot - (const struct tm_recorder_thread *)table_at(t->threads));
	if (memo->busy)
		return NULL;
	memo->busy = 1;
	__asm__ volatile("" ::: "memory");
	return memo;
}

/* The same steps as last time are the same stack. */
static uint32_t intern(const struct output *out, bool more)
{
	struct tm_recorder_memo *memo = out->memo;
	uint32_t id;

	if (memo && out->same && memo->stack && memo->taken == out->n)
		return memo->stack;
	id = stack_intern(out->pcs, out->n, more);
	if (memo) {
		memo->taken = out->n;
		memo->stack = id;
	}
	return id;
}

uint32_t unwind(const struct frame *start, uint32_t max,
		struct tm_recorder_thread *slot)
{
	const struct tm_recorder_space *s = rows_space();
	uint64_t pcs[TM_RECORDER_MAX_FRAMES];
	struct walk w = { .at = *start };
	struct output out = { .pcs = pcs, .max = max };
	uint32_t id;
	bool more;

	if (out.max > TM_RECORDER_MAX_FRAMES)
		out.max = TM_RECORDER_MAX_FRAMES;
	if (!s || !max)
		return 0;
	limit(s, &w, slot);
	out.memo = memo_take(slot);
	more = !walk(s, &w, &out);
	id = intern(&out, more);
	if (out.memo) {
		__asm__ volatile("" ::: "memory");
		out.memo->busy = 0;
	}
	return id;
}
