#include "py/running.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"

enum { MAX_STACK = 64 << 20 };

/* ---- what lies on the stack --------------------------------------------------- */

static bool find_place(struct py_frames *frames, struct py_tstate *state,
		       struct tm_err *err)
{
	const struct py_stack_fields *f = &frames->fields;

	if (f->thread_cframe != PY_ABSENT)
		return tm_mem_u64(frames->mem, state->at + f->thread_cframe,
				  &state->place, err);
	return py_frames_foreign(frames, state->frame, &state->place, err);
}

/* The C library puts what a thread pointer leads to above the stack that it makes. What is
 * above that is another thread's, which may be none of ours: it may not have stopped. */
static tm_addr end_of(const struct py_thread *thread)
{
	return thread->stack < thread->self && thread->self < thread->stack_end ?
	       thread->self : thread->stack_end;
}

/* The thread whose stack holds `at`: of those below, the nearest. Stacks need
 * not have a gap between them. */
static size_t holder(tm_addr at, const struct py_thread *threads, size_t n)
{
	size_t found = PY_NO_THREAD;

	for (size_t i = 0; i < n; i++)
		if (threads[i].stack <= at && at < end_of(&threads[i]) &&
		    (found == PY_NO_THREAD ||
		     threads[i].stack > threads[found].stack))
			found = i;
	return found;
}

static size_t owner_of_id(uint64_t id, const struct py_thread *threads, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (threads[i].self == id)
			return i;
	return PY_NO_THREAD;
}

/* ---- pointers on the stack, until 3.9 ------------------------------------------- */

/*
 * A state that a thread runs has its newest frame nearest to the top of that
 * stack, and all older ones deeper, in order; and its own address, which the
 * evaluation loop keeps, too. Remnants of calls that have ended may look like
 * one frame, but not like all of a thread; where they do, none is believed.
 */
struct candidate {
	struct py_frame_list list; /* newest first */
	size_t seen;               /* of them, on this thread */
	bool named;                /* the state itself, on this thread */
	tm_addr place;             /* of the newest, on this thread */
	bool twice;                /* more than one thread fits */
};

struct search {
	struct tm_map owner;       /* address of a frame or state -> candidate */
	struct candidate *all;     /* one for each state */
	struct py_tstate *states;
	size_t n;
};

static void search_free(struct search *search)
{
	for (size_t i = 0; i < search->n; i++)
		free(search->all[i].list.items);
	free(search->all);
	tm_map_free(&search->owner);
}

static void prepare(struct search *search, struct py_frames *frames)
{
	for (size_t i = 0; i < search->n; i++) {
		struct py_frame_list *list = &search->all[i].list;
		struct tm_err err;

		if (!py_frames_list(frames, search->states[i].frame, list, &err))
			list->n = 0;
		if (list->n)
			*tm_map_put(&search->owner, search->states[i].at) = (uint32_t)i;
		for (size_t k = 0; k < list->n; k++)
			*tm_map_put(&search->owner, list->items[k]) = (uint32_t)i;
	}
}

static void see(struct search *search, uint64_t word, tm_addr at)
{
	uint32_t i = tm_map_get(&search->owner, word);
	struct candidate *c;

	if (i == TM_MAP_NONE)
		return;
	c = &search->all[i];
	if (word == search->states[i].at)
		c->named = true;
	else if (c->seen < c->list.n && c->list.items[c->seen] == word &&
		 c->seen++ == 0)
		c->place = at;
}

static void search_thread(struct search *search, struct tm_mem *mem,
			  const struct py_thread *thread)
{
	TM_GUARD(tm_free_ptr) char *bytes = NULL;
	size_t len = (size_t)(end_of(thread) - thread->stack);

	for (size_t i = 0; i < search->n; i++) {
		search->all[i].seen = 0;
		search->all[i].named = false;
	}
	if (len > MAX_STACK)
		return;
	bytes = tm_malloc(len + 1);
	len = tm_mem_read_some(mem, thread->stack, bytes, len);
	for (size_t i = 0; i < thread->nregs; i++)
		see(search, thread->regs[i], thread->stack);
	for (size_t i = 0; i + 8 <= len; i += 8)
		see(search, tm_load_u64(bytes, i), thread->stack + i);
}

static void judge(struct search *search, size_t thread)
{
	for (size_t i = 0; i < search->n; i++) {
		struct py_tstate *state = &search->states[i];
		struct candidate *c = &search->all[i];

		if (!c->named || c->list.n == 0 || c->seen < c->list.n)
			continue;
		c->twice |= state->thread != PY_NO_THREAD;
		state->thread = thread;
		state->place = c->place;
	}
}

static void by_pointers(struct py_frames *frames, struct py_tstate *states,
			size_t n, const struct py_thread *threads,
			size_t nthreads)
{
	TM_GUARD(search_free) struct search search = {
		.all = tm_calloc(n + 1, sizeof(*search.all)),
		.states = states,
		.n = n,
	};

	prepare(&search, frames);
	for (size_t t = 0; t < nthreads; t++) {
		search_thread(&search, frames->mem, &threads[t]);
		judge(&search, t);
	}
	for (size_t i = 0; i < n; i++)
		if (search.all[i].twice)
			states[i].thread = PY_NO_THREAD;
}

/* ---- the door --------------------------------------------------------------------- */

/* A state that cannot be read has no place; reading its frames will report that. */
static void place_state(struct py_frames *frames, struct py_tstate *state)
{
	struct tm_err err;

	state->place = state->frame = 0;
	state->thread = PY_NO_THREAD;
	if (!py_frames_newest(frames, state->at, &state->frame, &err) ||
	    !find_place(frames, state, &err))
		state->place = 0;
}

void py_running_find(struct py_frames *frames, bool several,
		     struct py_tstate *states, size_t nstates,
		     const struct py_thread *threads, size_t nthreads)
{
	bool told = frames->layout->id_is_runner || !several;

	for (size_t i = 0; i < nstates; i++) {
		struct py_tstate *state = &states[i];

		place_state(frames, state);
		if (state->place)
			state->thread = holder(state->place, threads, nthreads);
		if (state->thread == PY_NO_THREAD && told)
			state->thread = owner_of_id(state->id, threads, nthreads);
	}
	if (!told && frames->fields.thread_cframe == PY_ABSENT)
		by_pointers(frames, states, nstates, threads, nthreads);
}
