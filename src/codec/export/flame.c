#include "codec/export/flame.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/search.h"
#include "codec/export/export.h"

/* More stacks than this, and children below one part in SHARES are put
 * together: a page of many millions of nodes opens nowhere. */
enum { MANY = 100000, SHARES = 50000 };

/* ---- one snapshot out of two ---------------------------------------------- */

static tm_id *copy_strings(struct tm_builder *b, const struct tm_snapshot *s)
{
	tm_id *ids = tm_malloc((s->nstrings + 1) * sizeof(*ids));

	for (size_t i = 0; i < s->nstrings; i++)
		ids[i] = tm_builder_string(b, s->strings[i].bytes,
					   s->strings[i].len);
	return ids;
}

static tm_id *copy_frames(struct tm_builder *b, const struct tm_snapshot *s)
{
	tm_id *strings = copy_strings(b, s);
	tm_id *ids = tm_malloc((s->nframes + 1) * sizeof(*ids));

	for (size_t i = 0; i < s->nframes; i++) {
		const struct tm_frame *frame = &s->frames[i];
		tm_id file = strings[frame->filename];
		struct tm_native_frame native;
		const struct tm_module *module;

		if (frame->native == TM_ID_NONE) {
			ids[i] = tm_builder_function_frame(b, file, frame->lineno,
				frame->function == TM_ID_NONE ? TM_ID_NONE :
				strings[frame->function]);
			continue;
		}
		native = s->natives[frame->native];
		if (native.function != TM_ID_NONE)
			native.function = strings[native.function];
		if (native.module != TM_ID_NONE) {
			module = &s->modules[native.module];
			native.module = tm_builder_module(b,
				strings[module->path],
				module->build_id == TM_ID_NONE ? TM_ID_NONE :
				strings[module->build_id]);
		}
		ids[i] = tm_builder_native_frame(b, file, frame->lineno,
						 &native);
	}
	free(strings);
	return ids;
}

/* All traces of `s`, in a domain that says whose they are. */
static void copy_traces(struct tm_builder *b, const struct tm_snapshot *s,
			uint32_t domain)
{
	tm_id *frames = copy_frames(b, s), *list = NULL;
	tm_id *sites = tm_malloc((s->nsites + 1) * sizeof(*sites));
	size_t cap = 0;

	for (size_t i = 0; i < s->nsites; i++) {
		const struct tm_traceback *t =
			&s->tracebacks[s->sites[i].traceback];

		list = tm_grow(list, &cap, t->nframe, sizeof(*list));
		for (uint32_t k = 0; k < t->nframe; k++)
			list[k] = frames[s->frame_ids[t->first + k]];
		sites[i] = tm_builder_site(b, tm_builder_traceback(b, list,
			t->nframe, TM_TOTAL_NFRAME_NONE), domain);
	}
	for (size_t i = 0; i < s->nrows; i++)
		tm_builder_traces(b, sites[s->rows[i].site], s->rows[i].size,
				  s->rows[i].count);
	free(list);
	free(sites);
	free(frames);
}

enum { DOMAIN_NEWER, DOMAIN_OLDER };

static struct tm_snapshot *merge(const struct tm_snapshot *newer,
				 const struct tm_snapshot *older,
				 struct tm_err *err)
{
	struct tm_builder *b = tm_builder_create();

	copy_traces(b, newer, DOMAIN_NEWER);
	copy_traces(b, older, DOMAIN_OLDER);
	return tm_builder_finish(b, &newer->meta, err);
}

/* ---- stacks ------------------------------------------------------------------ */

static void gather(struct flame *flame)
{
	struct export_stack stack;
	struct flame_stack *to;
	uint64_t sums[FLAME_VALUES] = { 0 };
	size_t at = 0, begin = 0;

	for (; export_next(&flame->canon, &at, &stack); begin = at) {
		flame->stacks = tm_grow(flame->stacks, &flame->cap,
					flame->n + 2, sizeof(*flame->stacks));
		to = &flame->stacks[flame->n++];
		to->frames = stack.frames;
		to->nframe = stack.nframe;
		memcpy(to->before, sums, sizeof(sums));
		for (size_t i = begin; i < at; i++) {
			const struct tm_site *site = &flame->snapshot->sites[
				flame->canon.sites.id[i]];
			unsigned k = flame->both &&
				     site->domain == DOMAIN_OLDER ?
				     FLAME_OLD_SIZE : FLAME_SIZE;

			sums[k] += site->size;
			sums[k + 1] += site->count;
		}
	}
	if (!flame->n)
		flame->stacks = tm_grow(NULL, &flame->cap, 1,
					sizeof(*flame->stacks));
	memcpy(flame->stacks[flame->n].before, sums, sizeof(sums));
}

