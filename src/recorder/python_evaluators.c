/* The evaluators of the Python frames of a stack: where the structure of each is. */
#include "python_walk.h"

static void add_evaluator(struct py_walk *w, uint64_t at)
{
	struct evaluators *e = w->evaluators;

	if (e->n == MAX_EVALUATORS) {
		w->more = true;
		return;
	}
	e->at[e->n] = at;
	e->words[e->n++] = w->n;
}

/* 3.11: the frame is the newest of an older evaluator. */
static bool is_of_next(const struct tm_recorder_python *p, const struct evaluators *e,
		       uint64_t frame)
{
	uint64_t next = e->cframe ? load(e->cframe, p->cframe_previous) : 0;

	return next && load(next, p->cframe_frame) == frame;
}

/* The walk comes to this frame: those that run newer frames are complete. */
void evaluators_before(const struct tm_recorder_python *p, struct py_walk *w, uint64_t frame)
{
	struct evaluators *e = w->evaluators;

	if (p->merge == TM_PY_BY_ENTRY_FRAME && is_foreign(p, frame))
		add_evaluator(w, frame);
	while (p->merge == TM_PY_BY_CFRAME && !w->more && is_of_next(p, e, frame)) {
		add_evaluator(w, e->cframe);
		e->cframe = load(e->cframe, p->cframe_previous);
	}
}

void evaluators_of_frame(const struct tm_recorder_python *p, struct py_walk *w)
{
	struct evaluators *e = w->evaluators;

	add_evaluator(w, e->cframe);
	e->cframe = e->cframe ? load(e->cframe, p->cframe_previous) : 0;
}

/* 3.11: before the structure of the oldest evaluator is one without frames, of the
 * thread's state or a greenlet's. Else an evaluator was missed: none of them counts. */
static void end_oldest(const struct tm_recorder_python *p, struct py_walk *w, uint64_t frame)
{
	struct evaluators *e = w->evaluators;
	uint64_t root = e->cframe ? load(e->cframe, p->cframe_previous) : 0;

	add_evaluator(w, e->cframe);
	if (!frame && (!root || load(root, p->cframe_frame)))
		e->at[0] = 0;
}

/* There are no frames from here on, or no room: whose are the last words? */
void evaluators_end(const struct tm_recorder_python *p, struct py_walk *w, uint64_t frame)
{
	struct evaluators *e = w->evaluators;

	if (w->n == (e->n ? e->words[e->n - 1] : 0))
		return;
	if (p->merge == TM_PY_BY_CFRAME)
		end_oldest(p, w, frame);
	if (p->merge != TM_PY_BY_ENTRY_FRAME)
		return;
	for (uint32_t i = 0; frame && frame % 8 == 0 && i < TM_PY_MAX_WALK; i++) {
		if (is_foreign(p, frame)) {
			add_evaluator(w, frame);
			return;
		}
		frame = load(frame, p->frame_previous);
	}
}
