#include "model/sort.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "model/frame.h"
#include "model/tables.h"

/*
 * The ranks of a snapshot's file names among those of all snapshots that are
 * being sorted: comparing them is comparing the names.
 */
struct ranks {
	const struct tm_snapshot *snapshot;
	uint32_t *of; /* by string id; set for names of frames and groups */
};

struct order {
	const struct tm_stat *items;
	bool diff;
	struct ranks ranks[2]; /* unset until a tie asks for them */
};

/* ---- ranks of names ------------------------------------------------------ */

struct name {
	struct tm_text text;
	uint32_t *rank;
};

struct names {
	struct name *items;
	size_t n, cap;
};

static void add_name(struct names *names, struct ranks *ranks, tm_id id)
{
	if (ranks->of[id])
		return;
	ranks->of[id] = 1; /* listed */
	names->items = tm_grow(names->items, &names->cap, names->n + 1,
			       sizeof(*names->items));
	names->items[names->n++] = (struct name){
		ranks->snapshot->strings[id], &ranks->of[id]
	};
}

static void add_names(struct names *names, struct ranks *ranks)
{
	const struct tm_snapshot *s = ranks->snapshot;

	ranks->of = tm_calloc(s->nstrings, sizeof(*ranks->of));
	for (tm_id id = 0; id < s->nframes; id++) {
		add_name(names, ranks, s->frames[id].filename);
		add_name(names, ranks, frame_filename(s, id));
	}
}

static int compare_names(const void *a, const void *b)
{
	return tm_text_compare(((const struct name *)a)->text,
			       ((const struct name *)b)->text);
}

static void rank_names(struct order *order)
{
	struct names names = { 0 };
	uint32_t rank = 0;

	for (int i = 0; i < 2 && order->ranks[i].snapshot; i++)
		add_names(&names, &order->ranks[i]);
	if (names.n)
		qsort(names.items, names.n, sizeof(*names.items),
		      compare_names);
	for (size_t i = 0; i < names.n; i++) {
		if (i && compare_names(&names.items[i - 1], &names.items[i]))
			rank++;
		*names.items[i].rank = rank;
	}
	free(names.items);
}

static const struct ranks *ranks_of(const struct order *order,
				    const struct tm_snapshot *snapshot)
{
	return &order->ranks[order->ranks[0].snapshot != snapshot];
}

/* ---- comparing ------------------------------------------------------------- */

static int order_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Native frames of one file and no line, by what is known of their code. */
static int compare_symbols(const struct tm_frame_view *a,
			   const struct tm_frame_view *b)
{
	int order = tm_text_compare(a->module, b->module);

	if (!order)
		order = (a->module.bytes != NULL) - (b->module.bytes != NULL);
	if (!order)
		order = tm_text_compare(a->function, b->function);
	if (!order)
		order = (a->function.bytes != NULL) -
			(b->function.bytes != NULL);
	return order || a->function.bytes ? order :
	       order_u64(a->address, b->address);
}

static int compare_frames(const struct ranks *ra, tm_id a,
			  const struct ranks *rb, tm_id b)
{
	const struct tm_frame *fa = &ra->snapshot->frames[a];
	const struct tm_frame *fb = &rb->snapshot->frames[b];
	bool native_a = fa->native != TM_ID_NONE;
	bool native_b = fb->native != TM_ID_NONE;
	struct tm_frame_view va, vb;
	int order = order_u64(ra->of[fa->filename], rb->of[fb->filename]);

	if (!order)
		order = order_u64(fa->lineno, fb->lineno);
	if (!order)
		order = native_a - native_b;
	if (order || !native_a || fa->lineno)
		return order;
	va = frame_view(ra->snapshot, a);
	vb = frame_view(rb->snapshot, b);
	return compare_symbols(&va, &vb);
}

/* As Python compares tuples of (filename, lineno), oldest first. */
static int compare_tracebacks(const struct ranks *ra, tm_id a,
			      const struct ranks *rb, tm_id b)
{
	const tm_id *fa = traceback_frames(ra->snapshot, a);
	const tm_id *fb = traceback_frames(rb->snapshot, b);
	uint32_t na = ra->snapshot->tracebacks[a].nframe;
	uint32_t nb = rb->snapshot->tracebacks[b].nframe;

	for (uint32_t i = 0; i < na && i < nb; i++) {
		int order;

		if (ra == rb && fa[i] == fb[i])
			continue;
		order = compare_frames(ra, fa[i], rb, fb[i]);
		if (order)
			return order;
	}
	return order_u64(na, nb);
}

static int compare_groups(const struct order *order, const struct tm_stat *a,
			  const struct tm_stat *b)
{
	const struct ranks *ra = ranks_of(order, a->snapshot);
	const struct ranks *rb = ranks_of(order, b->snapshot);

	switch (a->key) {
	case TM_KEY_FILENAME:
		return order_u64(ra->of[a->group], rb->of[b->group]);
	case TM_KEY_LINENO:
		return compare_frames(ra, a->group, rb, b->group);
	case TM_KEY_TRACEBACK:
		break;
	}
	return compare_tracebacks(ra, a->group, rb, b->group);
}

