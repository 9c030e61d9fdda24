/* The JSON reports of the man page: one object, its records one by one. */
#include <inttypes.h>
#include <string.h>

#include "base/guard.h"
#include "codec/codec.h"
#include "codec/json_shape.h"
#include "codec/report.h"

static const char *const key_names[] = {
	[TM_KEY_FILENAME] = "filename",
	[TM_KEY_LINENO] = "lineno",
	[TM_KEY_TRACEBACK] = "traceback",
};

static json_t *report_head(const char *format)
{
	json_t *head = json_object();

	json_object_set_new(head, "format", json_string(format));
	json_object_set_new(head, "version", json_integer(1));
	return head;
}

static void set_query(json_t *head, const struct tm_query *query)
{
	json_object_set_new(head, "key", json_string(key_names[query->key]));
	json_object_set_new(head, "cumulative", json_boolean(query->cumulative));
}

static void set_traceback(json_t *object, const struct tm_stat *stat)
{
	json_t *frames = json_array();

	for (uint32_t i = 0; i < tm_stat_nframe(stat); i++)
		json_array_append_new(frames, json_frame(tm_stat_frame(stat, i)));
	json_object_set_new(object, "total_nframe", json_null());
	json_object_set_new(object, "traceback", frames);
}

/* `shares` of this group, one per part. */
static void set_shares(json_t *object, const struct tm_share *shares, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *share = json_object();

		json_object_set_new(share, "size", json_count(shares[i].size));
		json_object_set_new(share, "count", json_count(shares[i].count));
		json_array_append_new(list, share);
	}
	json_object_set_new(object, "shares", list);
}

static void add_stat(struct tm_buf *buf, const struct tm_stat *stat,
		     const struct tm_share *shares, size_t nshares)
{
	double average = stat->count ?
		(double)stat->size / (double)stat->count : 0.0;
	json_t *object = json_object();

	json_object_set_new(object, "size", json_count(stat->size));
	json_object_set_new(object, "count", json_count(stat->count));
	json_object_set_new(object, "average", json_real(average));
	set_traceback(object, stat);
	if (shares)
		set_shares(object, shares, nshares);
	json_append_real(buf, object, average);
	json_decref(object);
}

static void add_diff(struct tm_buf *buf, const struct tm_stat *stat)
{
	json_t *object = json_object();

	json_object_set_new(object, "size", json_count(stat->size));
	json_object_set_new(object, "size_diff", json_integer(stat->size_diff));
	json_object_set_new(object, "count", json_count(stat->count));
	json_object_set_new(object, "count_diff",
			    json_integer(stat->count_diff));
	set_traceback(object, stat);
	json_append(buf, object);
	json_decref(object);
}

/* `head`'s last member is the empty list that the items go into. */
static bool put_list(json_t *head, const struct tm_stats *stats, size_t limit,
		     const struct tm_parts *parts, FILE *out, struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf buf = { 0 };
	size_t n = limit && limit < stats->n ? limit : stats->n;

	json_begin_list(&buf, head);
	for (size_t i = 0; i < n && !ferror(out); i++) {
		if (i)
			tm_buf_addc(&buf, ',');
		if (stats->is_diff)
			add_diff(&buf, &stats->items[i]);
		else
			add_stat(&buf, &stats->items[i],
				 parts ? parts->shares + i * parts->n : NULL,
				 parts ? parts->n : 0);
		fwrite(buf.data, 1, buf.len, out);
		tm_buf_clear(&buf);
	}
	json_end_list(&buf);
	fwrite(buf.data, 1, buf.len, out);
	return codec_written(out, err);
}

static json_t *stats_head(const struct tm_stats *stats,
			  const struct tm_meta *source, const char *source_file)
{
	json_t *head = report_head("tmattach-stats"), *total = json_object();

	json_object_set_new(total, "size", json_count(stats->total_size));
	json_object_set_new(total, "count", json_count(stats->total_count));
	json_object_set_new(total, "groups", json_count(stats->n));
	json_object_set_new(head, "source", json_source(source, source_file));
	set_query(head, &stats->query);
	json_object_set_new(head, "total", total);
	return head;
}

bool tm_write_stats_json(const struct tm_stats *stats, size_t limit,
			 const struct tm_meta *source, const char *source_file,
			 FILE *out, struct tm_err *err)
{
	json_t *head = stats_head(stats, source, source_file);

	json_object_set_new(head, "statistics", json_array());
	return put_list(head, stats, limit, NULL, out, err);
}

bool tm_write_merged_json(const struct tm_stats *stats, size_t limit,
			  const struct tm_meta *source,
			  const struct tm_parts *parts, FILE *out,
			  struct tm_err *err)
{
	json_t *head = stats_head(stats, source, NULL), *sources = json_array();

	for (size_t i = 0; i < parts->n; i++)
		json_array_append_new(sources, json_source(
			&parts->snapshots[i]->meta, parts->files[i]));
	json_object_set_new(head, "sources", sources);
	json_object_set_new(head, "statistics", json_array());
	return put_list(head, stats, limit, parts, out, err);
}

