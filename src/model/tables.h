/*
 * The arrays of a snapshot, with the indexes that make equal content get
 * equal ids. The builder fills them; a finished snapshot keeps them, so that
 * the content of another snapshot can be looked up in it.
 */
#ifndef TM_MODEL_TABLES_H
#define TM_MODEL_TABLES_H

#include "base/arena.h"
#include "model/index.h"
#include "tmattach/model.h"

struct tables {
	struct tm_arena arena; /* the bytes of the strings */
	struct tm_text *strings;
	size_t nstrings, strings_cap;
	struct tm_module *modules;
	size_t nmodules, modules_cap;
	struct tm_native_frame *natives;
	size_t nnatives, natives_cap;
	struct tm_frame *frames;
	size_t nframes, frames_cap;
	tm_id *places; /* per frame: the first frame at the same place */
	bool threaded; /* sites have threads, if there are any */
	bool aged;     /* some site has an age */
	bool varied;   /* some frame is not the first at its place */
	size_t places_cap;
	tm_id *frame_ids;
	size_t nframe_ids, frame_ids_cap;
	struct tm_traceback *tracebacks;
	size_t ntracebacks, tracebacks_cap;
	tm_id *functions; /* per frame: the first frame of its function */
	size_t functions_cap;
	struct tm_site *sites;
	size_t nsites, sites_cap;
	struct tm_row *rows;
	size_t nrows, rows_cap;

	struct index by_text;     /* strings */
	struct index by_module;   /* modules */
	struct index by_frame;    /* frames, natives included */
	struct index by_place;    /* frames: the first of each place */
	struct index by_function; /* frames: the first of each function */
	struct index by_places;   /* tracebacks: the first of each list */
	struct index by_variant;  /* tracebacks: the others */
	struct index by_site;     /* sites */
};

struct model_snapshot {
	struct tm_snapshot pub; /* first: the door hands out its address */
	struct tables tables;
};

static inline const struct tables *tables_of(const struct tm_snapshot *snapshot)
{
	return &((const struct model_snapshot *)snapshot)->tables;
}

void tables_free(struct tables *t);

/*
 * What makes two frames the same place (see tm_key in the door).
 * Fields that do not count are TM_ID_NONE or 0.
 */
struct place {
	tm_id filename;
	uint32_t lineno;
	tm_id module_path;
	tm_id function;
	uint64_t address;
};

struct place tables_place(const struct tables *t, const struct tm_frame *frame);

/* Look-ups; TM_ID_NONE if there is none. */
tm_id tables_find_text(const struct tables *t, struct tm_text text);
tm_id tables_find_frame(const struct tables *t, tm_id filename,
			uint32_t lineno); /* the first Python frame there */
tm_id tables_find_place(const struct tables *t, const struct place *place);
/* By places: `ids` are first frames of their place. */
tm_id tables_find_traceback(const struct tables *t, const tm_id *ids, size_t n);

/*
 * The same, adding what is missing. The ids handed in must be valid, and the
 * tables must have room (builder.c checks both).
 */
tm_id tables_text(struct tables *t, struct tm_text text);
tm_id tables_module(struct tables *t, struct tm_module module);
tm_id tables_native_frame(struct tables *t, tm_id filename, uint32_t lineno,
			  const struct tm_native_frame *native);
tm_id tables_function_frame(struct tables *t, tm_id filename, uint32_t lineno,
			    tm_id function);
tm_id tables_traceback(struct tables *t, const tm_id *frames, uint32_t n,
		       uint32_t total_nframe);
tm_id tables_site(struct tables *t, tm_id traceback, uint32_t domain, tm_id thread,
		  uint32_t age);

#endif
