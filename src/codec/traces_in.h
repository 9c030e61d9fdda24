/*
 * What the readers of text formats have in common: records that are traces,
 * in which the same tracebacks come again and again as the same text.
 */
#ifndef TM_CODEC_TRACES_IN_H
#define TM_CODEC_TRACES_IN_H

#include "base/intern.h"
#include "codec/record_in.h"
#include "codec/sites.h"

struct traces_in {
	struct record_in in;
	struct tm_builder *builder;
	struct tm_meta *meta;
	struct tm_intern keys; /* text of a traceback; id: its list in sites */
	struct sites sites;
	bool saw_total, saw_none;
};

void traces_in_begin(struct traces_in *t, FILE *file, struct tm_builder *builder,
		     struct tm_meta *meta, struct tm_err *err);
/* Without `ok' the error is the stream's, if that has one: what was found in the
 * part that could be read is none. */
void traces_in_end(struct traces_in *t, bool ok);

/* The list in t->sites for the text of a traceback. False: it is new, and the
 * caller begins it. */
bool traces_in_known(struct traces_in *t, const char *text, size_t len,
		     uint32_t *ret);

/* One trace; `total` may be TM_TOTAL_NFRAME_NONE. */
bool traces_in_add(struct traces_in *t, uint32_t list, uint32_t domain,
		   uint64_t size, uint32_t total);

/* All traces are read; what they say of total_nframe goes into the meta. */
void traces_in_conclude(struct traces_in *t);

#endif
