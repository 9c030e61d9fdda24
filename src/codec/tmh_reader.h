/*
 * The reader of a .tmh file: what the functions for its chunks share. Each
 * takes one record off the chunk; after a failure, which sticks, they have no
 * effect. Private to codec/tmh_*.c.
 */
#ifndef TM_CODEC_TMH_READER_H
#define TM_CODEC_TMH_READER_H

#include "codec/tmh.h"
#include "codec/tmh_census.h"
#include "codec/tmh_edges.h"
#include "codec/tms_in.h"

struct tmh_reader {
	struct tms_in *in;
	struct tmh_census *self;
	struct heap_census *census;   /* self->census */
	struct tm_meta *meta;
	uint64_t *column;
	uint64_t end, size;           /* of the previous node */
	struct tmh_edges edges;
	uint32_t last;                /* node of the previous record, of KEYS or ROOM */
};

static inline bool tmh_corrupt(struct tmh_reader *r, const char *what)
{
	return tms_in_corrupt(r->in, what);
}

static inline uint32_t tmh_get_u32(struct tmh_reader *r)
{
	return (uint32_t)tms_in_bounded(r->in, UINT32_MAX, "a number beyond 32 bits");
}

/* A name by its number; NULL for 0 of one that is `optional`. */
const char *tmh_get_name(struct tmh_reader *r, bool optional);

void tmh_get_string(struct tmh_reader *r);
void tmh_get_type(struct tmh_reader *r);
void tmh_get_root(struct tmh_reader *r);

#endif
