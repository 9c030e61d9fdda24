/*
 * What the values of a pickle mean: tuples are recognised by what is in them
 * as frames, tracebacks and traces; the traces of the chosen snapshot go to
 * the builder.
 */
#ifndef TM_CODEC_PICKLE_SHAPE_H
#define TM_CODEC_PICKLE_SHAPE_H

#include "base/intern.h"
#include "codec/pickle_in.h"
#include "codec/pickle_node.h"
#include "codec/sites.h"
#include "tmattach/model.h"

/* All of a trace but its size. */
struct place {
	uint32_t frames; /* a list of sites */
	uint32_t domain, total;
	uint32_t items;  /* of the trace's tuple: 2, 3 or 4 */
};

struct shape {
	struct pickle_in *in;
	struct tm_builder *builder;
	struct tm_meta *meta;
	struct nodes nodes;
	tm_id *string_ids;        /* the builder's, TM_ID_NONE: not yet */
	size_t string_ids_cap;
	struct sites sites;       /* tuples of frames */
	struct place *places;
	size_t nplaces, places_cap;
	uint32_t *last_place;     /* of each list of sites, or UINT32_MAX */
	size_t last_place_cap;
};

void shape_init(struct shape *shape, struct pickle_in *in,
		struct tm_builder *builder, struct tm_meta *meta);
void shape_deinit(struct shape *shape);

struct value shape_string(struct shape *shape, const struct tm_buf *text);
struct value shape_tuple(struct shape *shape, const struct value *items,
			 size_t n);

/* A snapshot, or the bare list of its traces. */
bool shape_is_snapshot(const struct shape *shape, const struct value *value);
/* Hand its traces to the builder. */
bool shape_take(struct shape *shape, const struct value *snapshot);

#endif
