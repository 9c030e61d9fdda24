#include "model/acting.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "model/frame.h"

enum { UNKNOWN, WRAPPER_FRAME, ACTING_FRAME };

static const char *const wrappers[] = {
#define WRAPPER(name) name,
#include "model/wrappers.def"
#undef WRAPPER
};

static bool starts(struct tm_text text, const char *with)
{
	size_t len = strlen(with);

	return text.len >= len && memcmp(text.bytes, with, len) == 0;
}

struct tm_text function_bare_name(struct tm_text function)
{
	size_t begin = 0, end = function.len;
	int depth = 0;

	for (size_t i = 0; i < function.len; i++) {
		const struct tm_text rest = { function.bytes + i, function.len - i };
		char c = function.bytes[i];

		if (depth == 0 && starts(rest, "operator"))
			break;
		if (c == '<' || c == '(' || c == '{') {
			if (depth == 0 && c == '(' && !starts(rest, "(anonymous")) {
				end = i;
				break;
			}
			depth++;
		} else if (c == '>' || c == ')' || c == '}') {
			depth -= depth > 0;
		} else if (c == ' ' && depth == 0) {
			begin = i + 1;
		}
	}
	return (struct tm_text){ function.bytes + begin, end - begin };
}

static bool is_named(struct tm_text name, const char *wrapper)
{
	size_t len = strlen(wrapper);

	if (wrapper[len - 1] != '*')
		return name.len == len && memcmp(name.bytes, wrapper, len) == 0;
	return name.len >= len - 1 && memcmp(name.bytes, wrapper, len - 1) == 0;
}

static bool is_known_wrapper(struct tm_text function)
{
	const struct tm_text name = function_bare_name(function);

	for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++)
		if (is_named(name, wrappers[i]))
			return true;
	return false;
}

static bool is_skipped(const struct acting *acting, tm_id id)
{
	const struct tm_frame_view frame = tm_snapshot_frame(acting->snapshot, id);
	const struct tm_text name = acting->snapshot->strings[frame_filename(acting->snapshot, id)];

	for (size_t i = 0; acting->skip && i < acting->skip->n; i++)
		if ((frame.function.bytes &&
		     pattern_match(&acting->patterns[i], function_bare_name(frame.function))) ||
		    pattern_match(&acting->patterns[i], name))
			return true;
	return frame.native && frame.function.bytes && is_known_wrapper(frame.function);
}

static bool is_wrapper(struct acting *acting, tm_id frame)
{
	unsigned char *known = &acting->known[frame];

	if (*known == UNKNOWN)
		*known = is_skipped(acting, frame) ? WRAPPER_FRAME : ACTING_FRAME;
	return *known == WRAPPER_FRAME;
}

void acting_init(struct acting *acting, const struct tm_snapshot *snapshot,
		 const struct tm_skip *skip)
{
	*acting = (struct acting){ .snapshot = snapshot, .skip = skip };
	if ((skip && skip->none) || (snapshot->nnatives == 0 && !(skip && skip->n)))
		return;
	acting->known = tm_calloc(snapshot->nframes + 1, 1);
	if (!skip)
		return;
	acting->patterns = tm_calloc(skip->n + 1, sizeof(*acting->patterns));
	for (size_t i = 0; i < skip->n; i++)
		pattern_init(&acting->patterns[i], skip->patterns[i]);
}

void acting_free(struct acting *acting)
{
	for (size_t i = 0; acting->patterns && i < acting->skip->n; i++)
		pattern_free(&acting->patterns[i]);
	free(acting->patterns);
	free(acting->known);
	*acting = (struct acting){ 0 };
}

static inline bool is_native(const struct tm_snapshot *s, tm_id frame)
{
	return s->frames[frame].native != TM_ID_NONE;
}

/* The most recent Python frame, behind which C functions work for it; where there is
 * none, the most recent frame. */
static uint32_t most_recent(const struct tm_snapshot *s, const tm_id *frames, uint32_t n)
{
	for (uint32_t i = n; i-- > 0;)
		if (!is_native(s, frames[i]))
			return i;
	return n - 1;
}

uint32_t acting_index(struct acting *acting, tm_id traceback)
{
	const struct tm_snapshot *s = acting->snapshot;
	const tm_id *frames = traceback_frames(s, traceback);
	uint32_t n = s->tracebacks[traceback].nframe, newest, i;
	bool python;

	if (!acting->known)
		return n - 1;
	i = newest = most_recent(s, frames, n);
	python = !is_native(s, frames[newest]);
	while (i > 0 && (is_wrapper(acting, frames[i]) || (python && is_native(s, frames[i]))))
		i--;
	/* Wrappers alone: then it is the most recent, as ever. */
	return is_wrapper(acting, frames[i]) || (python && is_native(s, frames[i])) ? newest : i;
}

uint32_t tm_traceback_acting(const struct tm_snapshot *snapshot, tm_id traceback)
{
	struct acting acting;
	uint32_t i;

	acting_init(&acting, snapshot, NULL);
	i = acting_index(&acting, traceback);
	acting_free(&acting);
	return i;
}
