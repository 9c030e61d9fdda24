#include "codec/json_frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/codec.h"
#include "codec/json_in.h"

/* Texts kept as keys of frames; when they grow beyond this, all are forgotten. */
enum { MAX_FRAME_KEYS = 32 << 20 };

bool json_reader_corrupt(struct json_reader *r, const char *what)
{
	return json_in_corrupt(&r->t.in, what);
}

json_t *json_reader_parse(struct json_reader *r, const char *text, size_t len)
{
	char why[160];
	json_t *value = json_parse(text, len, why);

	if (!value)
		codec_corrupt(r->t.in.err, r->t.in.start, "%s", why);
	return value;
}

bool json_get_u64(const json_t *object, const char *key, uint64_t max,
		  uint64_t *ret)
{
	const json_t *value = json_object_get(object, key);
	json_int_t v = json_integer_value(value);

	if (!json_is_integer(value) || v < 0 || (uint64_t)v > max)
		return false;
	*ret = (uint64_t)v;
	return true;
}

bool json_get_string(struct json_reader *r, const json_t *object,
		     const char *key, tm_id *ret)
{
	const json_t *value = json_object_get(object, key);

	*ret = TM_ID_NONE;
	if (!value || json_is_null(value))
		return true;
	if (!json_is_string(value) ||
	    json_string_length(value) > CODEC_MAX_STRING)
		return json_reader_corrupt(r, "a name that is not a string");
	json_text_of(value, &r->text);
	*ret = tm_builder_string(r->t.builder, r->text.data, r->text.len);
	return true;
}

static bool get_native(struct json_reader *r, const json_t *object,
		       struct tm_native_frame *ret)
{
	const char *address = json_string_value(json_object_get(object,
								"address"));
	tm_id path, build_id;
	char *end;

	*ret = (struct tm_native_frame){ .module = TM_ID_NONE };
	if (!address || strncmp(address, "0x", 2) != 0)
		return json_reader_corrupt(r, "an address that is not a hexadecimal number");
	ret->address = strtoull(address, &end, 16);
	if (*end || !address[2])
		return json_reader_corrupt(r, "an address that is not a hexadecimal number");
	ret->inlined = json_is_true(json_object_get(object, "inlined"));
	if (!json_get_string(r, object, "function", &ret->function) ||
	    !json_get_string(r, object, "module", &path) ||
	    !json_get_string(r, object, "build_id", &build_id))
		return false;
	if (path != TM_ID_NONE)
		ret->module = tm_builder_module(r->t.builder, path, build_id);
	return true;
}

static bool read_frame(struct json_reader *r, const json_t *object, tm_id *ret)
{
	struct tm_native_frame native;
	uint64_t lineno;
	tm_id name, function;

	if (!json_get_string(r, object, "filename", &name) ||
	    !json_get_string(r, object, "function", &function))
		return false;
	if (name == TM_ID_NONE || !json_get_u64(object, "lineno", UINT32_MAX, &lineno))
		return json_reader_corrupt(r, "a frame without filename or lineno");
	if (!json_object_get(object, "address")) {
		*ret = tm_builder_function_frame(r->t.builder, name, (uint32_t)lineno,
						 function);
		return true;
	}
	if (!get_native(r, object, &native))
		return false;
	*ret = tm_builder_native_frame(r->t.builder, name, (uint32_t)lineno,
				       &native);
	return true;
}

static bool add_frames(struct json_reader *r, const json_t *frames)
{
	size_t n = json_array_size(frames);
	tm_id frame;

	if (!n)
		return json_reader_corrupt(r, "a traceback that is not a list of frames");
	for (size_t i = 0; i < n; i++) {
		if (!read_frame(r, json_array_get(frames, i), &frame))
			return false;
		sites_frame(&r->t.sites, frame);
	}
	return true;
}

static bool add_frame_text(struct json_reader *r, const char *text, size_t len)
{
	size_t known;
	json_t *object;
	uint32_t key;
	bool ok;

	if (r->frame_keys.arena.total > MAX_FRAME_KEYS)
		tm_intern_free(&r->frame_keys);
	known = r->frame_keys.n;
	key = tm_intern(&r->frame_keys, text, len);
	if (key == known) {
		r->frames = tm_grow(r->frames, &r->cap, known + 1,
				    sizeof(*r->frames));
		object = json_reader_parse(r, text, len);
		ok = object && read_frame(r, object, &r->frames[key]);
		json_decref(object);
		if (!ok)
			return false;
	}
	sites_frame(&r->t.sites, r->frames[key]);
	return true;
}

/*
 * The list of frames one by one, if it has the shape that we write it in.
 * Otherwise false and *ret_ok unchanged: then it is for jansson as a whole.
 */
static bool add_frame_texts(struct json_reader *r, const char *text, size_t len,
			    bool *ret_ok)
{
	const char *end = text + len, *p = text + 1, *next;

	while (p < end && *p == '{') {
		next = json_in_skip(p, end);
		if (!next || next == end)
			return false;
		if (!add_frame_text(r, p, (size_t)(next - p))) {
			*ret_ok = false;
			return true;
		}
		if (*next == ']' && next + 1 == end) {
			*ret_ok = true;
			return true;
		}
		if (*next != ',')
			return false;
		p = next + 1;
	}
	return false;
}

bool json_find_frames(struct json_reader *r, const char *text, size_t len,
		      uint32_t *ret)
{
	json_t *frames;
	bool ok;

	if (traces_in_known(&r->t, text, len, ret))
		return true;
	sites_begin(&r->t.sites);
	if (add_frame_texts(r, text, len, &ok))
		return ok;
	sites_empty(&r->t.sites);
	frames = json_reader_parse(r, text, len);
	if (!frames)
		return false;
	ok = add_frames(r, frames);
	json_decref(frames);
	return ok;
}

void json_frames_deinit(struct json_reader *r)
{
	tm_intern_free(&r->frame_keys);
	free(r->frames);
	tm_buf_free(&r->text);
}
