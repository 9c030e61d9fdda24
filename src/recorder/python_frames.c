/*
 * Which Python functions called: read from the thread's own state. Nothing is
 * called, no lock is taken, no reference is held: a thread's chain of frames is
 * changed by itself alone, with the GIL or without it.
 */
#include "recorder.h"

enum { FEW_PY_FRAMES = 32 };

/* ---- the thread's state --------------------------------------------------------- */

static uint64_t access_read(const struct tm_recorder_py_access *access)
{
	uint64_t at = access->at;

	switch ((enum tm_recorder_py_access_kind)access->kind) {
	case TM_PY_NOWHERE:
		return 0;
	case TM_PY_GLOBAL:
		break;
	case TM_PY_OF_THREAD:
		at += cpu_thread_pointer();
		break;
	case TM_PY_TLS_BLOCK:
		if (!cpu_tls_block(access->module))
			return 0;
		at += cpu_tls_block(access->module);
		break;
	}
	return *(const volatile uint64_t *)at;
}

static bool state_is_own(uint64_t state)
{
	return state && state % 8 == 0 &&
	       *(const uint64_t *)(state + table()->python.thread_id) ==
		       cpu_thread_pointer();
}

/* The PyThreadState of this thread; 0: it has none. What stands in a global word
 * is another thread's, and may be gone, unless this one holds the GIL. */
static uint64_t own_state(enum tm_recorder_py_domain domain)
{
	const struct tm_recorder_python *p = &table()->python;
	uint64_t state = 0;

	if (domain != TM_PY_RAW || p->attached.kind != TM_PY_GLOBAL)
		state = access_read(&p->attached);
	if (state_is_own(state))
		return state;
	state = access_read(&p->known);
	return state_is_own(state) ? state : 0;
}

/* ---- the chain ------------------------------------------------------------------- */

static inline uint64_t load(uint64_t object, uint16_t offset)
{
	return *(const uint64_t *)(object + offset);
}

static uint64_t newest_frame(uint64_t state)
{
	const struct tm_recorder_python *p = &table()->python;
	uint64_t at = load(state, p->thread_frame);

	/* A new thread has no _PyCFrame for a moment. */
	if (p->cframe_frame != TM_PY_ABSENT)
		at = at ? load(at, p->cframe_frame) : 0;
	return at;
}

static inline uint8_t owner_of(const struct tm_recorder_python *p, uint64_t frame)
{
	return p->frame_owner == TM_PY_ABSENT ? 0 :
	       *(const uint8_t *)(frame + p->frame_owner);
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

/* f_lasti, or the address of an instruction. */
static inline uint64_t instr_of(const struct tm_recorder_python *p, uint64_t frame)
{
	return p->instr == TM_PY_INSTR_INDEX ? *(const uint32_t *)(frame + p->frame_instr)
					     : load(frame, p->frame_instr);
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
	uint64_t frame, code, instr;
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
	*kept = (struct tm_recorder_py_frame){
		tm_py_frame_code(word) ? seen->frame : 0, seen->code, seen->instr, word,
	};
}

static uint64_t kept_word(const struct tm_recorder_python *p,
			  struct tm_recorder_py_memo *memo, const struct seen *seen)
{
	enum { SHIFT = 64 - TM_PY_MEMO_FRAMES_LOG2 };
	struct tm_recorder_py_frame *kept =
		&memo->frames[seen->frame * 0x9e3779b97f4a7c15u >> SHIFT];

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

/* ---- stacks ------------------------------------------------------------------------- */

struct py_walk {
	uint64_t *words;
	uint32_t n, max;
	bool more;    /* there are others */
	bool changed; /* since the memo's last stack */
	struct tm_recorder_py_memo *memo; /* NULL: walk without; `words` are its own */
};

static void add_word(const struct tm_recorder_python *p, struct py_walk *w,
		     const struct seen *seen)
{
	uint64_t word = w->memo ? kept_word(p, w->memo, seen)
				: new_word(p, seen->frame, seen->code, seen->instr);

	if (!word)
		return;
	if (w->n == w->max) {
		w->more = true;
		return;
	}
	if (w->memo)
		keep(&w->memo->walked[w->n], seen, word);
	w->words[w->n++] = word;
	w->changed = true;
}

/* The frame that comes next; most are where they were. */
static inline void walk_frame(const struct tm_recorder_python *p, struct py_walk *w,
			      uint64_t frame)
{
	struct seen seen = { frame, 0, 0 };

	if (p->foreign_owner && owner_of(p, frame) >= p->foreign_owner)
		return;
	seen.code = load(frame, p->frame_code);
	seen.instr = instr_of(p, frame);
	if (w->memo && w->n < w->max && likely(is_kept(&w->memo->walked[w->n], &seen)))
		w->n++;
	else
		add_word(p, w, &seen);
}

static inline void walk_frames(uint64_t state, struct py_walk *w)
{
	const struct tm_recorder_python *p = &table()->python;
	uint64_t frame = newest_frame(state);

	for (uint32_t i = 0; frame && !w->more; i++) {
		if (i == TM_PY_MAX_WALK || frame % 8) {
			w->more = true;
			return;
		}
		walk_frame(p, w, frame);
		frame = load(frame, p->frame_previous);
	}
}

static uint32_t intern_walk(const struct py_walk *w)
{
	return stack_intern(w->words, w->n, w->more ? TM_STACK_LIMITED : TM_STACK_WHOLE);
}

/* The same words as last time are the same stack. */
static uint32_t stack_by_memo(struct tm_recorder_py_memo *memo, uint64_t state, uint32_t max)
{
	struct py_walk w = { .words = memo->words, .max = max, .memo = memo };

	walk_frames(state, &w);
	if (!w.changed && memo->n == w.n && memo->more == w.more && memo->stack)
		return memo->stack;
	memo->stack = intern_walk(&w);
	memo->n = w.n;
	memo->more = w.more;
	return memo->stack;
}

static inline uint32_t stack_of(uint64_t state, uint64_t *words, uint32_t max)
{
	struct py_walk w = { .words = words, .max = max };

	if (state)
		walk_frames(state, &w);
	return intern_walk(&w);
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

uint32_t python_stack(enum tm_recorder_py_domain domain, struct tm_recorder_thread *slot)
{
	const uint64_t state = own_state(domain);
	const uint32_t nframe = table()->nframe;
	const uint32_t max = nframe < TM_PY_MEMO_WORDS ? nframe : TM_PY_MEMO_WORDS;
	struct tm_recorder_memo *memo = state ? py_memo_take(slot) : NULL;
	uint32_t id;

	if (!memo)
		return max <= FEW_PY_FRAMES ? stack_few(state, max) : stack_many(state, max);
	id = stack_by_memo(&memo->python, state, max);
	py_memo_put(memo);
	return id;
}
