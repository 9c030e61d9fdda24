#include "cli/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/map.h"
#include "base/utf8.h"
#include "tmattach/stats.h"

struct printer {
	struct cli_metrics *metrics;
	bool openmetrics;
	const struct cli_metric_row *rows;
	size_t n;
	struct tm_buf *out;
};

void cli_metrics_free(struct cli_metrics *metrics)
{
	free(metrics->places);
	*metrics = (struct cli_metrics){ 0 };
}

/* Escaped for a terminal first, then for the quotes. Cut between characters. */
static void add_label(struct tm_buf *out, const char *name, const char *bytes,
		      size_t len)
{
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	size_t n;

	tm_buf_add(&text, "", 0);
	tm_utf8_add_visible(&text, bytes, len);
	n = text.len < CLI_LABEL_MAX ? text.len : CLI_LABEL_MAX;
	while (n < text.len && ((unsigned char)text.data[n] & 0xc0) == 0x80)
		n--;
	tm_buf_addf(out, "%s=\"", name);
	for (size_t i = 0; i < n; i++) {
		if (text.data[i] == '\\' || text.data[i] == '"')
			tm_buf_addc(out, '\\');
		tm_buf_addc(out, text.data[i]);
	}
	tm_buf_addc(out, '"');
}

/* ---- figures of a process -------------------------------------------------- */

static bool is_on(const struct cli_metric_row *row)
{
	return row->status->tracing == TM_TRACING_ON;
}

static bool get_tracing(const struct cli_metric_row *row, double *ret)
{
	*ret = is_on(row);
	return true;
}

static bool get_resident(const struct cli_metric_row *row, double *ret)
{
	*ret = (double)row->status->rss;
	return true;
}

static bool get_current(const struct cli_metric_row *row, double *ret)
{
	*ret = (double)row->status->traced_current;
	return is_on(row);
}

static bool get_peak(const struct cli_metric_row *row, double *ret)
{
	*ret = (double)row->status->traced_peak;
	return is_on(row);
}

static bool get_traces(const struct cli_metric_row *row, double *ret)
{
	*ret = row->snapshot ? (double)row->snapshot->total_count : 0;
	return row->snapshot != NULL;
}

static bool get_tracer(const struct cli_metric_row *row, double *ret)
{
	*ret = row->snapshot ? (double)row->snapshot->meta.tracer_memory : 0;
	return row->snapshot != NULL;
}

static bool get_paused(const struct cli_metric_row *row, double *ret)
{
	*ret = row->paused_seconds;
	return true;
}

static bool get_snapshots(const struct cli_metric_row *row, double *ret)
{
	*ret = (double)row->snapshots;
	return true;
}

static const struct figure {
	const char *name, *unit, *help; /* the unit is part of the name */
	bool counter;
	bool (*get)(const struct cli_metric_row *row, double *ret);
} figures[] = {
	{ "tmattach_tracing", NULL, "1 if the process is tracing its allocations.",
	  false, get_tracing },
	{ "tmattach_resident_bytes", "bytes", "Resident memory of the process.",
	  false, get_resident },
	{ "tmattach_traced_bytes", "bytes", "Current size of the traced memory.",
	  false, get_current },
	{ "tmattach_traced_peak_bytes", "bytes", "Peak size of the traced memory.",
	  false, get_peak },
	{ "tmattach_traces", NULL, "Traced memory blocks.", false, get_traces },
	{ "tmattach_tracer_bytes", "bytes", "Memory of tracemalloc itself.", false,
	  get_tracer },
	{ "tmattach_paused_seconds", "seconds", "Total time for which the process "
	  "was stopped to be read.", true, get_paused },
	{ "tmattach_snapshots", NULL, "Snapshot files written.", true,
	  get_snapshots },
};

static void begin(struct printer *p, const char *name, const char *unit,
		  const char *help, bool counter)
{
	const char *total = counter && !p->openmetrics ? "_total" : "";

	tm_buf_addf(p->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, total, help,
		    name, total, counter ? "counter" : "gauge");
	if (p->openmetrics && unit)
		tm_buf_addf(p->out, "# UNIT %s %s\n", name, unit);
}

static void print_figure(struct printer *p, const struct figure *figure)
{
	begin(p, figure->name, figure->unit, figure->help, figure->counter);
	for (size_t i = 0; i < p->n; i++) {
		double value;

		if (figure->get(&p->rows[i], &value))
			tm_buf_addf(p->out, "%s%s{pid=\"%d\"} %.17g\n",
				    figure->name, figure->counter ? "_total" : "",
				    (int)p->rows[i].pid, value);
	}
}

