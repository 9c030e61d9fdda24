/*
 * Which Python functions called: read from the thread's own state. Nothing is
 * called, no lock is taken, no reference is held: a thread's chain of frames is
 * changed by itself alone, with the GIL or without it.
 */
#include "python_walk.h"

enum { FEW_PY_FRAMES = 32 };

/* ---- the chain ------------------------------------------------------------------- */

static uint64_t newest_frame(uint64_t state)
{
	const struct tm_recorder_python *p = &table()->python;
	uint64_t at = load(state, p->thread_frame);

	/* A new thread has no _PyCFrame for a moment. */
	if (p->cframe_frame != TM_PY_ABSENT)
		at = at ? load(at, p->cframe_frame) : 0;
	return at;
}

/* Free-threaded 3.14+: threads run copies of the code (_PyCodeArray: Py_ssize_t
 * size; char *entries[]). */
static uint64_t instrs_of(const struct tm_recorder_python *p, uint64_t frame, uint64_t code)
{
	uint64_t array;
	uint32_t index;

	if (p->frame_tlbc == TM_PY_ABSENT)
		return code + p->code_instrs;
	index = *(const uint32_t *)(frame + p->frame_tlbc);
	array = load(code, p->code_tlbc);
	if (!index || !array || index >= *(const uint64_t *)array)
		return code + p->code_instrs;
	return *(const uint64_t *)(array + 8 + index * 8ull);
}

static int32_t place_in_code(const struct tm_recorder_python *p, uint64_t frame,
			     uint64_t code, uint64_t instr)
{
	return (int32_t)(p->instr == TM_PY_INSTR_INDEX ? instr
						       : instr - instrs_of(p, frame, code));
}

/* _PyFrame_IsIncomplete() (pycore_frame.h, 3.11 on): its function has not begun,
 * and tracemalloc does not count it. */
static bool is_incomplete(const struct tm_recorder_python *p, uint64_t code, uint8_t owner,
			  int32_t at)
{
	return p->code_firsttraceable != TM_PY_ABSENT &&
	       owner != TM_PY_OWNED_BY_GENERATOR &&
	       at < code_first_traceable(code) * 2;
}

static uint64_t new_word(const struct tm_recorder_python *p, uint64_t frame,
			 uint64_t code, uint64_t instr)
{
	enum { TAG_BITS = 7 }; /* of a _PyStackRef: 3.13+ */
	int32_t at;

	code &= ~(uint64_t)TAG_BITS;
	if (!code || load(code, p->object_type) != p->code_type)
		return 0;
	at = place_in_code(p, frame, code, instr);
	if (is_incomplete(p, code, owner_of(p, frame), at))
		return 0;
	return tm_py_frame(code_id(code), (uint32_t)at);
}

/* ---- the memo ----------------------------------------------------------------------- */

/* A frame as it is now. */
struct seen {
	uint64_t frame, code;
	uint64_t instr; /* f_lasti, or the address of an instruction */
};

static inline bool is_kept(const struct tm_recorder_py_frame *kept, const struct seen *seen)
{
	return kept->frame == seen->frame && kept->code == seen->code &&
	       kept->instr == seen->instr;
}

static inline void keep(struct tm_recorder_py_frame *kept, const struct seen *seen,
			uint64_t word)
{
	/* Code that found no room may find some later. */
	const bool stays = !word || tm_py_frame_code(word);

	*kept = (struct tm_recorder_py_frame){
		stays ? seen->frame : 0, seen->code, seen->instr, word,
	};
}

static uint64_t kept_word(const struct tm_recorder_python *p,
			  struct tm_recorder_py_memo *memo, const struct seen *seen)
{
	enum { SHIFT = 64 - TM_PY_MEMO_FRAMES_LOG2 };
	struct tm_recorder_py_frame *kept =
		&memo->frames[(seen->frame + seen->instr) * 0x9e3779b97f4a7c15u >> SHIFT];

	if (!is_kept(kept, seen))
		keep(kept, seen, new_word(p, seen->frame, seen->code, seen->instr));
	return kept->word;
}

static void memo_forget(struct tm_recorder_py_memo *memo)
{
	for (int i = 0; i < 1 << TM_PY_MEMO_FRAMES_LOG2; i++)
		memo->frames[i].frame = 0;
	for (int i = 0; i < TM_PY_MEMO_WORDS; i++)
		memo->walked[i].frame = 0;
	memo->stack = 0;
}

