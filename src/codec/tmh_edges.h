/* The references of a .tmh file, read: see codec/tmh.h. */
#ifndef TM_CODEC_TMH_EDGES_H
#define TM_CODEC_TMH_EDGES_H

#include "codec/tmh.h"
#include "codec/tms_in.h"

struct tmh_edges {
	struct tms_in *in;
	struct heap_census *census;
	struct tmh_guess guess;
	uint32_t nodes;      /* whose degrees are known */
	uint64_t sum;        /* of those */
	uint64_t edges, cap; /* read; room in the arrays */
	uint32_t node;       /* whose edges come next */
	uint64_t *hows;      /* of one chunk */
};

/* All nodes are read; makes the rows. */
void tmh_edges_begin(struct tmh_edges *self, struct tms_in *in,
		     struct heap_census *census);
/* A column of degrees. */
void tmh_edges_degrees(struct tmh_edges *self, const uint64_t *degrees, uint32_t n);
/* The two columns of a chunk of n edges; `column` is scratch. */
void tmh_edges_read(struct tmh_edges *self, uint64_t *column, uint32_t n);
/* Are they all there? */
bool tmh_edges_end(struct tmh_edges *self);
void tmh_edges_deinit(struct tmh_edges *self); /* zeroed is fine */

#endif
