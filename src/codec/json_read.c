/*
 * Reading .jsonl and .json back. Traces come one by one; the text of a
 * traceback is the key of what it was parsed to.
 */
#include <stdlib.h>
#include <string.h>

#include "base/guard.h"
#include "codec/codec.h"
#include "codec/formats.h"
#include "codec/json_frames.h"
#include "codec/json_in.h"
#include "codec/json_shape.h"

static bool add_trace(struct json_reader *r, const json_t *trace, uint32_t list)
{
	const json_t *value = json_object_get(trace, "total_nframe");
	uint64_t domain, size, total = TM_TOTAL_NFRAME_NONE;

	if (!json_get_u64(trace, "domain", UINT32_MAX, &domain) ||
	    !json_get_u64(trace, "size", INT64_MAX, &size))
		return json_reader_corrupt(r, "a trace without domain or size");
	if (!json_is_null(value) &&
	    !json_get_u64(trace, "total_nframe", TM_TOTAL_NFRAME_NONE - 1, &total))
		return json_reader_corrupt(r, "a total_nframe that is not a number");
	return traces_in_add(&r->t, list, (uint32_t)domain, size,
			     (uint32_t)total);
}

/*
 * In the text of a trace the traceback comes last, as we write it: the rest
 * is parsed with null in its place. NULL if it does not come last.
 */
static json_t *parse_short(struct json_reader *r, const char **ret_frames)
{
	static const char key[] = "\"traceback\":";
	const size_t nkey = sizeof(key) - 1;
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	const char *hit = memmem(r->t.in.text.data, r->t.in.text.len, key, nkey);
	char why[160];
	json_t *trace;

	if (!hit || hit[nkey] != '[' ||
	    r->t.in.text.data[r->t.in.text.len - 2] != ']')
		return NULL;
	tm_buf_add(&text, r->t.in.text.data,
		   (size_t)(hit - r->t.in.text.data) + nkey);
	tm_buf_adds(&text, "null}");
	trace = json_parse(text.data, text.len, why);
	*ret_frames = hit + nkey;
	return trace;
}

/* An object in its place is a column: pandas' way unless it is told otherwise. */
static bool check_traceback(struct json_reader *r, const json_t *traceback)
{
	if (!traceback)
		return json_reader_corrupt(r, "a trace without a traceback");
	if (!json_is_object(traceback))
		return true;
	tm_err_set(r->t.in.err, TM_ERR_UNSUPPORTED, NULL,
		   "not a list of traces but a table by columns (at byte 0)");
	return tm_err_hint(r->t.in.err, "pandas writes one row a trace with "
			   "to_json(orient='records')");
}

static bool read_trace(struct json_reader *r)
{
	const char *frames = NULL;
	uint32_t list;
	json_t *trace = parse_short(r, &frames);
	bool ok;

	if (trace) {
		const char *end = r->t.in.text.data + r->t.in.text.len - 1;

		ok = json_find_frames(r, frames, (size_t)(end - frames), &list);
	} else {
		TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };

		trace = json_reader_parse(r, r->t.in.text.data, r->t.in.text.len);
		if (!trace)
			return false;
		ok = check_traceback(r, json_object_get(trace, "traceback"));
		if (ok)
			json_append(&text, json_object_get(trace, "traceback"));
		ok = ok && json_find_frames(r, text.data, text.len, &list);
	}
	ok = ok && add_trace(r, trace, list);
	json_decref(trace);
	return ok;
}

static bool finish(struct json_reader *r)
{
	int c = json_in_token(&r->t.in);

	if (ferror(r->t.in.file))
		return codec_short_read(r->t.in.err, r->t.in.file, r->t.in.offset);
	if (c != EOF)
		return codec_corrupt(r->t.in.err, r->t.in.offset - 1,
				     "something after the end");
	sites_flush(&r->t.sites);
	return true;
}

static bool read_lines(struct json_reader *r)
{
	int c;

	while ((c = json_in_token(&r->t.in)) == '{')
		if (!json_in_object(&r->t.in) || !read_trace(r))
			return false;
	if (c != EOF)
		return codec_corrupt(r->t.in.err, r->t.in.offset - 1,
				     "not the beginning of a trace");
	traces_in_conclude(&r->t);
	return finish(r);
}

/* The items of a list, of which `c` is the first token. */
static bool read_traces(struct json_reader *r, int c)
{
	if (c == ']')
		return true;
	for (;; c = json_in_token(&r->t.in)) {
		if (c != '{')
			break;
		if (!json_in_object(&r->t.in) || !read_trace(r))
			return false;
		c = json_in_token(&r->t.in);
		if (c == ']')
			return true;
		if (c != ',')
			break;
	}
	if (c == EOF)
		return codec_short_read(r->t.in.err, r->t.in.file, r->t.in.offset);
	return codec_corrupt(r->t.in.err, r->t.in.offset - 1,
			     "something else among the traces");
}

static void copy_text(const json_t *object, const char *key, char *to,
		      size_t size)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (text)
		snprintf(to, size, "%s", text);
}