/* A thread's own, in exact mode: only then ends of code objects are seen. None
 * while it is being used (a signal came). */
static struct tm_recorder_memo *py_memo_take(const struct tm_recorder_thread *slot)
{
	const struct tm_recorder_table *t = table();
	uint64_t ends = __atomic_load_n(&t->code_ends, __ATOMIC_RELAXED);
	struct tm_recorder_memo *memo;

	if (t->sample_bytes || slot_shared(slot))
		return NULL;
	memo = (struct tm_recorder_memo *)table_at(t->memos) + (slot - thread_at(0));
	if (memo->busy)
		return NULL;
	memo->busy = 1;
	__asm__ volatile("" ::: "memory");
	if (unlikely(memo->python.generation != ends)) {
		memo_forget(&memo->python);
		memo->python.generation = ends;
	}
	return memo;
}

static inline void py_memo_put(struct tm_recorder_memo *memo)
{
	__asm__ volatile("" ::: "memory");
	memo->busy = 0;
}

/* ---- the walk ----------------------------------------------------------------------- */

/* What stands in a frame that is not where it was. `kept`: its place in the memo's
 * walk; NULL: none. */
static SELDOM uint64_t frame_word(struct tm_recorder_py_memo *memo, const struct seen *seen,
				  struct tm_recorder_py_frame *kept)
{
	const struct tm_recorder_python *p = &table()->python;
	uint64_t word = 0;

	if (!is_foreign(p, seen->frame))
		word = memo ? kept_word(p, memo, seen)
			    : new_word(p, seen->frame, seen->code, seen->instr);
	if (kept)
		keep(kept, seen, word);
	return word;
}

/* The frame that comes next; most are where they were. */
static inline void walk_frame(struct py_walk *w, const struct seen *seen)
{
	struct tm_recorder_py_frame *kept = NULL;
	uint64_t word;

	if (w->memo && w->frames < TM_PY_MEMO_WORDS)
		kept = &w->memo->walked[w->frames];
	w->frames++;
	if (kept && likely(is_kept(kept, seen))) {
		word = kept->word;
	} else {
		w->changed = true;
		word = frame_word(w->memo, seen, kept);
	}
	if (word && w->n == w->max)
		w->more = true;
	else if (word)
		w->words[w->n++] = word;
}

/* ---- stacks ------------------------------------------------------------------------- */

static inline uint64_t instr_of(const struct tm_recorder_python *p, uint64_t frame)
{
	return p->instr == TM_PY_INSTR_INDEX ? *(const uint32_t *)(frame + p->frame_instr)
					     : load(frame, p->frame_instr);
}

static void walk_frames(uint64_t frame, struct py_walk *w)
{
	const struct tm_recorder_python *p = &table()->python;

	while (frame && !w->more) {
		if (w->frames == TM_PY_MAX_WALK || frame % 8) {
			w->more = true;
			return;
		}
		if (w->evaluators)
			evaluators_before(p, w, frame);
		walk_frame(w, &(struct seen){
			frame, load(frame, p->frame_code), instr_of(p, frame),
		});
		if (w->evaluators && p->merge == TM_PY_BY_CFRAME_EACH && !w->more)
			evaluators_of_frame(p, w);
		frame = load(frame, p->frame_previous);
	}
	if (w->evaluators)
		evaluators_end(p, w, frame);
}

/*
 * The same by the memo, for each block of exact mode: so it is kept short. Returns the
 * frame from which on it is not enough; 0: all were walked.
 */