static void print_processes(struct printer *p)
{
	begin(p, "tmattach_process_info", NULL, "The processes that are watched.",
	      false);
	for (size_t i = 0; i < p->n; i++) {
		const struct cli_metric_row *row = &p->rows[i];

		tm_buf_addf(p->out, "tmattach_process_info{pid=\"%d\",",
			    (int)row->pid);
		add_label(p->out, "runtime", row->status->runtime,
			  strlen(row->status->runtime));
		tm_buf_addc(p->out, ',');
		add_label(p->out, "command", row->command, strlen(row->command));
		tm_buf_adds(p->out, "} 1\n");
	}
}

/* ---- the largest places ------------------------------------------------------ */

static uint64_t hash_place(struct tm_frame_view frame)
{
	uint64_t hash = tm_hash_u64(frame.lineno);

	for (size_t i = 0; i < frame.filename.len; i++)
		hash = tm_hash_u64(hash ^ (unsigned char)frame.filename.bytes[i]);
	return hash;
}

static bool may_be_named(struct cli_metrics *metrics, struct tm_frame_view frame)
{
	uint64_t hash = hash_place(frame);

	for (size_t i = 0; i < metrics->nplaces; i++)
		if (metrics->places[i] == hash)
			return true;
	if (metrics->nplaces >= metrics->top * CLI_PLACES_PER_TOP)
		return false;
	metrics->places = tm_grow(metrics->places, &metrics->places_cap,
				  metrics->nplaces + 1, sizeof(*metrics->places));
	metrics->places[metrics->nplaces++] = hash;
	return true;
}

static void print_place(struct tm_buf *out, const struct cli_metric_row *row,
			const struct tm_stat *stat, bool blocks)
{
	struct tm_frame_view frame = tm_stat_frame(stat, 0);

	tm_buf_addf(out, "tmattach_place_%s{pid=\"%d\",",
		    blocks ? "blocks" : "bytes", (int)row->pid);
	add_label(out, "filename", frame.filename.bytes, frame.filename.len);
	tm_buf_addf(out, ",lineno=\"%" PRIu32 "\"} %" PRIu64 "\n", frame.lineno,
		    blocks ? stat->count : stat->size);
}

/* Places of one process; what is not named goes into *ret_other. */
static void print_places(struct printer *p, const struct cli_metric_row *row,
			 const struct tm_stats *stats, struct tm_buf *blocks,
			 uint64_t *ret_other)
{
	size_t shown = 0;

	*ret_other = stats->total_size;
	for (size_t i = 0; i < stats->n && shown < p->metrics->top; i++) {
		const struct tm_stat *stat = &stats->items[i];

		if (!may_be_named(p->metrics, tm_stat_frame(stat, 0)))
			continue;
		print_place(p->out, row, stat, false);
		print_place(blocks, row, stat, true);
		*ret_other -= stat->size;
		shown++;
	}
}

static void print_all_places(struct printer *p)
{
	static const struct tm_query query = { .key = TM_KEY_LINENO };
	TM_GUARD(tm_buf_free) struct tm_buf blocks = { 0 };
	TM_GUARD(tm_buf_free) struct tm_buf others = { 0 };

	begin(p, "tmattach_place_bytes", "bytes", "Size of the blocks allocated at "
	      "the largest places.", false);
	for (size_t i = 0; i < p->n; i++) {
		const struct cli_metric_row *row = &p->rows[i];
		struct tm_stats *stats;
		struct tm_err err;
		uint64_t other;

		if (!row->snapshot)
			continue;
		stats = tm_snapshot_statistics(row->snapshot, &query, &err);
		if (!stats)
			continue;
		print_places(p, row, stats, &blocks, &other);
		tm_buf_addf(&others, "tmattach_other_places_bytes{pid=\"%d\"} %"
			    PRIu64 "\n", (int)row->pid, other);
		tm_stats_destroy(stats);
	}
	begin(p, "tmattach_place_blocks", NULL, "Blocks allocated at the largest "
	      "places.", false);
	tm_buf_add(p->out, blocks.len ? blocks.data : "", blocks.len);
	begin(p, "tmattach_other_places_bytes", "bytes", "Size of the blocks "
	      "allocated elsewhere.", false);
	tm_buf_add(p->out, others.len ? others.data : "", others.len);
}

void cli_metrics_print(struct cli_metrics *metrics, bool openmetrics,
		       const struct cli_metric_row *rows, size_t n,
		       struct tm_buf *out)
{
	struct printer printer = { metrics, openmetrics, rows, n, out };

	print_processes(&printer);
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		print_figure(&printer, &figures[i]);
	if (metrics->top)
		print_all_places(&printer);
	if (openmetrics)
		tm_buf_adds(out, "# EOF\n");
}
