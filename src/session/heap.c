#include <stdio.h>

#include "heap/heap.h"
#include "session/meta.h"
#include "session/objects.h"

struct tm_heap *tm_session_heap(struct tm_session *session,
				const struct tm_heap_opts *opts, struct tm_err *err)
{
	const struct tm_census_opts wanted = {
		.graph = opts->references, .names = opts->names, .lines = opts->lines,
		.keep = { .values = opts->values, .expression = opts->expression },
	};
	struct heap_census *census;
	struct tm_meta meta;
	uint64_t pause_ns = 0;

	census = tm_session_census(session, &wanted, &pause_ns, err);
	if (!census)
		return NULL;
	meta = tm_meta_begin(session, session->runtime.name);
	meta.pause_ns = pause_ns;
	return tm_heap_create(census, &meta);
}
