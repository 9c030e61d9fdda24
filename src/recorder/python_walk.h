/* A walk along the Python frames of a thread, as python_frames.c, python_evaluators.c and
 * python_merge.c see it. */
#ifndef TM_RECORDER_PYTHON_WALK_H
#define TM_RECORDER_PYTHON_WALK_H

#include "recorder.h"

enum { MAX_EVALUATORS = 64 };

/* The evaluators of a stack's Python frames, newest first: where the structure of each
 * is, and how many words there are up to its last frame. */
struct evaluators {
	uint64_t cframe; /* of the frames that come next; 3.10, 3.11 */
	uint32_t n;
	uint32_t words[MAX_EVALUATORS];
	uint64_t at[MAX_EVALUATORS];
};

/* The Python frames of a stack as words, newest first. */
struct py_walk {
	uint64_t *words;
	uint32_t n, max;
	uint32_t frames; /* looked at: not all have a word */
	bool more;       /* there are others */
	bool changed;    /* some frame has, since the memo's last stack */
	struct tm_recorder_py_memo *memo; /* NULL: walk without; `words` are its own */
	struct evaluators *evaluators;    /* NULL: nobody asks */
};

static inline uint64_t load(uint64_t object, uint16_t offset)
{
	return *(const uint64_t *)(object + offset);
}

static inline uint8_t owner_of(const struct tm_recorder_python *p, uint64_t frame)
{
	return p->frame_owner == TM_PY_ABSENT ? 0 :
	       *(const uint8_t *)(frame + p->frame_owner);
}

static inline bool is_foreign(const struct tm_recorder_python *p, uint64_t frame)
{
	return p->foreign_owner && owner_of(p, frame) >= p->foreign_owner;
}

/* python_evaluators.c */
/* The walk comes to this frame: those that run newer frames are complete. */
void evaluators_before(const struct tm_recorder_python *p, struct py_walk *w, uint64_t frame);
/* 3.10: it has been at a frame. */
void evaluators_of_frame(const struct tm_recorder_python *p, struct py_walk *w);
/* There are no frames from here on, or no room: whose are the last words? */
void evaluators_end(const struct tm_recorder_python *p, struct py_walk *w, uint64_t frame);

/* python_merge.c */
/* The same, of frames that have been walked, with their evaluators. */
uint32_t merged_stack(const struct py_walk *python, const struct frame *caller,
		      struct tm_recorder_thread *slot, uint32_t domain);

#endif
