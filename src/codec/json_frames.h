/*
 * From the text of a traceback to its frames. What a frame, or a whole
 * traceback, is, jansson says when its text is met for the first time; after
 * that the text itself is the key.
 */
#ifndef TM_CODEC_JSON_FRAMES_H
#define TM_CODEC_JSON_FRAMES_H

#include "codec/json_text.h"
#include "codec/traces_in.h"

struct json_reader {
	struct traces_in t;
	struct tm_buf text;     /* scratch */
	struct tm_intern frame_keys;
	tm_id *frames; /* by key */
	size_t cap;
};

void json_frames_deinit(struct json_reader *r);

/* An error at the value that is being read; always false. */
bool json_reader_corrupt(struct json_reader *r, const char *what);
/* NULL with an error if this is not JSON. */
json_t *json_reader_parse(struct json_reader *r, const char *text, size_t len);
bool json_get_u64(const json_t *object, const char *key, uint64_t max,
		  uint64_t *ret);
/* A string's id; TM_ID_NONE (and true) for null or a missing member. */
bool json_get_string(struct json_reader *r, const json_t *object,
		     const char *key, tm_id *ret);

/* The list in r->t.sites for the text of a traceback. */
bool json_find_frames(struct json_reader *r, const char *text, size_t len,
		      uint32_t *ret);

#endif