static uint64_t magnitude(int64_t n)
{
	return n < 0 ? -(uint64_t)n : (uint64_t)n;
}

/* What statistics are sorted by first. */
static uint64_t first_key(const struct order *order, const struct tm_stat *stat)
{
	return order->diff ? magnitude(stat->size_diff) : stat->size;
}

static int compare_counts(const struct order *order, const struct tm_stat *a,
			  const struct tm_stat *b)
{
	int result = order_u64(a->size, b->size);

	if (!result && order->diff)
		result = order_u64(magnitude(a->count_diff),
				   magnitude(b->count_diff));
	return result ? result : order_u64(a->count, b->count);
}

/* ---- sorting ----------------------------------------------------------------- */

struct entry {
	uint64_t key;
	size_t item;
};

/* For qsort_r: entries of equal key, best first, names left aside. */
static int by_counts(const void *a, const void *b, void *ctx)
{
	const struct order *order = ctx;

	return compare_counts(order,
			      &order->items[((const struct entry *)b)->item],
			      &order->items[((const struct entry *)a)->item]);
}

/* For qsort_r: entries that are equal but for their groups. */
static int by_group(const void *a, const void *b, void *ctx)
{
	const struct order *order = ctx;

	return compare_groups(order,
			      &order->items[((const struct entry *)b)->item],
			      &order->items[((const struct entry *)a)->item]);
}

/*
 * By descending key, a byte at a time from the lowest; most of the upper ones
 * are the same in all entries and are passed over.
 */
static void radix_sort(struct entry *entries, size_t n)
{
	struct entry *other = tm_reallocarray(NULL, n, sizeof(*other));
	struct entry *from = entries, *to = other;

	for (unsigned shift = 0; shift < 64; shift += 8) {
		size_t start[257] = { 0 };
		struct entry *swap = from;

		for (size_t i = 0; i < n; i++)
			start[256 - (from[i].key >> shift & 0xff)]++;
		if (start[256 - (from[0].key >> shift & 0xff)] == n)
			continue;
		for (int digit = 1; digit <= 256; digit++)
			start[digit] += start[digit - 1];
		for (size_t i = 0; i < n; i++)
			to[start[255 - (from[i].key >> shift & 0xff)]++] =
				from[i];
		from = to;
		to = swap;
	}
	if (from != entries)
		memcpy(entries, from, n * sizeof(*entries));
	free(other);
}

/* The end of the run of entries that compare equal to the first. */
static size_t run_end(const struct order *order, const struct entry *entries,
		      size_t first, size_t n, bool counts)
{
	size_t end = first + 1;

	while (end < n && entries[end].key == entries[first].key &&
	       (!counts ||
		!compare_counts(order, &order->items[entries[first].item],
				&order->items[entries[end].item])))
		end++;
	return end;
}

static void sort_ties(struct order *order, struct entry *entries, size_t n)
{
	for (size_t first = 0, end; first < n; first = end) {
		end = run_end(order, entries, first, n, false);
		if (end > first + 1)
			qsort_r(&entries[first], end - first, sizeof(*entries),
				by_counts, order);
	}
	for (size_t first = 0, end; first < n; first = end) {
		end = run_end(order, entries, first, n, true);
		if (end == first + 1)
			continue;
		if (!order->ranks[0].of)
			rank_names(order);
		qsort_r(&entries[first], end - first, sizeof(*entries),
			by_group, order);
	}
}

static void find_snapshots(struct order *order, size_t n)
{
	order->ranks[0].snapshot = order->items[0].snapshot;
	for (size_t i = 1; i < n; i++) {
		if (order->items[i].snapshot != order->ranks[0].snapshot) {
			order->ranks[1].snapshot = order->items[i].snapshot;
			return;
		}
	}
}

void sort_stats(struct tm_stat *items, size_t n, bool diff)
{
	struct order order = { .items = items, .diff = diff };
	struct entry *entries;
	struct tm_stat *sorted;

	if (n < 2)
		return;
	entries = tm_reallocarray(NULL, n, sizeof(*entries));
	sorted = tm_reallocarray(NULL, n, sizeof(*sorted));
	find_snapshots(&order, n);
	for (size_t i = 0; i < n; i++)
		entries[i] = (struct entry){ first_key(&order, &items[i]), i };
	radix_sort(entries, n);
	sort_ties(&order, entries, n);
	for (size_t i = 0; i < n; i++)
		sorted[i] = items[entries[i].item];
	memcpy(items, sorted, n * sizeof(*items));
	free(order.ranks[0].of);
	free(order.ranks[1].of);
	free(entries);
	free(sorted);
}
