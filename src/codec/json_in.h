/* JSON values cut out of a stream, unparsed: their text is jansson's affair. */
#ifndef TM_CODEC_JSON_IN_H
#define TM_CODEC_JSON_IN_H

#include "codec/record_in.h"

/* The next byte that is not white space, or EOF. */
int json_in_token(struct record_in *in);

/* The object whose '{' was just taken, whole, into in->text. */
bool json_in_object(struct record_in *in);

/*
 * A top-level object up to the '[' of its member "traces": what was read is
 * put into `head`, without the bracket. *ret_found is false if the object
 * ended before. Called again after that array, it reads the rest.
 */
bool json_in_head(struct record_in *in, struct tm_buf *head, bool *ret_found);

/* Behind the object that begins at `p'; NULL if it does not end before `end'. */
const char *json_in_skip(const char *p, const char *end);

bool json_in_corrupt(struct record_in *in, const char *what);

#endif
