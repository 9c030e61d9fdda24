#include "actions.h"

#include <stdio.h>

unsigned act_pause(struct state *state)
{
	if (state_is_offline(state)) {
		state_say(state, ROLE_WARNING, "a snapshot does not change");
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

/* ---- questions that a message answers ---------------------------------------- */

static unsigned ask_by_key(struct state *state, enum request request)
{
	if (state_is_offline(state)) {
		state_say(state, ROLE_WARNING,
			  "not available: a snapshot cannot be asked");
		return R_DRAW;
	}
	state_say(state, ROLE_NORMAL, "%s", asks[request].asking);
	return R_DRAW | R_ASK(request);
}

#define ASK_KEY(name, ...) \
	unsigned act_ask_##name(struct state *state) \
	{ \
		return ask_by_key(state, REQUEST_##name); \
	}
#include "asks.def"

/* ---- tracing ------------------------------------------------------------------- */

enum request tracing_request(size_t row)
{
	enum request request = 0;

	while (request < REQUEST_COUNT && (!asks[request].title || row-- > 0))
		request++;
	return request;
}

static bool is_unknown(const struct source *source)
{
	return !source->is_file && !source->opened && !source->gone &&
	       (source->failure.kind == TM_ERR_NO_RUNTIME ||
		source->failure.kind == TM_ERR_UNSUPPORTED);
}

static bool is_attached(const struct source *source)
{
	return source->opened && !source->gone;
}

static bool any(const struct state *state, bool (*is)(const struct source *))
{
	char whom[32];

	return state_whom(state, is, whom) > 0;
}

unsigned act_tracing(struct state *state)
{
	if (!any(state, source_is_process)) {
		state_say(state, ROLE_WARNING, "this is a snapshot, not a process");
		return R_DRAW;
	}
	if (!any(state, is_attached) && !any(state, is_unknown)) {
		state_say(state, ROLE_WARNING,
			  "no process to start tracing in");
		return R_DRAW;
	}
	state_open(state, MODE_TRACING);
	/* Not where it was: what forgets traces should be sought out. */
	state->scroll[MODE_TRACING] = (struct scroll){ 0 };
	return R_DRAW;
}

unsigned act_tracing_choose(struct state *state)
{
	enum request request = tracing_request(state->scroll[MODE_TRACING].cursor);
	char whom[32] = "";

	state->mode = MODE_TABLE;
	if (!asks[request].question) {
		state_prompt(state, PROMPT_NFRAME, "");
		return R_DRAW;
	}
	state_whom(state, source_is_process, whom);
	state_confirm(state, R_ASK(request), asks[request].question, whom);
	return R_DRAW;
}

unsigned act_start(struct state *state)
{
	char whom[32];

	if (state_whom(state, is_unknown, whom) == 0) {
		state_say(state, ROLE_NORMAL, "starting to trace ...");
		return R_DRAW | R_START;
	}
	state_confirm(state, R_RECORD | (any(state, is_attached) ? R_START : 0u),
		      "Inject tmattach's recorder for native programs into %s?",
		      whom);
	return R_DRAW;
}

/* ---- pages of answers ------------------------------------------------------------ */

/* Ask, or ask again if the page is shown. */
static unsigned ask(struct state *state, enum mode page, enum request request)
{
	unsigned reactions = R_DRAW | R_ASK(request);

	if (!any(state, source_is_process)) {
		state_say(state, ROLE_WARNING,
			  "not available: a snapshot has no %s",
			  asks[request].what);
		return R_DRAW;
	}
	if (state->mode != page)
		state->scroll[page] = (struct scroll){ 0 };
	else
		state_say(state, ROLE_NORMAL, "looking at the %s ...",
			  asks[request].what);
	state->mode = page;
	if (asks[request].of_one && state->scope != state_objects_source(state))
		reactions |= state_set_scope(state, state_objects_source(state));
	return reactions;
}

#define ASK_PAGE(name, ...) \
	unsigned act_ask_##name(struct state *state) \
	{ \
		return ask(state, MODE_##name, REQUEST_##name); \
	}
#include "asks.def"
