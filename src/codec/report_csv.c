/* The CSV forms of the reports: one row per group, or name and value. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/guard.h"
#include "codec/codec.h"
#include "codec/csv.h"
#include "codec/json_shape.h"
#include "codec/report.h"
#include "codec/text.h"

/* filename and lineno of the most recent frame, then all frames. */
static void add_location(struct tm_buf *row, const struct tm_stat *stat)
{
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	uint32_t n = tm_stat_nframe(stat);
	struct tm_frame_view last = tm_stat_frame(stat, n - 1);

	for (uint32_t i = 0; i < n; i++) {
		if (i)
			tm_buf_addc(&text, ';');
		csv_add_frame(&text, tm_stat_frame(stat, i));
	}
	csv_add_name(row, last.filename);
	tm_buf_addf(row, ",%" PRIu32 ",", last.lineno);
	csv_add_field(row, text.data, text.len);
}

static void add_stat(struct tm_buf *row, const struct tm_stat *stat)
{
	double average = stat->count ?
		(double)stat->size / (double)stat->count : 0.0;

	tm_buf_addf(row, "%" PRIu64 ",%" PRIu64 ",%.3f,", stat->size,
		    stat->count, average);
}

static void add_diff(struct tm_buf *row, const struct tm_stat *stat)
{
	tm_buf_addf(row, "%" PRIu64 ",%" PRId64 ",%" PRIu64 ",%" PRId64 ",",
		    stat->size, stat->size_diff, stat->count, stat->count_diff);
}

static void add_shares(struct tm_buf *row, const struct tm_parts *parts, size_t i)
{
	for (size_t k = 0; k < parts->n; k++)
		tm_buf_addf(row, ",%" PRIu64, parts->shares[i * parts->n + k].size);
}

static bool put_rows(const struct tm_stats *stats, size_t limit,
		     const struct tm_parts *parts, FILE *out, struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf row = { 0 };
	size_t n = limit && limit < stats->n ? limit : stats->n;

	for (size_t i = 0; i < n && !ferror(out); i++) {
		tm_buf_clear(&row);
		if (stats->is_diff)
			add_diff(&row, &stats->items[i]);
		else
			add_stat(&row, &stats->items[i]);
		add_location(&row, &stats->items[i]);
		if (parts)
			add_shares(&row, parts, i);
		tm_buf_adds(&row, "\r\n");
		fwrite(row.data, 1, row.len, out);
	}
	return codec_written(out, err);
}

bool tm_write_stats_csv(const struct tm_stats *stats, size_t limit, FILE *out,
			struct tm_err *err)
{
	fputs("size,count,average,filename,lineno,traceback\r\n", out);
	return put_rows(stats, limit, NULL, out, err);
}

/* A process' column is called by its pid, a file's by its name. */
static void add_column(struct tm_buf *row, const struct tm_parts *parts, size_t k)
{
	TM_GUARD(tm_buf_free) struct tm_buf name = { 0 };

	if (parts->files[k])
		text_from_fs(&name, parts->files[k], strlen(parts->files[k]));
	else
		tm_buf_addf(&name, "pid %" PRId32, parts->snapshots[k]->meta.pid);
	tm_buf_addc(row, ',');
	csv_add_field(row, name.data, name.len);
}

bool tm_write_merged_csv(const struct tm_stats *stats, size_t limit,
			 const struct tm_parts *parts, FILE *out,
			 struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf row = { 0 };

	tm_buf_adds(&row, "size,count,average,filename,lineno,traceback");
	for (size_t k = 0; k < parts->n; k++)
		add_column(&row, parts, k);
	tm_buf_adds(&row, "\r\n");
	fwrite(row.data, 1, row.len, out);
	return put_rows(stats, limit, parts, out, err);
}

bool tm_write_diff_csv(const struct tm_stats *stats, size_t limit, FILE *out,
		       struct tm_err *err)
{
	fputs("size,size_diff,count,count_diff,filename,lineno,traceback\r\n",
	      out);
	return put_rows(stats, limit, NULL, out, err);
}

static void add_number(struct tm_buf *text, const char *name, uint64_t value)
{
	tm_buf_addf(text, "%s,%" PRIu64 "\r\n", name, value);
}

static void add_string(struct tm_buf *text, const char *name, const char *value)
{
	TM_GUARD(tm_buf_free) struct tm_buf decoded = { 0 };

	tm_buf_add(&decoded, "", 0);
	if (value)
		text_from_fs(&decoded, value, strlen(value));
	tm_buf_addf(text, "%s,", name);
	csv_add_name(text, (struct tm_text){ decoded.data, decoded.len });
	tm_buf_adds(text, "\r\n");
}

static void add_domains(struct tm_buf *text, const struct tm_snapshot *snapshot)
{
	size_t n;
	struct report_domain *domains = report_domains(snapshot, &n);

	for (size_t i = 0; i < n; i++) {
		tm_buf_addf(text, "domain %" PRIu32 " traces,%" PRIu64 "\r\n",
			    domains[i].domain, domains[i].traces);
		tm_buf_addf(text, "domain %" PRIu32 " size,%" PRIu64 "\r\n",
			    domains[i].domain, domains[i].size);
	}
	free(domains);
}

static void add_memory(struct tm_buf *text, const struct tm_memory *memory,
		       const struct tm_snapshot *snapshot, bool tracing)
{
	struct tm_figure figures[TM_MEMORY_FIGURES];
	size_t n = tm_memory_figures(memory, snapshot, tracing, figures);

	for (size_t i = 0; i < n; i++) {
		tm_buf_adds(text, "memory ");
		add_number(text, figures[i].name, figures[i].bytes);
	}
}

bool tm_write_info_csv(const struct tm_snapshot *snapshot, bool tracing,
		       const char *source_file, FILE *out, struct tm_err *err)
{
	return tm_write_info_memory_csv(snapshot, tracing, source_file, NULL,
					out, err);
}

bool tm_write_info_memory_csv(const struct tm_snapshot *snapshot, bool tracing,
			      const char *source_file,
			      const struct tm_memory *memory, FILE *out,
			      struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	const struct tm_meta *meta = &snapshot->meta;
	char when[40] = "";

	tm_buf_adds(&text, "name,value\r\n");
	if (meta->pid)
		add_number(&text, "pid", (uint64_t)meta->pid);
	add_string(&text, "file", source_file);
	add_string(&text, "runtime", meta->runtime);
	add_string(&text, "taken_at",
		   meta->taken_at ? json_time(when, meta->taken_at) : "");
	add_string(&text, "tracing", tracing ? "true" : "false");
	add_number(&text, "traceback_limit", meta->traceback_limit);
	add_number(&text, "current", meta->traced_current);
	add_number(&text, "peak", meta->traced_peak);
	add_number(&text, "tracer_memory", meta->tracer_memory);
	add_number(&text, "traces", snapshot->total_count);
	add_domains(&text, snapshot);
	tm_buf_addf(&text, "pause_ms,%.3f\r\n", (double)meta->pause_ns / 1e6);
	if (memory)
		add_memory(&text, memory, snapshot, tracing);
	fwrite(text.data, 1, text.len, out);
	return codec_written(out, err);
}
