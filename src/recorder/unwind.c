/*
 * Who called: by the rows that tmattach made of each module's .eh_frame, and
 * by frame pointers in code that has none. Reads nothing but the stack
 * between the caller's frame and a limit below which it is known to be there;
 * wrong rows or wild frame pointers end the walk and cannot fault.
 */
#include "recorder.h"

enum { WORD = 8, MAX_SIGNALS = 4, UNCHECKABLE = 1, FEW_FRAMES = 32,
       MANY_FRAMES = TM_RECORDER_MAX_FRAMES };

static inline bool readable(const struct walk *w, uint64_t at)
{
	return at >= w->at.sp && at <= w->stack.limit - WORD && at % WORD == 0;
}

static inline uint64_t word(uint64_t at)
{
	return *(const uint64_t *)at;
}

/* Enter the frame whose CFA this is. */
static inline bool enter(struct walk *w, uint64_t cfa, unsigned fp_words)
{
	const uint64_t pc_at = cpu_return_at(cfa, fp_words);

	if (pc_at < w->at.sp || cfa < WORD || !readable(w, pc_at))
		return false;
	w->fp_at = 0;
	if (fp_words) {
		w->fp_at = cfa - fp_words * WORD;
		if (!readable(w, w->fp_at))
			return false;
		w->at.fp = word(w->fp_at);
	}
	w->at.pc = word(pc_at);
	w->at.sp = cfa;
	return true;
}

static bool enter_deref(struct walk *w, uint64_t at, unsigned fp_words)
{
	if (!readable(w, at) || !enter(w, word(at), fp_words))
		return false;
	w->fp_at = UNCHECKABLE;
	return true;
}

static bool enter_realigned(struct walk *w, uint64_t at)
{
	uint64_t saved = w->at.fp;

	if (!readable(w, saved) || !enter_deref(w, at, 0))
		return false;
	w->at.fp = word(saved);
	return true;
}

/* A return address of 0 is no end here: fp may be any number. */
static bool enter_by_frame_pointer(struct walk *w)
{
	const uint64_t fp = w->at.fp, here = w->at.pc;

	if (!w->stack.known || fp >= w->stack.limit - WORD || !readable(w, fp) ||
	    !readable(w, fp + WORD) || !enter(w, fp + 2 * WORD, 2))
		return false;
	if (w->at.pc)
		return true;
	w->at.pc = here;
	return false;
}

/* Into the code that a signal interrupted, maybe on another stack. */
static bool enter_signal(const struct tm_recorder_space *s, struct walk *w,
			 uint64_t uc)
{
	if (w->signals++ == MAX_SIGNALS || !readable(w, uc) ||
	    !readable(w, uc + CPU_UC_END))
		return false;
	w->at.fp = word(uc + CPU_UC_FP);
	w->at.sp = word(uc + CPU_UC_SP);
	w->at.pc = word(uc + CPU_UC_PC) + 1;
	w->fp_at = UNCHECKABLE;
	w->stack = bounds_find(s, w->at.sp);
	return true;
}

/* From the stack of a thread to that of the goroutine that has called C. */
static bool enter_go(const struct tm_recorder_space *s, struct walk *w, uint64_t kept)
{
	uint64_t end, used;

	if (w->signals++ == MAX_SIGNALS || !readable(w, kept - WORD) || !readable(w, kept))
		return false;
	used = word(kept - WORD);
	end = bounds_of_go(s, word(kept), used);
	if (!end)
		return false;
	w->stack = (struct bounds){ end, true };
	w->at.pc = word(end - used);
	w->at.sp = end - used + WORD;
	w->fp_at = UNCHECKABLE;
	return true;
}

bool walk_step(const struct tm_recorder_space *s, struct walk *w)
{
	uint32_t how = row_for(s, w->at.pc - 1);
	uint64_t offset = (uint64_t)((int64_t)tm_row_cfa(how) * WORD);
	unsigned fp = tm_row_fp(how);

	switch ((enum tm_recorder_row_kind)(how & 7)) {
	case TM_ROW_SP:
		return enter(w, w->at.sp + offset, fp);
	case TM_ROW_FP:
		return enter(w, w->at.fp + offset, fp);
	case TM_ROW_FP_DEREF:
		return enter_realigned(w, w->at.fp + offset);
	case TM_ROW_SP_DEREF:
		return enter_deref(w, w->at.sp + offset, fp);
	case TM_ROW_SIGNAL:
		return enter_signal(s, w, w->at.sp + offset);
	case TM_ROW_PLT:
		if (fp == TM_ROW_TO_GO)
			return enter_go(s, w, w->at.sp + offset);
		return enter(w, cpu_plt_cfa(w->at.pc - 1, w->at.sp), 0);
	case TM_ROW_END:
		w->at.pc = 0;
		return false;
	case TM_ROW_NONE:
		break;
	}
	if (w->at.pc > TM_PC_ADDRESS)
		return false;
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
			w->at.pc, w->at.sp, w->at.fp, w->fp_at,
		};
}

