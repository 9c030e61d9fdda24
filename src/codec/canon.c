#include "codec/canon.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/order.h"

typedef int compare_fn(const void *a, const void *b, void *canon);

static int compare_strings(const void *a, const void *b, void *ctx)
{
	const struct canon *canon = ctx;
	const struct tm_text *s = canon->snapshot->strings;

	return tm_text_compare(s[*(const tm_id *)a], s[*(const tm_id *)b]);
}

static int compare_modules(const void *a, const void *b, void *ctx)
{
	const struct canon *canon = ctx;
	const struct tm_module *x = &canon->snapshot->modules[*(const tm_id *)a];
	const struct tm_module *y = &canon->snapshot->modules[*(const tm_id *)b];
	int order = tm_order_u64(canon->strings.rank[x->path],
				canon->strings.rank[y->path]);

	return order ? order :
		tm_order_u64(canon_rank1(&canon->strings, x->build_id),
			    canon_rank1(&canon->strings, y->build_id));
}

static int compare_natives(const struct canon *canon, tm_id a, tm_id b)
{
	const struct tm_native_frame *x, *y;
	int order;

	if (a == TM_ID_NONE || b == TM_ID_NONE)
		return (b == TM_ID_NONE) - (a == TM_ID_NONE);
	x = &canon->snapshot->natives[a];
	y = &canon->snapshot->natives[b];
	order = tm_order_u64(canon_rank1(&canon->strings, x->function),
			    canon_rank1(&canon->strings, y->function));
	if (!order)
		order = tm_order_u64(canon_rank1(&canon->modules, x->module),
				    canon_rank1(&canon->modules, y->module));
	if (!order)
		order = tm_order_u64(x->address, y->address);
	return order ? order : tm_order_u64(x->inlined, y->inlined);
}

static int compare_frames(const void *a, const void *b, void *ctx)
{
	const struct canon *canon = ctx;
	const struct tm_frame *x = &canon->snapshot->frames[*(const tm_id *)a];
	const struct tm_frame *y = &canon->snapshot->frames[*(const tm_id *)b];
	int order = tm_order_u64(canon->strings.rank[x->filename],
				canon->strings.rank[y->filename]);

	if (!order)
		order = tm_order_u64(x->lineno, y->lineno);
	if (!order)
		order = compare_natives(canon, x->native, y->native);
	return order ? order : tm_order_u64(canon_rank1(&canon->strings, x->function),
					   canon_rank1(&canon->strings, y->function));
}

enum { TELL_EVERY = 1 << 14, SCALE = 1 << 20 };

/* Merge sort compares about n log2 n times. */
static void tell_sorting(struct canon *canon)
{
	uint64_t half = SCALE / 2, done;

	if (++canon->compared % TELL_EVERY)
		return;
	done = canon->compared < canon->to_compare ? canon->compared
						   : canon->to_compare;
	tm_progress_report(&canon->progress,
			   (uint64_t)((double)half * (double)done /
				      (double)(canon->to_compare + 1)), SCALE);
}

void canon_tell(const struct canon *canon, size_t done, size_t total)
{
	if (done % TELL_EVERY == 0 && total)
		tm_progress_report(&canon->progress, SCALE / 2 + (uint64_t)
				   ((double)done / (double)total * SCALE / 2),
				   SCALE);
}

static int compare_tracebacks(const void *a, const void *b, void *ctx)
{
	struct canon *canon = ctx;
	const struct tm_snapshot *s = canon->snapshot;
	const struct tm_traceback *x = &s->tracebacks[*(const tm_id *)a];
	const struct tm_traceback *y = &s->tracebacks[*(const tm_id *)b];
	uint32_t n = x->nframe < y->nframe ? x->nframe : y->nframe;

	tell_sorting(canon);
	for (uint32_t i = 0; i < n; i++) {
		tm_id f = s->frame_ids[x->first + i];
		tm_id g = s->frame_ids[y->first + i];

		if (f != g)
			return tm_order_u64(canon->frames.rank[f],
					   canon->frames.rank[g]);
	}
	if (x->nframe != y->nframe)
		return tm_order_u64(x->nframe, y->nframe);
	return tm_order_u64(x->total_nframe, y->total_nframe);
}

static int compare_sites(const void *a, const void *b, void *ctx)
{
	const struct canon *canon = ctx;
	const struct tm_site *x = &canon->snapshot->sites[*(const tm_id *)a];
	const struct tm_site *y = &canon->snapshot->sites[*(const tm_id *)b];

	if (x->traceback != y->traceback)
		return tm_order_u64(canon->tracebacks.rank[x->traceback],
				   canon->tracebacks.rank[y->traceback]);
	if (x->domain != y->domain)
		return tm_order_u64(x->domain, y->domain);
	if (x->thread == y->thread)
		return tm_order_u64(x->age, y->age);
	return tm_order_u64(canon_rank1(&canon->strings, x->thread),
			    canon_rank1(&canon->strings, y->thread));
}