bool tm_write_diff_json(const struct tm_stats *stats, size_t limit,
			const struct tm_meta *older, const char *older_file,
			const struct tm_meta *newer, const char *newer_file,
			FILE *out, struct tm_err *err)
{
	json_t *head = report_head("tmattach-diff");

	json_object_set_new(head, "old", json_source(older, older_file));
	json_object_set_new(head, "new", json_source(newer, newer_file));
	set_query(head, &stats->query);
	json_object_set_new(head, "differences", json_array());
	return put_list(head, stats, limit, NULL, out, err);
}

static json_t *domains_array(const struct tm_snapshot *snapshot)
{
	json_t *array = json_array();
	struct report_domain *domains;
	size_t n;

	domains = report_domains(snapshot, &n);
	for (size_t i = 0; i < n; i++) {
		json_t *domain = json_object();

		json_object_set_new(domain, "domain",
				    json_integer(domains[i].domain));
		json_object_set_new(domain, "traces",
				    json_count(domains[i].traces));
		json_object_set_new(domain, "size", json_count(domains[i].size));
		json_array_append_new(array, domain);
	}
	free(domains);
	return array;
}

static json_t *memory_json(const struct tm_memory *memory,
			   const struct tm_snapshot *snapshot, bool tracing)
{
	struct tm_figure figures[TM_MEMORY_FIGURES];
	size_t n = tm_memory_figures(memory, snapshot, tracing, figures);
	json_t *object = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(object, figures[i].name,
				    json_count(figures[i].bytes));
	return object;
}

bool tm_write_info_json(const struct tm_snapshot *snapshot, bool tracing,
			const char *source_file, FILE *out, struct tm_err *err)
{
	return tm_write_info_memory_json(snapshot, tracing, source_file, NULL,
					 out, err);
}

bool tm_write_info_memory_json(const struct tm_snapshot *snapshot, bool tracing,
			       const char *source_file,
			       const struct tm_memory *memory, FILE *out,
			       struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf buf = { 0 };
	const struct tm_meta *meta = &snapshot->meta;
	double pause_ms = (double)meta->pause_ns / 1e6;
	json_t *info = report_head("tmattach-info"), *traced = json_object();

	json_object_set_new(traced, "current", json_count(meta->traced_current));
	json_object_set_new(traced, "peak", json_count(meta->traced_peak));
	json_object_set_new(info, "source", json_source(meta, source_file));
	json_object_set_new(info, "tracing", json_boolean(tracing));
	json_object_set_new(info, "traceback_limit",
			    json_integer(meta->traceback_limit));
	json_object_set_new(info, "traced_memory", traced);
	json_object_set_new(info, "tracer_memory",
			    json_count(meta->tracer_memory));
	json_object_set_new(info, "traces", json_count(snapshot->total_count));
	json_object_set_new(info, "domains", domains_array(snapshot));
	json_object_set_new(info, "pause_ms", json_real(pause_ms));
	if (memory)
		json_object_set_new(info, "memory",
				    memory_json(memory, snapshot, tracing));
	json_append_real(&buf, info, pause_ms);
	json_decref(info);
	tm_buf_addc(&buf, '\n');
	fwrite(buf.data, 1, buf.len, out);
	return codec_written(out, err);
}

static json_t *first_trace(const struct tm_snapshot *snapshot)
{
	const struct tm_site *site;
	const struct tm_traceback *traceback;
	json_t *trace = json_object(), *frames = json_array();

	site = &snapshot->sites[snapshot->rows[0].site];
	traceback = &snapshot->tracebacks[site->traceback];
	for (uint32_t i = 0; i < traceback->nframe; i++)
		json_array_append_new(frames, json_frame(
			tm_traceback_frame(snapshot, site->traceback, i)));
	json_object_set_new(trace, "domain", json_integer(site->domain));
	json_object_set_new(trace, "size", json_count(snapshot->rows[0].size));
	json_object_set_new(trace, "total_nframe",
			    traceback->total_nframe == TM_TOTAL_NFRAME_NONE ?
			    json_null() : json_integer(traceback->total_nframe));
	json_object_set_new(trace, "traceback", frames);
	return trace;
}

bool tm_write_where_json(const struct tm_snapshot *snapshot, uint64_t address,
			 FILE *out, struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf buf = { 0 };
	json_t *where = report_head("tmattach-where");
	char text[32];

	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	json_object_set_new(where, "source", json_source(&snapshot->meta, NULL));
	json_object_set_new(where, "address", json_string(text));
	json_object_set_new(where, "trace", snapshot->nrows ?
			    first_trace(snapshot) : json_null());
	json_append(&buf, where);
	json_decref(where);
	tm_buf_addc(&buf, '\n');
	fwrite(buf.data, 1, buf.len, out);
	return codec_written(out, err);
}
