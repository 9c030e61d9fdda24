#include <stdlib.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "trace/collected.h"

/* What decode works on: local ids of the collected data -> builder ids. */
struct decode {
	const struct tm_collected *collected;
	const struct py_layout *layout;
	struct tm_builder *builder;
	tm_id *names;
	tm_id *frames;     /* room for one traceback */
	size_t frames_cap;
};

static size_t decode_names(struct decode *decode)
{
	static const char unknown[] = "<unknown>";
	const struct tm_collected *collected = decode->collected;
	size_t unreadable = 0;

	decode->names = tm_reallocarray(NULL, collected->nnames,
					sizeof(*decode->names));
	for (size_t i = 0; i < collected->nnames; i++) {
		const struct collected_name *name = &collected->name_list[i];

		unreadable += name->unreadable;
		decode->names[i] = name->unreadable
			? tm_builder_string(decode->builder, unknown,
					    sizeof(unknown) - 1)
			: tm_builder_string(decode->builder,
					    name->len ? collected->names.data + name->text
						      : "", name->len);
	}
	return unreadable;
}

static tm_id decode_frame(struct decode *decode, const char *frame)
{
	tm_addr at = tm_load_u64(frame, decode->layout->frame.filename);
	uint32_t name = tm_map_get(&decode->collected->name_ids, at);

	return tm_builder_frame(decode->builder, decode->names[name],
				tm_load_u32(frame, decode->layout->frame.lineno));
}

/* Records have the most recent call first, the model has it last. */
static tm_id decode_traceback(struct decode *decode, const char *record)
{
	const struct py_layout *layout = decode->layout;
	uint32_t nframe = tm_record_nframe(layout, record);
	uint32_t total = TM_TOTAL_NFRAME_NONE;

	decode->frames = tm_grow(decode->frames, &decode->frames_cap, nframe,
				 sizeof(*decode->frames));
	for (uint32_t i = 0; i < nframe; i++)
		decode->frames[nframe - 1 - i] = decode_frame(decode,
			record + tm_record_size(layout, i));
	if (layout->traceback.total_nframe != PY_ABSENT)
		total = tm_load_u16(record, layout->traceback.total_nframe);
	return tm_builder_traceback(decode->builder, decode->frames, nframe, total);
}

static tm_id *decode_sites(struct decode *decode)
{
	const struct tm_collected *collected = decode->collected;
	TM_GUARD(tm_free_ptr) tm_id *tracebacks =
		tm_reallocarray(NULL, collected->ntracebacks, sizeof(tm_id));
	tm_id *sites = tm_reallocarray(NULL, collected->nsites, sizeof(tm_id));

	for (size_t i = 0; i < collected->ntracebacks; i++)
		tracebacks[i] = decode_traceback(decode, collected->records.data +
						 collected->tracebacks[i].record);
	for (size_t i = 0; i < collected->nsites; i++)
		sites[i] = tm_builder_site(decode->builder,
					   tracebacks[collected->sites[i].traceback],
					   collected->sites[i].domain);
	return sites;
}

size_t tm_tracemalloc_decode(struct tm_collected *collected,
			     const struct py_runtime *runtime,
			     struct tm_builder *builder)
{
	struct decode decode = {
		.collected = collected, .layout = runtime->layout,
		.builder = builder,
	};
	size_t unreadable = decode_names(&decode);
	tm_id *sites = decode_sites(&decode);

	for (size_t i = 0; i < collected->nrows; i++)
		collected->rows[i].site = sites[collected->rows[i].site];
	tm_builder_rows(builder, collected->rows, collected->nrows);
	free(sites);
	free(decode.names);
	free(decode.frames);
	tm_collected_destroy(collected);
	return unreadable;
}