static void sort_list(struct canon *canon, struct canon_list *list, size_t n,
		      compare_fn *compare)
{
	list->n = n;
	list->id = tm_malloc((n + !n) * sizeof(*list->id));
	list->rank = tm_malloc((n + !n) * sizeof(*list->rank));
	for (size_t i = 0; i < n; i++)
		list->id[i] = (tm_id)i;
	qsort_r(list->id, n, sizeof(*list->id), compare, canon);
	for (size_t i = 0; i < n; i++)
		list->rank[list->id[i]] = (tm_id)i;
}

/* Rows into the slices of their sites, by counting. */
static void scatter_rows(struct canon *canon)
{
	const struct tm_snapshot *s = canon->snapshot;
	size_t *next = tm_calloc(s->nsites + 1, sizeof(*next));

	for (size_t i = 0; i < s->nrows; i++)
		next[canon->sites.rank[s->rows[i].site] + 1]++;
	for (size_t i = 1; i <= s->nsites; i++)
		next[i] += next[i - 1];
	for (size_t i = 0; i < s->nrows; i++) {
		struct tm_row row = s->rows[i];

		row.site = canon->sites.rank[row.site];
		canon->rows[next[row.site]++] = row;
	}
	free(next);
}

static void insertion_sort(struct tm_row *rows, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct tm_row row = rows[i];
		size_t at = i;

		for (; at && rows[at - 1].size > row.size; at--)
			rows[at] = rows[at - 1];
		rows[at] = row;
	}
}

/*
 * Radix exchange: in place, and no input makes it slow. One level per bit
 * in which the sizes differ.
 */
static void sort_sizes(struct tm_row *rows, size_t n, uint64_t bit)
{
	while (n > 16 && bit) {
		size_t low = 0, high = n;

		while (low < high) {
			struct tm_row row = rows[low];

			if (!(row.size & bit)) {
				low++;
				continue;
			}
			rows[low] = rows[--high];
			rows[high] = row;
		}
		bit >>= 1;
		sort_sizes(rows, low, bit);
		rows += low;
		n -= low;
	}
	if (bit)
		insertion_sort(rows, n);
}

static void sort_slice(struct tm_row *rows, size_t n)
{
	uint64_t differ = 0;
	bool sorted = true;

	for (size_t i = 1; i < n; i++) {
		differ |= rows[i].size ^ rows[0].size;
		sorted &= rows[i - 1].size <= rows[i].size;
	}
	if (!sorted)
		sort_sizes(rows, n, 1ull << (63 - __builtin_clzll(differ)));
}

/*
 * Equal rows become one; a count that would not fit in 32 bits carries over
 * into a second row, filled first, so that the result has only one form.
 */
static void merge_rows(struct canon *canon)
{
	struct tm_row *rows = canon->rows;
	size_t out = 0;

	for (size_t i = 1; i < canon->nrows; i++) {
		uint64_t count = (uint64_t)rows[out].count + rows[i].count;

		if (rows[i].site != rows[out].site ||
		    rows[i].size != rows[out].size) {
			rows[++out] = rows[i];
		} else if (count <= UINT32_MAX) {
			rows[out].count = (uint32_t)count;
		} else {
			struct tm_row rest = rows[i];

			rest.count = (uint32_t)(count - UINT32_MAX);
			rows[out].count = UINT32_MAX;
			rows[++out] = rest;
		}
	}
	if (canon->nrows)
		canon->nrows = out + 1;
}

static void sort_rows(struct canon *canon)
{
	size_t n = canon->snapshot->nrows;

	canon->nrows = n;
	canon->rows = tm_malloc((n + !n) * sizeof(*canon->rows));
	scatter_rows(canon);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n; end++)
			if (canon->rows[end].site != canon->rows[i].site)
				break;
		sort_slice(canon->rows + i, end - i);
	}
	merge_rows(canon);
}

void canon_init(struct canon *canon, const struct tm_snapshot *s,
		const struct tm_progress *progress)
{
	*canon = (struct canon){ .snapshot = s, .progress = *progress };
	for (size_t n = s->ntracebacks; n; n /= 2)
		canon->to_compare += s->ntracebacks;
	tm_progress_report(progress, 0, SCALE);
	sort_list(canon, &canon->strings, s->nstrings, compare_strings);
	sort_list(canon, &canon->modules, s->nmodules, compare_modules);
	sort_list(canon, &canon->frames, s->nframes, compare_frames);
	sort_list(canon, &canon->tracebacks, s->ntracebacks,
		  compare_tracebacks);
	sort_list(canon, &canon->sites, s->nsites, compare_sites);
	sort_rows(canon);
}

void canon_deinit(struct canon *canon)
{
	struct canon_list *lists[] = { &canon->strings, &canon->modules,
				       &canon->frames, &canon->tracebacks,
				       &canon->sites };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		free(lists[i]->id);
		free(lists[i]->rank);
	}
	free(canon->rows);
}