static void read_source(const json_t *source, struct tm_meta *meta)
{
	const char *when = json_string_value(json_object_get(source, "taken_at"));
	uint64_t v;

	if (json_get_u64(source, "pid", INT32_MAX, &v))
		meta->pid = (int32_t)v;
	if (json_get_u64(source, "traceback_limit", UINT32_MAX, &v))
		meta->traceback_limit = (uint32_t)v;
	copy_text(source, "runtime", meta->runtime, sizeof(meta->runtime));
	if (when)
		meta->taken_at = json_parse_time(when);
}

static void read_meta(const json_t *object, struct tm_meta *meta)
{
	const json_t *memory = json_object_get(object, "traced_memory");
	const struct { const json_t *in; const char *key; uint64_t *to; } numbers[] = {
		{ memory, "current", &meta->traced_current },
		{ memory, "peak", &meta->traced_peak },
		{ object, "tracer_memory", &meta->tracer_memory },
		{ object, "pause_ns", &meta->pause_ns },
		{ object, "sample_bytes", &meta->sample_bytes },
		{ object, "dropped", &meta->dropped },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_get_u64(numbers[i].in, numbers[i].key, INT64_MAX, numbers[i].to);
	copy_text(object, "command", meta->command, sizeof(meta->command));
	meta->has_total_nframe =
		json_is_true(json_object_get(object, "has_total_nframe"));
	meta->partial = json_is_true(json_object_get(object, "partial"));
}

static bool read_modules(struct json_reader *r, const json_t *modules)
{
	for (size_t i = 0; i < json_array_size(modules); i++) {
		const json_t *module = json_array_get(modules, i);
		tm_id path, build_id;

		if (!json_get_string(r, module, "path", &path) ||
		    !json_get_string(r, module, "build_id", &build_id))
			return false;
		if (path == TM_ID_NONE)
			return json_reader_corrupt(r, "a module without a path");
		tm_builder_module(r->t.builder, path, build_id);
	}
	return true;
}

/* What is around the traces; found: there were any. */
static bool read_head(struct json_reader *r, const struct tm_buf *text,
		      bool found)
{
	const char *format;
	uint64_t version;
	json_t *head;
	bool ok = true;

	r->t.in.start = 0;
	head = json_reader_parse(r, text->data, text->len);
	if (!head)
		return false;
	format = json_string_value(json_object_get(head, "format"));
	if (!format || strcmp(format, "tmattach-snapshot") != 0 || !found)
		ok = tm_err_set(r->t.in.err, TM_ERR_UNSUPPORTED, NULL,
				"not a snapshot%s%.40s%s (at byte 0)",
				format ? " but \"" : "", format ? format : "",
				format ? "\"" : "");
	else if (!json_get_u64(head, "version", INT64_MAX, &version) || version != 1)
		ok = tm_err_set(r->t.in.err, TM_ERR_UNSUPPORTED, NULL,
				"an unknown version of the format (at byte 0)");
	if (ok) {
		read_source(json_object_get(head, "source"), r->t.meta);
		read_meta(json_object_get(head, "meta"), r->t.meta);
		ok = read_modules(r, json_object_get(head, "modules"));
	}
	json_decref(head);
	return ok;
}

/* The traces of .jsonl as one list, as pandas and jq write them. */
static bool read_list(struct json_reader *r)
{
	int c = json_in_token(&r->t.in);

	if (c != '{' && c != ']' && c != EOF)
		return tm_err_set(r->t.in.err, TM_ERR_UNSUPPORTED, NULL,
				  "a list, but not of traces (at byte 0)");
	if (!read_traces(r, c))
		return false;
	traces_in_conclude(&r->t);
	return finish(r);
}

static bool read_whole(struct json_reader *r)
{
	TM_GUARD(tm_buf_free) struct tm_buf head = { 0 };
	bool found, again = false;
	int first = json_in_token(&r->t.in);

	if (first == '[')
		return read_list(r);
	if (first != '{')
		return codec_corrupt(r->t.in.err, 0,
				     "not the beginning of a snapshot");
	tm_buf_addc(&head, '{');
	if (!json_in_head(&r->t.in, &head, &found))
		return false;
	if (found) {
		if (!read_traces(r, json_in_token(&r->t.in)))
			return false;
		tm_buf_adds(&head, "[]");
		if (!json_in_head(&r->t.in, &head, &again))
			return false;
	}
	if (again)
		return codec_corrupt(r->t.in.err, r->t.in.offset,
				     "a second list of traces");
	return read_head(r, &head, found) && finish(r);
}

static bool run(FILE *file, struct tm_builder *builder, struct tm_meta *meta,
		struct tm_err *err, bool (*read)(struct json_reader *))
{
	struct json_reader *r = tm_calloc(1, sizeof(*r));
	bool ok;

	traces_in_begin(&r->t, file, builder, meta, err);
	ok = read(r);
	traces_in_end(&r->t, ok);
	json_frames_deinit(r);
	free(r);
	return ok;
}

bool json_read(FILE *file, struct tm_builder *builder, struct tm_meta *meta,
	       struct tm_err *err)
{
	return run(file, builder, meta, err, read_whole);
}

bool jsonl_read(FILE *file, struct tm_builder *builder, struct tm_meta *meta,
		struct tm_err *err)
{
	return run(file, builder, meta, err, read_lines);
}