static inline uint64_t walk_again(uint64_t frame, struct py_walk *w)
{
	const struct tm_recorder_python *p = &table()->python;
	const uint16_t previous = p->frame_previous, code = p->frame_code;
	const uint16_t instr = p->frame_instr;
	const uint64_t mask = p->instr == TM_PY_INSTR_INDEX ? UINT32_MAX : UINT64_MAX;
	struct tm_recorder_py_frame *kept = w->memo->walked;
	uint64_t *words = w->words;
	uint32_t n = 0, i = 0;

	for (; frame && i < TM_PY_MEMO_WORDS; i++, kept++) {
		uint64_t word = kept->word;

		if (unlikely(kept->frame != frame || kept->code != load(frame, code) ||
			     kept->instr != (load(frame, instr) & mask))) {
			if (frame % 8)
				break;
			w->changed = true;
			word = frame_word(w->memo, &(struct seen){
				frame, load(frame, code), load(frame, instr) & mask,
			}, kept);
		}
		if (word && n == w->max) {
			w->more = true;
			i++;
			break;
		}
		if (word)
			words[n++] = word;
		frame = load(frame, previous);
	}
	w->n = n;
	w->frames = i;
	return w->more ? 0 : frame;
}

static inline enum tm_recorder_more more_of(const struct py_walk *w)
{
	return w->more ? TM_STACK_LIMITED : TM_STACK_WHOLE;
}

/* The same frames as last time are the same stack. */
static uint32_t stack_by_memo(struct tm_recorder_py_memo *memo, uint64_t state, uint32_t max)
{
	struct py_walk w = { .words = memo->words, .max = max, .memo = memo };
	uint64_t frame;

	frame = walk_again(newest_frame(state), &w);
	if (frame) {
		w.changed = true;
		walk_frames(frame, &w);
	}
	if (!w.changed && memo->nwalked == w.frames && memo->more == w.more && memo->stack)
		return memo->stack;
	memo->stack = stack_intern_again(memo->recent, w.words, w.n, more_of(&w),
					 table()->domain);
	memo->nwalked = w.frames;
	memo->more = w.more;
	return memo->stack;
}

static inline uint32_t stack_of(uint64_t state, uint64_t *words, uint32_t max)
{
	struct py_walk w = { .words = words, .max = max };

	if (state)
		walk_frames(newest_frame(state), &w);
	return stack_intern(w.words, w.n, more_of(&w), table()->domain);
}

/* The program's stack may be small: few frames take little of it. */
static __attribute__((noinline)) uint32_t stack_few(uint64_t state, uint32_t max)
{
	uint64_t words[FEW_PY_FRAMES];

	return stack_of(state, words, max);
}

static __attribute__((noinline)) uint32_t stack_many(uint64_t state, uint32_t max)
{
	uint64_t words[TM_PY_MEMO_WORDS];

	return stack_of(state, words, max);
}

/* The frames alone. */
static uint32_t stack_alone(struct tm_recorder_memo *memo, uint64_t state, uint32_t max)
{
	if (memo)
		return stack_by_memo(&memo->python, state, max);
	return max <= FEW_PY_FRAMES ? stack_few(state, max) : stack_many(state, max);
}

static __attribute__((noinline)) uint32_t stack_with_c(struct tm_recorder_memo *memo,
						       uint64_t state, uint32_t max,
						       const struct frame *caller,
						       struct tm_recorder_thread *slot,
						       uint32_t domain)
{
	uint64_t words[TM_PY_MEMO_WORDS];
	struct evaluators evaluators;
	struct py_walk w = { .words = words, .max = max, .evaluators = &evaluators };

	evaluators.n = 0;
	evaluators.cframe = 0;
	if (memo) {
		w.memo = &memo->python;
		w.words = memo->python.words;
	}
	if (state && table()->python.merge != TM_PY_BY_ENTRY_FRAME)
		evaluators.cframe = load(state, table()->python.thread_cframe);
	if (state)
		walk_frames(newest_frame(state), &w);
	return merged_stack(&w, caller, slot, domain);
}

uint32_t python_stack(enum tm_recorder_py_domain domain, const struct frame *caller,
		      struct tm_recorder_thread *slot)
{
	const uint64_t state = python_state(domain);
	const uint32_t nframe = table()->nframe;
	const uint32_t max = nframe < TM_PY_MEMO_WORDS ? nframe : TM_PY_MEMO_WORDS;
	struct tm_recorder_memo *memo = state ? py_memo_take(slot) : NULL;
	uint32_t id;

	if (table()->python.merge)
		id = stack_with_c(memo, state, max, caller, slot,
				  domain == TM_PY_OF_C ? TM_RECORDER_C_DOMAIN
						       : table()->domain);
	else
		id = stack_alone(memo, state, max);
	if (memo)
		py_memo_put(memo);
	return id;
}
