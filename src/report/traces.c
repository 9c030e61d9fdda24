/* `traces`. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/order.h"
#include "report/line.h"
#include "tmattach/file.h"

static int compare_frames(const struct tm_snapshot *snapshot, tm_id a, tm_id b)
{
	uint32_t na = snapshot->tracebacks[a].nframe;
	uint32_t nb = snapshot->tracebacks[b].nframe;

	for (uint32_t i = 0; i < na && i < nb; i++) {
		struct tm_frame_view fa = tm_traceback_frame(snapshot, a, i);
		struct tm_frame_view fb = tm_traceback_frame(snapshot, b, i);
		int order = tm_text_compare(fa.filename, fb.filename);

		if (order == 0)
			order = tm_order_u64(fa.lineno, fb.lineno);
		if (order)
			return order;
	}
	return tm_order_u64(na, nb);
}

static int compare_rows(const void *pa, const void *pb, void *ctx)
{
	const struct tm_snapshot *snapshot = ctx;
	const struct tm_row *a = pa, *b = pb;
	const struct tm_site *sa = &snapshot->sites[a->site];
	const struct tm_site *sb = &snapshot->sites[b->site];
	int order;

	if (a->size != b->size)
		return a->size < b->size ? 1 : -1;
	if (a->site == b->site)
		return 0;
	order = compare_frames(snapshot, sa->traceback, sb->traceback);
	if (order)
		return order;
	return tm_order_u64(sa->domain, sb->domain);
}

/* The rows of as many traces as the limit lets through: largest first, then by
 * traceback and domain. */
static struct tm_row *first_rows(const struct tm_snapshot *snapshot, size_t limit,
				 size_t *ret_n)
{
	struct tm_row *rows =
		tm_reallocarray(NULL, snapshot->nrows + 1, sizeof(*rows));
	uint64_t left = limit ? limit : UINT64_MAX;
	size_t n = 0;

	for (size_t i = 0; i < snapshot->nrows; i++)
		rows[i] = snapshot->rows[i];
	qsort_r(rows, snapshot->nrows, sizeof(*rows), compare_rows,
		(void *)snapshot);
	for (; n < snapshot->nrows && left; n++) {
		if (rows[n].count > left)
			rows[n].count = (uint32_t)left;
		left -= rows[n].count;
	}
	*ret_n = n;
	return rows;
}

/* ---- text and pretty ---------------------------------------------------------- */

/* str(Trace): "file:line: size". */
static void add_text(struct tm_buf *head, const struct tm_snapshot *snapshot,
		     const struct tm_row *row)
{
	struct tm_frame_view frame = tm_traceback_frame(
		snapshot, snapshot->sites[row->site].traceback, 0);
	char size[32];

	tm_buf_add(head, frame.filename.bytes, frame.filename.len);
	tm_buf_addf(head, ":%" PRIu32 ": %s", frame.lineno,
		    tm_format_size(size, (double)row->size, false));
}

static void print_trace(const struct report *how, const struct tm_snapshot *snapshot,
			const struct tm_row *row, uint64_t rank)
{
	const struct tm_site *site = &snapshot->sites[row->site];
	TM_GUARD(tm_buf_free) struct tm_buf head = { 0 };
	char size[32];

	if (how->form == REPORT_PRETTY)
		tm_buf_addf(&head, "#%" PRIu64 ": %s, domain %" PRIu32, rank,
			    tm_format_size(size, (double)row->size, false),
			    site->domain);
	else
		add_text(&head, snapshot, row);
	line_print_buf(how->out, "", &head);
	line_print_traceback(how, snapshot, site->traceback);
}

static void print_traces(const struct report *how, const struct tm_snapshot *snapshot)
{
	uint64_t rank = 0;

	for (size_t i = 0; i < snapshot->nrows; i++)
		for (uint32_t k = 0; k < snapshot->rows[i].count; k++)
			print_trace(how, snapshot, &snapshot->rows[i], ++rank);
}

bool report_traces(const struct report *how, const struct tm_snapshot *snapshot,
		   struct tm_err *err)
{
	const struct tm_codec_opts opts = { 0 };
	TM_GUARD(tm_free_ptr) struct tm_row *rows = NULL;
	struct tm_snapshot first = *snapshot; /* but for rows, the same */

	if (how->limit || !report_is_for_scripts(how->form)) {
		rows = first_rows(snapshot, how->limit, &first.nrows);
		first.rows = rows;
	}
	switch (how->form) {
	case REPORT_TEXT:
	case REPORT_PRETTY:
		print_traces(how, &first);
		break;
	case REPORT_JSON:
		return tm_codec_by_name("jsonl")->write(&first, how->out, &opts, err);
	case REPORT_CSV:
		return tm_codec_by_name("csv")->write(&first, how->out, &opts, err);
	}
	return true;
}
