/*
 * .jsonl: one Trace per line, as `tmattach traces -f json` prints it.
 * .json: one object that holds the whole snapshot:
 *
 *   {"format":"tmattach-snapshot","version":1,"source":S,
 *    "meta":{"command":…,"traced_memory":{"current":…,"peak":…},
 *            "tracer_memory":…,"pause_ns":…,"sample_bytes":…,"dropped":…,
 *            "has_total_nframe":…,"partial":…},
 *    "modules":[{"path":…,"build_id":…}],
 *    "traces":[TRACE,…]}
 *
 * In it, native frames have "build_id" too, because two modules may share a
 * path. Two lone surrogates that look like a pair read back as one character:
 * JSON cannot tell them apart.
 */
#include <string.h>

#include "codec/codec.h"
#include "codec/export/export.h"
#include "codec/formats.h"
#include "codec/json_shape.h"
#include "codec/pieces.h"

struct json_writer {
	FILE *file;
	struct tm_err *err;
	const struct tm_snapshot *snapshot;
	struct canon canon;
	bool whole;              /* .json, not .jsonl */
	bool any;                /* a trace was written */
	struct pieces frames;
	struct tm_buf line;
};

static json_t *build_id(const struct tm_snapshot *s, tm_id module)
{
	tm_id id = module == TM_ID_NONE ? TM_ID_NONE :
					  s->modules[module].build_id;

	return id == TM_ID_NONE ? json_null() : json_text(s->strings[id]);
}

static void make_frame(const struct canon *canon, tm_id id, void *ctx,
		       struct tm_buf *text)
{
	const struct tm_snapshot *s = canon->snapshot;
	const bool *whole = ctx;
	tm_id native = s->frames[id].native;
	json_t *frame = json_frame(tm_snapshot_frame(s, id));

	if (*whole && native != TM_ID_NONE)
		json_object_set_new(frame, "build_id",
				    build_id(s, s->natives[native].module));
	json_append(text, frame);
	json_decref(frame);
}

/* jansson renders everything that has text in it, once per frame; here are only
 * numbers and brackets. */
static void make_trace(struct json_writer *w, const struct tm_site *site,
		       uint64_t size)
{
	const struct tm_snapshot *s = w->snapshot;
	const struct tm_traceback *t = &s->tracebacks[site->traceback];
	struct tm_buf *line = &w->line;

	tm_buf_clear(line);
	tm_buf_adds(line, "{\"domain\":");
	tm_buf_addu(line, site->domain);
	tm_buf_adds(line, ",\"size\":");
	tm_buf_addu(line, size > INT64_MAX ? INT64_MAX : size);
	tm_buf_adds(line, ",\"total_nframe\":");
	if (t->total_nframe == TM_TOTAL_NFRAME_NONE)
		tm_buf_adds(line, "null");
	else
		tm_buf_addu(line, t->total_nframe);
	tm_buf_adds(line, ",\"traceback\":[");
	pieces_join(&w->frames, &s->frame_ids[t->first], t->nframe, ',', line);
	tm_buf_adds(line, "]}");
}

static void put_traces(struct json_writer *w, uint32_t count)
{
	if (!w->whole)
		tm_buf_adds(&w->line, "\n");
	for (uint32_t i = 0; i < count; i++) {
		if (w->whole)
			fputs(w->any ? ",\n" : "\n", w->file);
		w->any = true;
		fwrite(w->line.data, 1, w->line.len, w->file);
		if (ferror(w->file))
			return;
	}
}

static bool put_rows(struct json_writer *w)
{
	const struct canon *canon = &w->canon;

	for (size_t i = 0; i < canon->nrows && !ferror(w->file); i++) {
		const struct tm_row *row = &canon->rows[i];
		const struct tm_site *site =
			&w->snapshot->sites[canon->sites.id[row->site]];

		canon_tell(canon, i, canon->nrows);
		make_trace(w, site, row->size);
		put_traces(w, row->count);
	}
	return codec_written(w->file, w->err);
}

