/*
 * A snapshot's stacks as a tree: what a flame graph shows. With a baseline,
 * both snapshots' stacks are in one tree.
 */
#ifndef TM_CODEC_FLAME_H
#define TM_CODEC_FLAME_H

#include "codec/canon.h"
#include "tmattach/file.h"

enum { FLAME_SIZE, FLAME_COUNT, FLAME_OLD_SIZE, FLAME_OLD_COUNT, FLAME_VALUES };

struct flame_stack {
	const tm_id *frames; /* ids of flame.snapshot, oldest first */
	uint32_t nframe;
	/* Sums over all stacks before this one. */
	uint64_t before[FLAME_VALUES];
};

struct flame {
	const struct tm_snapshot *snapshot;
	struct tm_snapshot *both;    /* `snapshot`, if it had to be made */
	struct canon canon;
	struct flame_stack *stacks;  /* n + 1: the last holds the totals */
	size_t n, cap;
};

/* Fails if snapshot and baseline together are beyond the model. */
bool flame_init(struct flame *flame, const struct tm_snapshot *snapshot,
		const struct tm_codec_opts *opts, struct tm_err *err);
void flame_deinit(struct flame *flame);

/*
 * One node: its depth (1: an oldest frame), the rank of its frame, and the
 * values of the stacks that end here. Where there are very many stacks, the
 * smallest children of a node come last as one, with the rank FLAME_REST.
 */
#define FLAME_REST UINT32_MAX
typedef bool flame_node_fn(void *ctx, uint32_t depth, uint32_t rank,
			   const uint64_t own[FLAME_VALUES]);

/* Every node in preorder, until the callee returns false. */
void flame_walk(const struct flame *flame, flame_node_fn *node, void *ctx);

#endif
