/* Groups of one snapshot looked up in another. */
#ifndef TM_MODEL_TRANSLATE_H
#define TM_MODEL_TRANSLATE_H

#include "tmattach/stats.h"

struct translation {
	const struct tm_snapshot *from;
	const struct tm_snapshot *to;
	tm_id *strings; /* answers so far */
	tm_id *frames;
	tm_id *ids;     /* room for one traceback */
	size_t ids_cap;
};

void translation_init(struct translation *tr, const struct tm_snapshot *from,
		      const struct tm_snapshot *to);
void translation_free(struct translation *tr);

/* The id of the same group in `to`; TM_ID_NONE if `to` knows no such thing. */
tm_id translate_group(struct translation *tr, enum tm_key key, tm_id group);

#endif
