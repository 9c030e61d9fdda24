#include "py/pystack.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "py/interpreters.h"

enum { MAX_STATES = 65536 };

struct py_stack_reader {
	struct py_frames frames;
	struct py_interpreters interpreters;
	struct py_tstate *states; /* by place: of a thread, the newest first */
	size_t nstates, cap_states;
};

struct py_stack_reader *py_stack_reader_create(struct tm_mem *mem,
					       const struct py_runtime *runtime,
					       struct tm_err *err)
{
	struct py_stack_reader *reader = tm_calloc(1, sizeof(*reader));

	if (py_frames_begin(&reader->frames, mem, runtime, err))
		return reader;
	py_stack_reader_destroy(reader);
	return NULL;
}

void py_stack_reader_destroy(struct py_stack_reader *reader)
{
	if (!reader)
		return;
	py_frames_free(&reader->frames);
	py_interpreters_free(&reader->interpreters);
	free(reader->states);
	free(reader);
}

static bool list_states(struct py_stack_reader *reader, tm_addr interp,
			struct tm_err *err)
{
	const struct py_frames *frames = &reader->frames;
	const struct py_stack_fields *f = &frames->fields;
	struct py_tstate state = { 0 };
	tm_addr owner;

	if (!tm_mem_u64(frames->mem, interp + f->threads, &state.at, err))
		return false;
	while (state.at) {
		if (!tm_mem_u64(frames->mem, state.at + f->thread_interp, &owner,
				err) ||
		    !tm_mem_u64(frames->mem, state.at + f->thread_id, &state.id,
				err))
			return false;
		/* The surest sign that these are thread states. */
		if (owner != interp || reader->nstates == MAX_STATES)
			return py_stack_refuse(frames->runtime, err,
					       "thread state", state.at);
		reader->states = tm_grow(reader->states, &reader->cap_states,
					 reader->nstates + 1,
					 sizeof(*reader->states));
		reader->states[reader->nstates++] = state;
		if (!tm_mem_u64(frames->mem, state.at + f->thread_next, &state.at,
				err))
			return false;
	}
	return true;
}

static int compare_states(const void *left, const void *right)
{
	const struct py_tstate *a = left, *b = right;

	return (a->place > b->place) - (a->place < b->place);
}

bool py_stack_begin(struct py_stack_reader *reader,
		    const struct py_thread *threads, size_t nthreads,
		    struct tm_err *err)
{
	struct py_frames *frames = &reader->frames;
	struct py_interpreters *all = &reader->interpreters;

	py_frames_forget(frames);
	reader->nstates = 0;
	if (!py_interpreters_read(frames->mem, frames->runtime, &frames->fields,
				  all, err))
		return false;
	for (size_t i = 0; i < all->n; i++)
		if (!list_states(reader, all->items[i], err))
			return false;
	py_running_find(frames, all->n > 1, reader->states, reader->nstates,
			threads, nthreads);
	qsort(reader->states, reader->nstates, sizeof(*reader->states),
	      compare_states);
	return true;
}

static bool read_state(struct py_stack_reader *reader,
		       const struct py_tstate *state, struct py_stack *ret,
		       struct tm_err *err)
{
	tm_addr frame;

	return py_frames_newest(&reader->frames, state->at, &frame, err) &&
	       py_frames_read(&reader->frames, frame, ret, err);
}

bool py_stack_read(struct py_stack_reader *reader, size_t thread,
		   struct py_stack *ret, struct tm_err *err)
{
	ret->n = 0;
	for (size_t i = 0; i < reader->nstates; i++)
		if (reader->states[i].thread == thread &&
		    !read_state(reader, &reader->states[i], ret, err))
			return false;
	return true;
}

bool py_stack_read_stray(struct py_stack_reader *reader, size_t i, bool *any,
			 struct py_stack *ret, struct tm_err *err)
{
	ret->n = 0;
	*any = false;
	for (size_t k = 0; k < reader->nstates && reader->interpreters.n > 1; k++) {
		const struct py_tstate *state = &reader->states[k];

		if (state->thread != PY_NO_THREAD || !state->frame || i-- > 0)
			continue;
		*any = true;
		return read_state(reader, state, ret, err);
	}
	return true;
}

const struct py_tstate *py_stack_states(const struct py_stack_reader *reader, size_t *ret_n)
{
	*ret_n = reader->nstates;
	return reader->states;
}
