/*
 * What the values of a Snapshot pickle mean: tuples are recognised by what is
 * in them, and go to the builder.
 */
#ifndef TM_CODEC_PICKLE_SHAPE_H
#define TM_CODEC_PICKLE_SHAPE_H

#include "base/intern.h"
#include "codec/pickle_in.h"
#include "codec/sites.h"
#include "tmattach/model.h"

struct shape {
	struct pickle_in *in;
	struct tm_builder *builder;
	struct tm_meta *meta;
	struct tm_intern strings;
	tm_id *string_ids;        /* the builder's, TM_ID_NONE: not yet */
	size_t string_ids_cap;
	struct sites sites;       /* tuples of frames */
	bool has_list, list_set, traces_set, limit_set;
	bool has_object[2], built[2];
	bool saw_three, saw_four;
};

void shape_deinit(struct shape *shape);

struct value shape_string(struct shape *shape, const struct tm_buf *text);
struct value shape_tuple(struct shape *shape, const struct value *items,
			 size_t n);
struct value shape_class(struct shape *shape, const char *module,
			 const char *name);
struct value shape_object(struct shape *shape, const struct value *cls,
			  const struct value *args);
struct value shape_list(struct shape *shape);
void shape_append(struct shape *shape, const struct value *items, size_t n);
void shape_set(struct shape *shape, const struct value *key,
	       const struct value *value);
void shape_build(struct shape *shape, const struct value *object,
		 const struct value *state);
/* The value under STOP; hands the last rows over. */
bool shape_finish(struct shape *shape, const struct value *top);

#endif