static json_t *meta_object(const struct tm_meta *meta)
{
	json_t *object = json_object(), *memory = json_object();

	json_object_set_new(memory, "current", json_count(meta->traced_current));
	json_object_set_new(memory, "peak", json_count(meta->traced_peak));
	json_object_set_new(object, "command", json_cstring(meta->command));
	json_object_set_new(object, "traced_memory", memory);
	json_object_set_new(object, "tracer_memory",
			    json_count(meta->tracer_memory));
	json_object_set_new(object, "pause_ns", json_count(meta->pause_ns));
	json_object_set_new(object, "sample_bytes",
			    json_count(meta->sample_bytes));
	json_object_set_new(object, "dropped", json_count(meta->dropped));
	json_object_set_new(object, "has_total_nframe",
			    json_boolean(meta->has_total_nframe));
	json_object_set_new(object, "partial", json_boolean(meta->partial));
	return object;
}

static json_t *modules_array(const struct canon *canon)
{
	const struct tm_snapshot *s = canon->snapshot;
	json_t *modules = json_array();

	for (size_t i = 0; i < s->nmodules; i++) {
		tm_id id = canon->modules.id[i];
		json_t *module = json_object();

		json_object_set_new(module, "path",
				    json_text(s->strings[s->modules[id].path]));
		json_object_set_new(module, "build_id", build_id(s, id));
		json_array_append_new(modules, module);
	}
	return modules;
}

static void put_head(struct json_writer *w)
{
	const struct tm_snapshot *s = w->snapshot;
	json_t *head = json_object();

	json_object_set_new(head, "format", json_string("tmattach-snapshot"));
	json_object_set_new(head, "version", json_integer(1));
	json_object_set_new(head, "source", json_source(&s->meta, NULL));
	json_object_set_new(head, "meta", meta_object(&s->meta));
	json_object_set_new(head, "modules", modules_array(&w->canon));
	json_object_set_new(head, "traces", json_array());
	json_begin_list(&w->line, head);
	fwrite(w->line.data, 1, w->line.len, w->file);
}

static bool write_json(struct json_writer *w, const struct tm_codec_opts *opts)
{
	bool ok;

	canon_init(&w->canon, w->snapshot, &opts->progress);
	pieces_init(&w->frames, &w->canon, make_frame, &w->whole);
	if (w->whole)
		put_head(w);
	ok = put_rows(w);
	if (ok && w->whole) {
		tm_buf_clear(&w->line);
		json_end_list(&w->line);
		fwrite(w->line.data, 1, w->line.len, w->file);
		ok = codec_written(w->file, w->err);
	}
	pieces_deinit(&w->frames);
	canon_deinit(&w->canon);
	tm_buf_free(&w->line);
	return ok;
}

static bool whole_write(const struct tm_snapshot *snapshot, FILE *file,
			const struct tm_codec_opts *opts, struct tm_err *err)
{
	struct json_writer w = { .file = file, .err = err, .whole = true,
				 .snapshot = snapshot };

	return write_json(&w, opts);
}

static bool lines_write(const struct tm_snapshot *snapshot, FILE *file,
			const struct tm_codec_opts *opts, struct tm_err *err)
{
	struct json_writer w = { .file = file, .err = err,
				 .snapshot = snapshot };

	return write_json(&w, opts);
}

/* Whatever blanks and line ends other programs put in between. */
static bool begins(const unsigned char *head, size_t len, const char *text)
{
	for (size_t i = 0; i < len && *text; i++) {
		if (memchr(" \t\r\n", head[i], 4))
			continue;
		if (head[i] != (unsigned char)*text++)
			return false;
	}
	return *text == '\0';
}

static bool whole_sniff(const unsigned char *head, size_t len)
{
	return begins(head, len, "{\"format\":\"tmattach-snapshot\"") ||
	       begins(head, len, "[{\"domain\":");
}

static bool lines_sniff(const unsigned char *head, size_t len)
{
	return begins(head, len, "{\"domain\":");
}

const struct tm_codec codec_json = {
	.name = "json",
	.suffix = ".json",
	.summary = "one JSON object, complete",
	.write = whole_write,
	.read = json_read,
	.sniff = whole_sniff,
	.functions = true,
};

const struct tm_codec codec_jsonl = {
	.name = "jsonl",
	.suffix = ".jsonl",
	.summary = "JSON Lines, one trace each",
	.write = lines_write,
	.read = jsonl_read,
	.sniff = lines_sniff,
	.functions = true,
};
