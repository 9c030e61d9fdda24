/*
 * JSON through jansson, which knows no lone surrogates: on its way through
 * jansson a surrogate U+DCxx is written as the noncharacter U+10FFFF and four
 * hex digits, and that noncharacter itself with the digits 0000. The finished
 * text has \udcxx, as Python's json module writes it. Controls and marks of the
 * reading direction that jansson would leave as they are take the same way: a
 * terminal obeys them.
 */
#ifndef TM_CODEC_JSON_TEXT_H
#define TM_CODEC_JSON_TEXT_H

#include <jansson.h>

#include "base/buf.h"
#include "tmattach/model.h"

/* NULL for a text whose bytes are NULL. Bytes that are not UTF-8 become
 * surrogate escapes. */
json_t *json_text(struct tm_text text);
json_t *json_cstring(const char *s);   /* null if NULL or empty */
/* Bytes of the system, a path or a command line, as Python decodes them; null
 * if NULL. */
json_t *json_bytes(const char *s);
json_t *json_count(uint64_t n);        /* at most 2^63 - 1 */

/* Append an object's text, compact, keys in the order they were set. */
void json_append(struct tm_buf *buf, const json_t *value);
/* The same with numbers in the shortest form that reads back equal. */
void json_append_real(struct tm_buf *buf, const json_t *value, double real);

/* Parse one value; NULL with *ret_why (static or jansson's own text, copied
 * into why). */
json_t *json_parse(const char *text, size_t len, char why[static 160]);
/* A parsed string as text of the model, replacing the content of buf. */
void json_text_of(const json_t *string, struct tm_buf *buf);

#endif
