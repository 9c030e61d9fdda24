/*
 * The .tmh format, version 1.1: a heap
 * ====================================
 *
 * Header, zstd frame, chunks and trailer are those of .tms (codec/tms.h), with
 * another magic; so are the rules by which it may grow. "z" is a difference of
 * either sign, zigzag: 0, -1, 1, -2 ... are 0, 1, 2, 3. A column of a chunk is n
 * values of one kind.
 *
 *   1 META     as in .tms
 *   2 STRINGS  length, bytes (no NUL)
 *   3 TYPES    name+1, module+1 (strings), address, base+1, flags, basicsize,
 *              itemsize; number of fields, each offset, name; number of
 *              attributes, each name+1
 *   4 ROOTS    kind, name, local+1: in the order of the edges of node 0
 *   5 NODES    n, then columns: flags; info (an object's type, a buffer's owner
 *              as z of node - owner, else 0); z of the address minus the end of
 *              the node before; z of the size minus that of the node before
 *   6 DEGREES  n, then a column: how many edges start at each node. Behind all
 *              NODES
 *   7 EDGES    n, then two columns: the target, as z of the difference to what is
 *              expected; how it leads, 0 for as expected, else 1 + (kind | value
 *              << 4), value as z of the difference to what is expected for kinds
 *              INDEX, VALUE and LOCAL. Behind all DEGREES
 *   8 KEYS     node minus the one before, string: the literal of a key
 *   9 ROOM     node minus the one before, items in use, free items, item size
 *  10 PROOF    field number, value: in the order of struct heap_proof
 *  11 STATICS  string: the literal of a key that is no node. Values of kinds VALUE
 *              and LOCAL from the number of nodes on count these. Since 1.1;
 *              behind all NODES
 *   0 END      numbers of strings, types, roots, nodes, edges
 *
 * What is expected of edge i of a node: if the last node before it of the same
 * shape (type, kind) has an edge i, and i is below TMH_ROW, that one's target and
 * how. Else the target of the edge before, the node itself for the first. For
 * INDEX the expected value is i; for VALUE and LOCAL the target of the edge before.
 */
#ifndef TM_CODEC_TMH_H
#define TM_CODEC_TMH_H

#include <stdio.h>

#include "codec/tms.h"
#include "heap/census.h"
#include "tmattach/model.h"

#define TMH_MAGIC "\x89TMH\r\n\x1a\n"

#define TMH_KIND ((const struct tms_kind){ TMH_MAGIC, 1, 1, ".tmh" })

enum {
	TMH_PER_CHUNK = 1 << 15, /* values in a column, at most */
	TMH_ROW = 64,
};

enum tmh_tag {
	TMH_END,
	TMH_META,
	TMH_STRINGS,
	TMH_TYPES,
	TMH_ROOTS,
	TMH_NODES,
	TMH_DEGREES,
	TMH_EDGES,
	TMH_KEYS,
	TMH_ROOM,
	TMH_PROOF,
	TMH_STATICS,
};

static inline uint64_t tmh_zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static inline int64_t tmh_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

/*
 * What edges are expected to be; the same when writing and reading. `shape` is
 * by type and kind; 0: there was none of that shape.
 */
struct tmh_guess {
	const struct heap_census *census;
	uint32_t *shape;
	uint64_t row;     /* where that begins, */
	uint64_t n;       /* and how many edges of it count */
};

void tmh_guess_init(struct tmh_guess *ret, const struct heap_census *census);
void tmh_guess_deinit(struct tmh_guess *self);
/* The edges of the next node come. */
void tmh_guess_node(struct tmh_guess *self, uint32_t node);

static inline uint32_t tmh_guess_to(const struct tmh_guess *self, uint32_t node,
				    uint64_t edge, uint64_t i)
{
	const uint32_t *to = self->census->graph.to;

	return i < self->n ? to[self->row + i] : i ? to[edge - 1] : node;
}

/* What the value is a difference to. */
static inline uint32_t tmh_guess_value(const struct tmh_guess *self, uint32_t node,
				       uint64_t edge, uint64_t i)
{
	return i ? self->census->graph.to[edge - 1] : node;
}

static inline bool tmh_is_relative(unsigned kind)
{
	return kind == HEAP_EDGE_VALUE || kind == HEAP_EDGE_LOCAL;
}

struct tms_out;
struct tms_in;

/* The census has references and names. */
bool tmh_write(struct heap_census *census, const struct tm_meta *meta, FILE *file,
	       struct tm_err *err);
struct heap_census *tmh_read(FILE *file, struct tm_meta *ret_meta, struct tm_err *err);

#endif
