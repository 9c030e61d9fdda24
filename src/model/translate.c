#include "model/translate.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "model/frame.h"
#include "model/function.h"

/* An id that no table reaches: tm_builder keeps below it. */
#define NOT_ASKED (TM_ID_NONE - 1)

static tm_id *not_asked(size_t n)
{
	tm_id *ids = tm_reallocarray(NULL, n, sizeof(*ids));

	for (size_t i = 0; i < n; i++)
		ids[i] = NOT_ASKED;
	return ids;
}

void translation_init(struct translation *tr, const struct tm_snapshot *from,
		      const struct tm_snapshot *to)
{
	*tr = (struct translation){
		.from = from,
		.to = to,
		.strings = not_asked(from->nstrings),
		.frames = not_asked(from->nframes),
	};
}

void translation_free(struct translation *tr)
{
	free(tr->strings);
	free(tr->frames);
	free(tr->ids);
	*tr = (struct translation){ 0 };
}

static tm_id translate_string(struct translation *tr, tm_id id)
{
	if (tr->strings[id] == NOT_ASKED)
		tr->strings[id] = tables_find_text(tables_of(tr->to),
						   tr->from->strings[id]);
	return tr->strings[id];
}

/* The same for an id that may be TM_ID_NONE; false if `to` lacks the string. */
static bool translate_optional(struct translation *tr, tm_id *id)
{
	if (*id == TM_ID_NONE)
		return true;
	*id = translate_string(tr, *id);
	return *id != TM_ID_NONE;
}

static tm_id find_frame(struct translation *tr, tm_id id)
{
	const struct tm_frame *frame = &tr->from->frames[id];
	struct place place;

	if (frame->native == TM_ID_NONE) {
		tm_id filename = translate_string(tr, frame->filename);

		return filename == TM_ID_NONE ? TM_ID_NONE :
		       tables_find_frame(tables_of(tr->to), filename,
					 frame->lineno);
	}
	place = tables_place(tables_of(tr->from), frame);
	if (!translate_optional(tr, &place.filename) ||
	    !translate_optional(tr, &place.module_path) ||
	    !translate_optional(tr, &place.function))
		return TM_ID_NONE;
	return tables_find_place(tables_of(tr->to), &place);
}

static tm_id translate_function(struct translation *tr, tm_id id)
{
	struct function function = function_of(tables_of(tr->from), &tr->from->frames[id]);

	return translate_optional(tr, &function.filename) &&
	       translate_optional(tr, &function.name) ?
	       function_find(tables_of(tr->to), &function) : TM_ID_NONE;
}

static tm_id translate_frame(struct translation *tr, tm_id id)
{
	if (tr->frames[id] == NOT_ASKED)
		tr->frames[id] = find_frame(tr, id);
	return tr->frames[id];
}

static tm_id translate_traceback(struct translation *tr, tm_id id)
{
	const tm_id *frames = traceback_frames(tr->from, id);
	uint32_t n = tr->from->tracebacks[id].nframe;

	tr->ids = tm_grow(tr->ids, &tr->ids_cap, n, sizeof(*tr->ids));
	for (uint32_t i = 0; i < n; i++) {
		tr->ids[i] = translate_frame(tr, frames[i]);
		if (tr->ids[i] == TM_ID_NONE)
			return TM_ID_NONE;
	}
	return tables_find_traceback(tables_of(tr->to), tr->ids, n);
}

tm_id translate_group(struct translation *tr, enum tm_key key, tm_id group)
{
	switch (key) {
	case TM_KEY_FILENAME: case TM_KEY_THREAD:
		return translate_string(tr, group);
	case TM_KEY_LINENO:
		return translate_frame(tr, group);
	case TM_KEY_FUNCTION:
		return translate_function(tr, group);
	case TM_KEY_TRACEBACK:
		break;
	}
	return translate_traceback(tr, group);
}