/* Is the frame older than `newer` still where the memo says? */
static inline bool still(const struct tm_recorder_step *older)
{
	uint64_t fp_words = older->fp_at ? (older->sp - older->fp_at) / WORD : 0;

	return older->fp_at != UNCHECKABLE && word(cpu_return_at(older->sp, fp_words)) == older->pc &&
	       (older->fp_at == 0 || word(older->fp_at) == older->fp);
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
	w->at = (struct frame){ steps[i].pc, steps[i].sp, steps[i].fp };
	w->fp_at = steps[i].fp_at;
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
static void memo_store(struct output *out, uint32_t kept, enum tm_recorder_more more)
{
	struct tm_recorder_memo *memo = out->memo;

	if (out->rebuild) {
		kept = 0;
		memo->ended = more == TM_STACK_WHOLE;
		memo->cut = more == TM_STACK_CUT ? table()->space : 0;
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
 * The frame of step `at` has another fp than last time: programs use it as any
 * register. That changes nothing older when it and its callers find theirs by
 * sp until one of them has saved fp; then the memo is corrected.
 */
static bool fp_is_idle(const struct tm_recorder_space *s,
			struct tm_recorder_memo *memo, uint32_t at, uint64_t fp)
{
	enum { FAR = 4 };
	uint32_t last = at;

	for (;; last--) {
		uint32_t how = row_for(s, memo->steps[last].pc - 1);

		if ((how & 7) != TM_ROW_SP)
			return false;
		if (tm_row_fp(how))
			break;
		if (last == 0 || at - last == FAR || memo->steps[last - 1].fp_at)
			return false;
	}
	for (uint32_t i = last; i <= at; i++)
		memo->steps[i].fp = fp;
	return true;
}

/* What the walk has left out. */
static enum tm_recorder_more walk(const struct tm_recorder_space *s, struct walk *w,
		 struct output *out)
{
	struct tm_recorder_memo *memo = out->memo;
	uint32_t left = memo ? memo->n : 0, kept = 0;
	enum tm_recorder_more more = TM_STACK_WHOLE;
	bool met = false;

	out->rebuild = true;
	while (w->at.pc) {
		out->pcs[out->n++] = w->at.pc;
		while (!met && left && memo->steps[left - 1].sp < w->at.sp)
			left--;
		if (!met && left && memo->steps[left - 1].sp == w->at.sp &&
		    memo->steps[left - 1].pc == w->at.pc &&
		    (memo->steps[left - 1].fp == w->at.fp ||
		     fp_is_idle(s, memo, left - 1, w->at.fp))) {
			uint32_t stopped = follow(out, w, left - 1);

			met = true;
			kept = left;
			out->rebuild = false;
			out->same = left == memo->n && out->nfresh == 0;
			if (stopped == 0 && memo->ended)
				break;
			if (stopped == 0 && memo->cut == table()->space) {
				more = TM_STACK_CUT;
				break;
			}
			if (out->n < out->max) {
				refresh(out, left, stopped);
				out->same = false;
			}
		} else {
			keep_fresh(out, w);
		}
		if (out->n >= out->max) {
			more = TM_STACK_LIMITED;
			break;
		}
		if (!walk_step(s, w)) {
			more = w->at.pc ? TM_STACK_CUT : TM_STACK_WHOLE;
			break;
		}
	}
	if (memo)
		memo_store(out, kept, more);
	/* What cannot be an address may be the last, and has no module. */
	if (out->n && out->pcs[out->n - 1] > TM_PC_ADDRESS)
		out->pcs[out->n - 1] = (out->pcs[out->n - 1] & TM_PC_ADDRESS) |
			(uint64_t)TM_PC_NOWHERE << TM_PC_MODULE_SHIFT;
	return more;
}

/* What was found among other modules says nothing any more. */
static void memo_renew(struct tm_recorder_memo *memo)
{
	const uint32_t changes = loader_changes();

	if (likely(memo->changes == changes))
		return;
	memo->changes = changes;
	memo->n = memo->stack = 0;
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
	memo_renew(memo);
	return memo;
}

void add_modules(uint64_t *pcs, uint32_t n)
{
	const struct tm_recorder_loader *l = loader();

	for (uint32_t i = 0; i < n; i++)
		if (!(pcs[i] & TM_PY_FRAME) && loader_asks(l, pcs[i] - 1))
			pcs[i] = loader_word(l, pcs[i]);
}

/* The same steps as last time are the same stack. */
static uint32_t intern(const struct output *out, enum tm_recorder_more more)
{
	struct tm_recorder_memo *memo = out->memo;
	uint32_t id;

	if (memo && out->same && memo->stack && memo->taken == out->n)
		return memo->stack;
	if (unlikely(table()->changes))
		add_modules(out->pcs, out->n);
	id = stack_intern(out->pcs, out->n, more, table()->domain);
	if (memo) {
		memo->taken = out->n;
		memo->stack = id;
	}
	return id;
}

/* `pcs` has room for `max` frames. */
static uint32_t walk_from(const struct frame *start, uint64_t *pcs, uint32_t max,
			  struct tm_recorder_thread *slot)
{
	const struct tm_recorder_space *s = rows_space();
	struct walk w = { .at = *start };
	struct output out = { .pcs = pcs, .max = max };
	uint32_t id;
	enum tm_recorder_more more;

	if (!s || !max)
		return 0;
	w.stack = bounds_of(s, w.at.sp, slot);
	out.memo = memo_take(slot);
	more = walk(s, &w, &out);
	id = intern(&out, more);
	if (out.memo) {
		__asm__ volatile("" ::: "memory");
		out.memo->busy = 0;
	}
	return id;
}

/* The program's stack may be small: few frames take little of it. */
static __attribute__((noinline, flatten)) uint32_t walk_few(
	const struct frame *start, uint32_t max, struct tm_recorder_thread *slot)
{
	uint64_t pcs[FEW_FRAMES];

	return walk_from(start, pcs, max, slot);
}

static __attribute__((noinline)) uint32_t walk_many(
	const struct frame *start, uint32_t max, struct tm_recorder_thread *slot)
{
	uint64_t pcs[MANY_FRAMES];

	return walk_from(start, pcs, max < MANY_FRAMES ? max : MANY_FRAMES, slot);
}

uint32_t unwind(const struct frame *start, uint32_t max,
		struct tm_recorder_thread *slot)
{
	return max <= FEW_FRAMES ? walk_few(start, max, slot)
				 : walk_many(start, max, slot);
}
