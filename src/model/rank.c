#include "model/rank.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/order.h"
#include "model/frame.h"
#include "model/radix.h"
#include "model/function.h"

/* ---- names ---------------------------------------------------------------- */

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
	if (ranks->names[id])
		return;
	ranks->names[id] = 1; /* listed */
	names->items = tm_grow(names->items, &names->cap, names->n + 1,
			       sizeof(*names->items));
	names->items[names->n++] = (struct name){
		ranks->snapshot->strings[id], &ranks->names[id]
	};
}

static void add_function(struct names *names, struct ranks *ranks, tm_id id)
{
	const struct tm_snapshot *s = ranks->snapshot;
	tm_id name = function_of(tables_of(s), &s->frames[id]).name;

	if (name != TM_ID_NONE)
		add_name(names, ranks, name);
}

static void add_names(struct names *names, struct ranks *ranks)
{
	const struct tm_snapshot *s = ranks->snapshot;

	ranks->names = tm_calloc(s->nstrings, sizeof(*ranks->names));
	for (tm_id id = 0; id < s->nframes; id++) {
		add_name(names, ranks, s->frames[id].filename);
		add_name(names, ranks, frame_filename(s, id));
		add_function(names, ranks, id);
	}
}

static int compare_names(const void *a, const void *b)
{
	return tm_text_compare(((const struct name *)a)->text,
			       ((const struct name *)b)->text);
}

static void rank_names(struct ranks ranks[2])
{
	struct names names = { 0 };
	uint32_t rank = 1;

	for (int i = 0; i < 2 && ranks[i].snapshot; i++)
		add_names(&names, &ranks[i]);
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

/* ---- frames ----------------------------------------------------------------- */

/* Which of the two snapshots, and the frame's id. */
static uint64_t frame_item(unsigned which, tm_id id)
{
	return (uint64_t)which << 32 | id;
}

static const struct tm_frame *frame_of(const struct ranks *ranks, uint64_t item)
{
	return &ranks[item >> 32].snapshot->frames[(tm_id)item];
}

/* An unknown text is less than any known one. */
static int compare_optional(struct tm_text a, struct tm_text b)
{
	if (!a.bytes || !b.bytes)
		return (a.bytes != NULL) - (b.bytes != NULL);
	return tm_text_compare(a, b);
}

/* Frames of one file and line: Python's, then native ones by their code. */
static int compare_code(const struct ranks *ranks, uint64_t a, uint64_t b)
{
	const struct tm_frame *fa = frame_of(ranks, a), *fb = frame_of(ranks, b);
	bool native_a = fa->native != TM_ID_NONE;
	bool native_b = fb->native != TM_ID_NONE;
	struct tm_frame_view va, vb;
	int order;

	if (native_a != native_b || !native_a || fa->lineno)
		return native_a - native_b;
	va = tm_snapshot_frame(ranks[a >> 32].snapshot, (tm_id)a);
	vb = tm_snapshot_frame(ranks[b >> 32].snapshot, (tm_id)b);
	order = compare_optional(va.module, vb.module);
	if (!order)
		order = compare_optional(va.function, vb.function);
	return order || va.function.bytes ? order :
	       tm_order_u64(va.address, vb.address);
}

/* For qsort_r: descending, as radix_sort() does. */
static int by_code(const void *a, const void *b, void *ranks)
{
	return compare_code(ranks, ((const struct radix_entry *)b)->item,
			    ((const struct radix_entry *)a)->item);
}

static size_t list_frames(const struct ranks *ranks, unsigned which,
			  struct radix_entry *entries)
{
	const struct tm_snapshot *s = ranks[which].snapshot;

	for (tm_id id = 0; id < s->nframes; id++) {
		uint64_t name = ranks[which].names[s->frames[id].filename];

		entries[id] = (struct radix_entry){
			name << 32 | s->frames[id].lineno,
			frame_item(which, id)
		};
	}
	return s->nframes;
}

static void sort_code(struct ranks *ranks, struct radix_entry *entries,
		      size_t n)
{
	for (size_t first = 0, end; first < n; first = end) {
		end = first + 1;
		while (end < n && entries[end].key == entries[first].key)
			end++;
		if (end > first + 1)
			qsort_r(&entries[first], end - first, sizeof(*entries),
				by_code, ranks);
	}
}

static void rank_frames(struct ranks ranks[2])
{
	size_t n = ranks[0].snapshot->nframes;
	size_t more = ranks[1].snapshot ? ranks[1].snapshot->nframes : 0;
	struct radix_entry *entries =
		tm_reallocarray(NULL, n + more, sizeof(*entries));
	uint32_t rank = 1;

	for (unsigned i = 0, at = 0; i < 2 && ranks[i].snapshot; i++) {
		at += list_frames(ranks, i, &entries[at]);
		ranks[i].frames = tm_calloc(ranks[i].snapshot->nframes,
					    sizeof(*ranks[i].frames));
	}
	n += more;
	radix_sort(entries, n);
	if (ranks[0].snapshot->nnatives ||
	    (ranks[1].snapshot && ranks[1].snapshot->nnatives))
		sort_code(ranks, entries, n);
	for (size_t i = n; i-- > 0;) {
		const struct radix_entry *e = &entries[i];

		if (i + 1 < n && (e[0].key != e[1].key ||
				  compare_code(ranks, e[0].item, e[1].item)))
			rank++;
		ranks[e->item >> 32].frames[(tm_id)e->item] = rank;
	}
	free(entries);
}

void ranks_compute(struct ranks ranks[2])
{
	rank_names(ranks);
	rank_frames(ranks);
}

void ranks_free(struct ranks ranks[2])
{
	for (int i = 0; i < 2; i++) {
		free(ranks[i].names);
		free(ranks[i].frames);
		ranks[i] = (struct ranks){ 0 };
	}
}
