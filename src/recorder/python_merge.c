/*
 * The functions of a stack as they called each other, those of Python between those
 * of C. Which C frame is an evaluator's is told by where it is on the stack: it
 * reaches from its sp to that of its caller, and the evaluator's structure is in it
 * (abi_python.h). Frames and structures are both met from the newest on, so each
 * must be where the other is looked for. Where that is not so, the Python frames
 * stand alone.
 */
#include "python_walk.h"

struct merge {
	const struct tm_recorder_space *space;
	struct walk c;
	const struct py_walk *python;
	uint32_t word, evaluator; /* of Python, that come next */
	uint32_t n;
	uint64_t out[TM_RECORDER_MAX_FRAMES];
};

static inline uint32_t words_left(const struct merge *m)
{
	return m->python->n - m->word;
}

static inline void add_words(struct merge *m, uint32_t until)
{
	while (m->word < until)
		m->out[m->n++] = m->python->words[m->word++];
}

static inline bool is_in_image(uint64_t pc)
{
	const struct tm_recorder_python *p = &table()->python;

	return pc > p->image_start && pc <= p->image_end;
}

enum kind { OF_C, OF_EVALUATOR, OF_NEITHER };

/* A C frame that ends below `end`. A signal may have come on another stack, which
 * has no end here. */
static inline enum kind kind_of(const struct merge *m, const struct frame *frame, uint64_t end)
{
	const struct evaluators *e = m->python->evaluators;
	const uint32_t i = m->evaluator;

	if (i == e->n || end <= frame->sp || e->at[i] >= end)
		return OF_C;
	/* The second of two in one frame is below the next. */
	return e->at[i] < frame->sp || !is_in_image(frame->pc) ? OF_NEITHER : OF_EVALUATOR;
}

/* The frame, or those that it stands for: there are none while the evaluator begins
 * or ends. False: it cannot be. */
static inline bool merge_frame(struct merge *m, const struct frame *frame, uint64_t end)
{
	const enum kind kind = kind_of(m, frame, end);
	const uint32_t before = m->word;

	if (kind == OF_EVALUATOR)
		add_words(m, m->python->evaluators->words[m->evaluator++]);
	if (m->word == before)
		m->out[m->n++] = frame->pc;
	return kind != OF_NEITHER;
}

/* One allocator may have called another through a hook, which is on the stack then and
 * tells who called it. */
static bool leave_hook(struct merge *m)
{
	const uint64_t at = m->c.at.sp;

	if (m->c.at.pc != (uint64_t)head() + head()->rest ||
	    at > m->c.stack.limit - sizeof(struct tm_recorder_call))
		return false;
	m->c.at = caller_of((const struct tm_recorder_call *)at);
	return true;
}

/* False: they do not fit together. C functions end where there is no room for more,
 * or their callers are not found; those of Python all come, and nothing older: a
 * greenlet's C stack leads to others' from there on. */
static bool merge(struct merge *m)
{
	while (words_left(m) && m->n + words_left(m) < TM_RECORDER_MAX_FRAMES) {
		const struct frame frame = m->c.at;

		if (!frame.pc)
			return false;
		if (leave_hook(m))
			continue;
		if (frame.pc > TM_PC_ADDRESS)
			break;
		if (!walk_step(m->space, &m->c) && m->c.at.pc)
			break;
		if (!merge_frame(m, &frame, m->c.at.pc ? m->c.at.sp : 0))
			return false;
	}
	add_words(m, m->python->n);
	return true;
}

/* Where Python has called nothing: as many as there would be of Python. */
static enum tm_recorder_more c_alone(struct merge *m)
{
	const uint32_t nframe = table()->nframe;

	while (m->c.at.pc) {
		if (m->c.at.pc > TM_PC_ADDRESS)
			return TM_STACK_CUT;
		if (!leave_hook(m)) {
			if (m->n == nframe || m->n == TM_RECORDER_MAX_FRAMES)
				return TM_STACK_LIMITED;
			m->out[m->n++] = m->c.at.pc;
			if (!walk_step(m->space, &m->c))
				return m->c.at.pc ? TM_STACK_CUT : TM_STACK_WHOLE;
		}
	}
	return TM_STACK_WHOLE;
}

static bool merge_begin(struct merge *m, const struct py_walk *python, const struct frame *caller,
		  struct tm_recorder_thread *slot)
{
	m->space = rows_space();
	if (!m->space)
		return false;
	m->c = (struct walk){ .at = *caller, .stack = bounds_of(m->space, caller->sp, slot) };
	m->python = python;
	m->word = m->evaluator = m->n = 0;
	return true;
}

uint32_t merged_stack(const struct py_walk *python, const struct frame *caller,
		      struct tm_recorder_thread *slot, uint32_t domain)
{
	enum tm_recorder_more more = python->more ? TM_STACK_LIMITED : TM_STACK_WHOLE;
	bool known;
	struct merge m;

	known = merge_begin(&m, python, caller, slot);
	if (known && !python->n)
		more = c_alone(&m);
	if (known && (!python->n || merge(&m))) {
		if (unlikely(table()->changes))
			add_modules(m.out, m.n);
		return stack_intern(m.out, m.n, more, domain);
	}
	__atomic_fetch_add(&table()->unmerged, 1, __ATOMIC_RELAXED);
	return stack_intern(python->words, python->n, more, domain);
}