bool flame_init(struct flame *flame, const struct tm_snapshot *snapshot,
		const struct tm_codec_opts *opts, struct tm_err *err)
{
	*flame = (struct flame){ .snapshot = snapshot };
	if (opts->baseline) {
		flame->both = merge(snapshot, opts->baseline, err);
		if (!flame->both)
			return false;
		flame->snapshot = flame->both;
	}
	canon_init(&flame->canon, flame->snapshot, &opts->progress);
	gather(flame);
	return true;
}

void flame_deinit(struct flame *flame)
{
	canon_deinit(&flame->canon);
	free(flame->stacks);
	tm_snapshot_destroy(flame->both);
}

/* ---- the tree ------------------------------------------------------------------ */

/* Stacks at to end (excluded) share their first `depth` frames. */
struct range {
	size_t at, end;
	uint64_t rest[FLAME_VALUES]; /* of children too small to be shown */
	uint32_t depth;
};

struct walk {
	const struct flame *flame;
	struct range *ranges; /* from the root to the node at hand */
	size_t n, cap;
	flame_node_fn *node;
	void *ctx;
};

static void subtract(const struct flame *flame, size_t at, size_t end,
		     uint64_t ret[FLAME_VALUES])
{
	for (int i = 0; i < FLAME_VALUES; i++)
		ret[i] = flame->stacks[end].before[i] -
			 flame->stacks[at].before[i];
}

static bool is_small(const struct flame *flame,
		     const uint64_t sums[FLAME_VALUES])
{
	const uint64_t *all = flame->stacks[flame->n].before;

	if (flame->n <= MANY)
		return false;
	for (int i = 0; i < FLAME_VALUES; i++)
		if (sums[i] && sums[i] >= all[i] / SHARES)
			return false;
	return true;
}

/* The end of the stacks that share the next frame; they are adjacent. */
static size_t find_end(const struct flame *flame, const struct range *range)
{
	const struct flame_stack *stacks = flame->stacks + range->at;
	tm_id frame = stacks[0].frames[range->depth];

	return range->at + TM_LOWER_BOUND(range->end - range->at, i,
					  stacks[i].frames[range->depth] == frame);
}

static void enter(struct walk *w, size_t at, size_t end, uint32_t depth)
{
	w->ranges = tm_grow(w->ranges, &w->cap, w->n + 1, sizeof(*w->ranges));
	w->ranges[w->n++] = (struct range){ .at = at, .end = end,
					    .depth = depth };
}

/* Done with a node: what its small children are together. */
static bool leave(struct walk *w)
{
	const struct range range = w->ranges[--w->n];
	static const uint64_t nothing[FLAME_VALUES];

	return !memcmp(range.rest, nothing, sizeof(nothing)) ||
	       w->node(w->ctx, range.depth + 1, FLAME_REST, range.rest);
}

static bool next_child(struct walk *w)
{
	const struct flame *flame = w->flame;
	struct range *range = &w->ranges[w->n - 1];
	size_t at = range->at, end = find_end(flame, range);
	uint32_t depth = range->depth;
	uint64_t sums[FLAME_VALUES];
	tm_id frame = flame->stacks[at].frames[depth];

	range->at = end;
	subtract(flame, at, end, sums);
	if (is_small(flame, sums)) {
		for (int i = 0; i < FLAME_VALUES; i++)
			range->rest[i] += sums[i];
		return true;
	}
	/* A stack that ends here comes before all that go on. */
	memset(sums, 0, sizeof(sums));
	if (flame->stacks[at].nframe == depth + 1) {
		subtract(flame, at, at + 1, sums);
		at++;
	}
	enter(w, at, end, depth + 1);
	return w->node(w->ctx, depth + 1, flame->canon.frames.rank[frame], sums);
}

void flame_walk(const struct flame *flame, flame_node_fn *node, void *ctx)
{
	struct walk w = { .flame = flame, .node = node, .ctx = ctx };
	bool go_on = true;

	enter(&w, 0, flame->n, 0);
	while (go_on && w.n) {
		const struct range *range = &w.ranges[w.n - 1];

		go_on = range->at < range->end ? next_child(&w) : leave(&w);
	}
	free(w.ranges);
}
