/* The objects that the man page shows under JSON, as jansson values. */
#ifndef TM_CODEC_JSON_SHAPE_H
#define TM_CODEC_JSON_SHAPE_H

#include "codec/json_text.h"

/* S: {"pid":…,"file":…,"runtime":…,"traceback_limit":…,"taken_at":…}; what is
 * unknown is null. */
json_t *json_source(const struct tm_meta *meta, const char *file);
/* FRAME; native frames have a function, module, address and inlined. */
json_t *json_frame(struct tm_frame_view frame);
/* "2026-01-31T12:00:00.000Z" and back; 0 if the text is not such a time. */
char *json_time(char buf[static 40], int64_t ms);
int64_t json_parse_time(const char *text);

/*
 * Text of an object with one big array as its last member: begins it from
 * `head`, whose last member is an empty array, and ends it.
 */
void json_begin_list(struct tm_buf *buf, json_t *head);
void json_end_list(struct tm_buf *buf);

#endif
