#include "actions.h"

#include <stdio.h>

unsigned act_pause(struct state *state)
{
	if (state_is_offline(state)) {
		state_say(state, ROLE_WARNING, "a snapshot stands still already");
		return R_DRAW;
	}
	state->paused = !state->paused;
	return R_DRAW | R_INTERVAL;
}

static unsigned set_interval(struct state *state, int step)
{
	static const uint64_t steps[] = { 100, 200, 500, 1000, 2000, 3000, 5000,
					  10000, 30000, 60000, 300000, 600000 };
	size_t n = sizeof(steps) / sizeof(steps[0]);
	uint64_t next = state->interval_ms;

	if (step < 0) {
		for (size_t i = 0; i < n && steps[i] < state->interval_ms; i++)
			next = steps[i];
	} else {
		for (size_t i = n; i-- > 0 && steps[i] > state->interval_ms;)
			next = steps[i];
	}
	if (next == state->interval_ms || state_is_offline(state))
		return R_DRAW;
	state->interval_ms = next;
	state->effective_ms = 0;
	return R_DRAW | R_INTERVAL;
}

unsigned act_faster(struct state *state)
{
	return set_interval(state, -1);
}

unsigned act_slower(struct state *state)
{
	return set_interval(state, 1);
}

unsigned act_sample(struct state *state)
{
	return state_is_offline(state) ? R_DRAW : R_DRAW | R_SAMPLE;
}

unsigned act_reset_peak(struct state *state)
{
	if (state_is_offline(state)) {
		state_say(state, ROLE_WARNING, "a snapshot's peak is what it is");
		return R_DRAW;
	}
	state_say(state, ROLE_NORMAL, "resetting the peak ...");
	return R_DRAW | R_RESET_PEAK;
}

/* ---- tracing ------------------------------------------------------------------- */

static const struct tracing_action tracing_actions[] = {
	{ "Start tracing", "record every allocation from now on", NULL, R_START },
	{ "Clear the traces", "forget what was recorded, go on tracing",
	  "Forget all traces of %s?", R_CLEAR },
	{ "Stop tracing", "forget what was recorded, record no more",
	  "Stop tracing in %s, and forget all traces?", R_STOP },
};

size_t tracing_action_count(void)
{
	return sizeof(tracing_actions) / sizeof(tracing_actions[0]);
}

const struct tracing_action *tracing_action_at(size_t i)
{
	return &tracing_actions[i];
}

/* A process in scope that has no runtime that is known. */
static bool is_unknown(const struct source *source)
{
	return !source->is_file && !source->opened && !source->gone &&
	       source->failure.kind == TM_ERR_UNSUPPORTED;
}

static size_t count_unknown(const struct state *state)
{
	size_t n = 0;

	for (size_t i = 0; i < state->nsources; i++)
		n += state_in_scope(state, i) && is_unknown(&state->sources[i]);
	return n;
}

static int unknown_pid(const struct state *state)
{
	for (size_t i = 0; i < state->nsources; i++)
		if (state_in_scope(state, i) && is_unknown(&state->sources[i]))
			return (int)state->sources[i].pid;
	return 0;
}

/* A process in scope that is attached to. */
static bool any_opened(const struct state *state)
{
	for (size_t i = 0; i < state->nsources; i++)
		if (state_in_scope(state, i) && state->sources[i].opened &&
		    !state->sources[i].gone)
			return true;
	return false;
}

static bool any_process(const struct state *state)
{
	for (size_t i = 0; i < state->nsources; i++)
		if (state_in_scope(state, i) && !state->sources[i].is_file)
			return true;
	return false;
}

unsigned act_tracing(struct state *state)
{
	if (!any_process(state)) {
		state_say(state, ROLE_WARNING, "this is a snapshot, not a process");
		return R_DRAW;
	}
	if (!any_opened(state) && count_unknown(state) == 0) {
		state_say(state, ROLE_WARNING,
			  "there is no process to start tracing in");
		return R_DRAW;
	}
	state->back = MODE_TABLE;
	state->mode = MODE_TRACING;
	/* Not where it was: what forgets traces should be sought out. */
	state->scroll[MODE_TRACING] = (struct scroll){ 0 };
	return R_DRAW;
}

unsigned act_tracing_choose(struct state *state)
{
	const struct tracing_action *action =
		tracing_action_at(state->scroll[MODE_TRACING].cursor);
	char whom[32] = "";

	state->mode = MODE_TABLE;
	if (!action->question) {
		prompt_open(state, PROMPT_NFRAME, "");
		return R_DRAW;
	}
	state_whom(state, whom);
	snprintf(state->question, sizeof(state->question), action->question,
		 whom);
	state->on_yes = action->reaction;
	state->back = MODE_TABLE;
	state->mode = MODE_CONFIRM;
	return R_DRAW;
}

unsigned act_start(struct state *state)
{
	size_t n = count_unknown(state);
	char whom[32];

	if (n == 0) {
		state_say(state, ROLE_NORMAL, "starting to trace ...");
		return R_DRAW | R_START;
	}
	if (n == 1)
		snprintf(whom, sizeof(whom), "pid %d", unknown_pid(state));
	else
		snprintf(whom, sizeof(whom), "%zu processes", n);
	snprintf(state->question, sizeof(state->question),
		 "Put tmattach's recorder for native programs into %s?", whom);
	state->on_yes = R_RECORD | (any_opened(state) ? (unsigned)R_START : 0);
	state->back = MODE_TABLE;
	state->mode = MODE_CONFIRM;
	return R_DRAW;
}

/* ---- threads ------------------------------------------------------------------- */

unsigned act_threads(struct state *state)
{
	if (!any_process(state)) {
		state_say(state, ROLE_WARNING,
			  "not available: a snapshot has no threads");
		return R_DRAW;
	}
	if (state->mode != MODE_THREADS)
		state->scroll[MODE_THREADS] = (struct scroll){ 0 };
	else
		state_say(state, ROLE_NORMAL, "looking at the threads ...");
	state->mode = MODE_THREADS;
	return R_DRAW | R_THREADS;
}
