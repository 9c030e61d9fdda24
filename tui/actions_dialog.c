#include "base/alloc.h"
#include "actions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The typed text has changed: filters and searches follow it. */
static unsigned prompt_changed(struct state *state)
{
	switch (state->prompt.kind) {
	case PROMPT_FILTER:
		state->scroll[MODE_TABLE] = (struct scroll){ 0 };
		return R_DRAW | R_QUERY;
	case PROMPT_FIND:
		snprintf(state->find, sizeof(state->find), "%s",
			 state->prompt.text);
		state->scroll[MODE_TABLE] = state->find_from;
		return move_find(state, false, true);
	case PROMPT_TYPE:
		return objects_filter_typed(state, state->prompt.text);
	case PROMPT_SAVE:
	case PROMPT_NFRAME:
		break;
	}
	return R_DRAW;
}

unsigned prompt_type(struct state *state, int key)
{
	struct prompt *prompt = &state->prompt;
	char bytes[4];
	size_t n;

	if (key < 0x20 || key == 0x7f || key >= KEYS_FIRST ||
	    (key >= 0xd800 && key < 0xe000))
		return 0;
	if (prompt->kind == PROMPT_NFRAME && (key < '0' || key > '9'))
		return 0;
	n = screen_encode(bytes, (wchar_t)key);
	if (prompt->len + n >= sizeof(prompt->text))
		return 0;
	memcpy(prompt->text + prompt->len, bytes, n);
	prompt->len += n;
	prompt->text[prompt->len] = '\0';
	return prompt_changed(state);
}

unsigned act_prompt_erase(struct state *state)
{
	struct prompt *prompt = &state->prompt;

	if (prompt->len == 0)
		return act_close(state);
	do
		prompt->len--;
	while (prompt->len && (prompt->text[prompt->len] & 0xc0) == 0x80);
	prompt->text[prompt->len] = '\0';
	return prompt_changed(state);
}

unsigned act_prompt_erase_all(struct state *state)
{
	state->prompt.len = 0;
	state->prompt.text[0] = '\0';
	return prompt_changed(state);
}

unsigned act_prompt_toggle(struct state *state)
{
	if (state->prompt.kind != PROMPT_FILTER)
		return 0;
	state->prompt.exclude = !state->prompt.exclude;
	return prompt_changed(state);
}

unsigned act_prompt_frames(struct state *state)
{
	if (state->prompt.kind != PROMPT_FILTER)
		return 0;
	state->prompt.all_frames = !state->prompt.all_frames;
	return prompt_changed(state);
}

/* Nothing typed means the number that is offered. */
static unsigned accept_nframe(struct state *state)
{
	unsigned long n = state->prompt.len ?
			  strtoul(state->prompt.text, NULL, 10) : state->nframe;

	if (n < 1 || n > TM_NFRAME_MAX) {
		state_say(state, ROLE_ERROR, "the number of frames must be from 1 to %d",
			  TM_NFRAME_MAX);
		return 0;
	}
	state->nframe = (uint32_t)n;
	return act_start(state);
}

unsigned act_prompt_accept(struct state *state)
{
	struct tm_filter filter;
	unsigned reactions = R_DRAW;

	switch (state->prompt.kind) {
	case PROMPT_FILTER:
		if (state_typed_filter(state, &filter)) {
			filters_add(&state->filters, &filter);
			filter_free(&filter);
		}
		reactions |= R_QUERY;
		break;
	case PROMPT_FIND:
	case PROMPT_TYPE:
		break;
	case PROMPT_SAVE:
		if (state->prompt.len == 0)
			return R_DRAW;
		snprintf(state->save_path, sizeof(state->save_path), "%s",
			 state->prompt.text);
		state->save_overwrite = false;
		state_say(state, ROLE_NORMAL, "saving %s ...", state->save_path);
		reactions |= R_SAVE;
		break;
	case PROMPT_NFRAME:
		state->mode = state->back;
		return reactions | accept_nframe(state);
	}
	state->mode = state->back;
	return reactions;
}

unsigned act_close(struct state *state)
{
	unsigned reactions = R_DRAW;

	if (state->mode == MODE_PROMPT && state->prompt.kind == PROMPT_FILTER)
		reactions |= R_QUERY; /* without the typed text */
	if (state->mode == MODE_PROMPT && state->prompt.kind == PROMPT_FIND)
		state->scroll[MODE_TABLE] = state->find_from;
	if (state->mode == MODE_PROMPT && state->prompt.kind == PROMPT_TYPE)
		objects_filter_typed(state, state->types.filter_before);
	state->mode = state->back;
	state_clamp(state, MODE_TABLE);
	return reactions;
}

unsigned act_leave(struct state *state)
{
	unsigned reactions = R_DRAW;

	state->mode = state->pages[state->mode]->parent;
	/* They may have been read again while their holders were looked at. */
	if (state->mode == MODE_OBJECTS)
		reactions = state_show_objects(state);
	state_clamp(state, state->mode);
	return reactions;
}

unsigned act_help(struct state *state)
{
	state_open(state, MODE_HELP);
	state->scroll[MODE_HELP] = (struct scroll){ 0 };
	return R_DRAW;
}

/* tmattach-PID-DATE-TIME.tms, the time being the snapshot's. */
static void default_name(const struct state *state, char *buf, size_t size)
{
	const struct source *source = NULL;
	time_t seconds;
	struct tm tm;
	char when[32] = "";

	for (size_t i = 0; i < state->nsources && !source; i++)
		if (state_in_scope(state, i) && state->sources[i].latest)
			source = &state->sources[i];
	if (source && source->latest->snapshot->meta.taken_at) {
		seconds = (time_t)(source->latest->snapshot->meta.taken_at / 1000);
		if (gmtime_r(&seconds, &tm))
			strftime(when, sizeof(when), "-%Y%m%d-%H%M%S", &tm);
	}
	if (source && source->pid && (state->nsources == 1 ||
				      state->scope != SCOPE_ALL))
		snprintf(buf, size, "tmattach-%d%s.tms", (int)source->pid, when);
	else
		snprintf(buf, size, "tmattach%s.tms", when);
}

unsigned act_save(struct state *state)
{
	char name[128];

	if (!state->table) {
		state_say(state, ROLE_WARNING, "nothing has been read yet");
		return R_DRAW;
	}
	default_name(state, name, sizeof(name));
	state_prompt(state, PROMPT_SAVE, name);
	return R_DRAW;
}

unsigned act_yes(struct state *state)
{
	state->mode = state->back;
	if (state->on_yes & R_ASKS)
		state_say(state, ROLE_NORMAL, "waiting for the target's turn ...");
	return R_DRAW | state->on_yes;
}

unsigned act_quit(struct state *state)
{
	(void)state;
	return R_QUIT;
}

unsigned act_suspend(struct state *state)
{
	(void)state;
	return R_SUSPEND;
}

unsigned act_repaint(struct state *state)
{
	(void)state;
	return R_DRAW | R_REPAINT;
}
