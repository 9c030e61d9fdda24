#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/guard.h"
#include "cli/output.h"
#include "cli/report.h"

static int compare_frames(const struct tm_snapshot *snapshot, tm_id a, tm_id b)
{
	uint32_t na = snapshot->tracebacks[a].nframe;
	uint32_t nb = snapshot->tracebacks[b].nframe;

	for (uint32_t i = 0; i < na && i < nb; i++) {
		struct tm_frame_view fa = tm_traceback_frame(snapshot, a, i);
		struct tm_frame_view fb = tm_traceback_frame(snapshot, b, i);
		int order = tm_text_compare(fa.filename, fb.filename);

		if (order == 0)
			order = (fa.lineno > fb.lineno) - (fa.lineno < fb.lineno);
		if (order)
			return order;
	}
	return (na > nb) - (na < nb);
}

static int compare_traces(const void *pa, const void *pb, void *ctx)
{
	const struct tm_snapshot *snapshot = ctx;
	const struct cli_trace *a = pa, *b = pb;
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
	return (sa->domain > sb->domain) - (sa->domain < sb->domain);
}

struct cli_trace *cli_sorted_traces(const struct tm_snapshot *snapshot,
				    size_t *ret_n)
{
	struct cli_trace *traces =
		tm_reallocarray(NULL, snapshot->nrows + 1, sizeof(*traces));

	for (size_t i = 0; i < snapshot->nrows; i++)
		traces[i] = (struct cli_trace){
			.size = snapshot->rows[i].size,
			.count = snapshot->rows[i].count,
			.site = snapshot->rows[i].site,
		};
	qsort_r(traces, snapshot->nrows, sizeof(*traces), compare_traces,
		(void *)snapshot);
	*ret_n = snapshot->nrows;
	return traces;
}

/* str(Trace): "file:line: size". */
static void head_text(const struct tm_snapshot *snapshot,
		      const struct cli_trace *trace, struct tm_buf *ret)
{
	const struct tm_site *site = &snapshot->sites[trace->site];
	struct tm_frame_view frame =
		tm_traceback_frame(snapshot, site->traceback, 0);
	char size[32];

	tm_buf_add(ret, frame.filename.bytes, frame.filename.len);
	tm_buf_addf(ret, ":%" PRIu32 ": %s", frame.lineno,
		    tm_format_size(size, (double)trace->size, false));
}

static void head_pretty(const struct tm_snapshot *snapshot,
			const struct cli_trace *trace, uint64_t rank,
			struct tm_buf *ret)
{
	char size[32];

	tm_buf_addf(ret, "#%" PRIu64 ": %s, domain %" PRIu32, rank,
		    tm_format_size(size, (double)trace->size, false),
		    snapshot->sites[trace->site].domain);
}

static void print_trace(const struct tm_snapshot *snapshot,
			const struct cli_trace *trace, uint64_t rank,
			bool pretty, const struct tm_source_lines *lines)
{
	TM_GUARD(tm_buf_free) struct tm_buf head = { 0 };
	tm_id traceback = snapshot->sites[trace->site].traceback;

	if (pretty)
		head_pretty(snapshot, trace, rank, &head);
	else
		head_text(snapshot, trace, &head);
	cli_print_line("", head.data, head.len);
	cli_print_traceback(snapshot, traceback, lines);
}

void cli_text_traces(const struct tm_snapshot *snapshot, size_t limit,
		     bool pretty, const struct tm_source_lines *lines)
{
	TM_GUARD(tm_free_ptr) struct cli_trace *traces = NULL;
	uint64_t rank = 0;
	size_t n;

	traces = cli_sorted_traces(snapshot, &n);
	for (size_t i = 0; i < n; i++)
		for (uint64_t k = 0; k < traces[i].count; k++) {
			if (limit && rank == limit)
				return;
			print_trace(snapshot, &traces[i], ++rank, pretty, lines);
		}
}
