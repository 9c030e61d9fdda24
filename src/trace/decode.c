#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "trace/collected.h"

enum { ROWS = 1024 }; /* that are handed over at a time */

/* What decode works on: local ids of the collected data -> builder ids. */
struct decode {
	const struct tm_collected *collected;
	const struct py_layout *layout;
	const struct tm_line_names *functions; /* NULL: none are known */
	struct tm_builder *builder;
	tm_id *names;
	struct tm_map frame_of; /* with functions: name << 32 | lineno -> frame */
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
		const struct tm_text text = tm_collected_name(collected, (uint32_t)i);

		unreadable += name->unreadable;
		decode->names[i] = name->unreadable
			? tm_builder_string(decode->builder, unknown,
					    sizeof(unknown) - 1)
			: tm_builder_string(decode->builder, text.bytes, text.len);
	}
	return unreadable;
}

static tm_id make_frame(struct decode *decode, struct collected_frame frame)
{
	const struct tm_line_names *names = decode->functions;
	const char *function = NULL;

	if (names)
		function = names->at(names->ctx,
				     tm_collected_name(decode->collected, frame.name),
				     frame.lineno);
	return tm_builder_function_frame(decode->builder, decode->names[frame.name],
		frame.lineno,
		function ? tm_builder_string(decode->builder, function, strlen(function)) :
			   TM_ID_NONE);
}

static tm_id decode_frame(struct decode *decode, struct collected_frame frame)
{
	uint32_t *known;

	if (!decode->functions)
		return make_frame(decode, frame);
	/* A look-up of the function costs more than the frame. */
	known = tm_map_put(&decode->frame_of, collected_frame_key(frame));
	if (*known == TM_MAP_NONE)
		*known = make_frame(decode, frame);
	return *known;
}

/* Records have the most recent call first, the model has it last. */
static tm_id decode_traceback(struct decode *decode, uint32_t id)
{
	const struct py_layout *layout = decode->layout;
	const struct tm_collected *collected = decode->collected;
	const char *record = collected->records.data + collected->tracebacks[id].record;
	uint32_t nframe = tm_record_nframe(layout, record);
	uint32_t total = TM_TOTAL_NFRAME_NONE;

	decode->frames = tm_grow(decode->frames, &decode->frames_cap, nframe,
				 sizeof(*decode->frames));
	for (uint32_t i = 0; i < nframe; i++)
		decode->frames[nframe - 1 - i] =
			decode_frame(decode, tm_collected_frame(collected, layout, id, i));
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
		tracebacks[i] = decode_traceback(decode, (uint32_t)i);
	for (size_t i = 0; i < collected->nsites; i++)
		sites[i] = tm_builder_site(decode->builder,
					   tracebacks[collected->sites[i].traceback],
					   collected->sites[i].domain);
	return sites;
}

static void decode_rows(struct decode *decode, const tm_id *sites)
{
	const struct tm_collected *collected = decode->collected;
	struct tm_row piece[ROWS];
	size_t n = 0;

	for (size_t i = 0; i < collected->nrows; i++) {
		piece[n] = collected->rows[i];
		piece[n].site = sites[piece[n].site];
		n += piece[n].count > 0;
		if (n == ROWS || i + 1 == collected->nrows) {
			tm_builder_rows(decode->builder, piece, n);
			n = 0;
		}
	}
}

size_t tm_tracemalloc_decode(const struct tm_collected *collected,
			     const struct py_runtime *runtime,
			     const struct tm_line_names *names,
			     struct tm_builder *builder)
{
	struct decode decode = {
		.collected = collected, .layout = runtime->layout,
		.functions = names, .builder = builder,
	};
	size_t unreadable = decode_names(&decode);
	tm_id *sites = decode_sites(&decode);

	decode_rows(&decode, sites);
	free(sites);
	free(decode.names);
	free(decode.frames);
	tm_map_free(&decode.frame_of);
	return unreadable;
}

void tm_collected_lines(const struct tm_collected *collected,
			const struct py_runtime *runtime,
			void (*line)(void *ctx, struct tm_text filename, uint32_t lineno),
			void *ctx)
{
	const struct py_layout *layout = runtime->layout;
	struct tm_map told = { 0 };

	for (size_t i = 0; i < collected->ntracebacks; i++) {
		const char *record = collected->records.data +
				     collected->tracebacks[i].record;
		uint32_t nframe = tm_record_nframe(layout, record);

		for (uint32_t k = 0; k < nframe; k++) {
			const struct collected_frame frame =
				tm_collected_frame(collected, layout, (uint32_t)i, k);
			uint32_t *known = tm_map_put(&told, collected_frame_key(frame));

			if (*known == TM_MAP_NONE)
				line(ctx, tm_collected_name(collected, frame.name),
				     frame.lineno);
			*known = 0;
		}
	}
	tm_map_free(&told);
}
