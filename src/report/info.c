/* `info`. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/guard.h"
#include "codec/codec.h"
#include "codec/csv.h"
#include "report/domains.h"
#include "report/figures.h"
#include "report/json.h"
#include "report/line.h"

/* ---- what every form shows ---------------------------------------------------- */

static uint64_t pause_ns(const struct report_info *info)
{
	return info->snapshot->meta.pause_ns +
	       (info->memory ? info->memory->pause_ns : 0);
}

/* ---- text and pretty ----------------------------------------------------------- */

static void print_value(const struct report *how, const char *name,
			const char *value)
{
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	if (!value[0])
		return;
	tm_buf_addf(&line, "%-18s%s", name, value);
	line_print_buf(how->out, "", &line);
}

static void print_number(const struct report *how, const char *name,
			 uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	print_value(how, name, text);
}

static char *size_text(char ret[static 80], const struct report *how,
		       uint64_t size)
{
	char unit[32];

	tm_format_size(unit, (double)size, false);
	if (how->form == REPORT_PRETTY || size < 10240)
		snprintf(ret, 80, "%s", unit);
	else
		snprintf(ret, 80, "%" PRIu64 " B (%s)", size, unit);
	return ret;
}

static void print_size(const struct report *how, const char *name, uint64_t size)
{
	char text[80];

	print_value(how, name, size_text(text, how, size));
}

static void print_domains(const struct report *how,
			  const struct tm_snapshot *snapshot)
{
	TM_GUARD(tm_free_ptr) struct report_domain *domains = NULL;
	size_t n;

	domains = report_domains(snapshot, &n);
	for (size_t i = 0; i < n; i++) {
		char name[32], size[80], text[128];

		snprintf(name, sizeof(name), "domain %" PRIu32 ":",
			 domains[i].domain);
		snprintf(text, sizeof(text), "%" PRIu64 " traces, %s",
			 domains[i].traces, size_text(size, how, domains[i].size));
		print_value(how, name, text);
	}
}

static void print_origin(const struct report *how, const struct report_info *info)
{
	const struct tm_meta *meta = &info->snapshot->meta;
	char when[40];

	if (info->file)
		print_value(how, "file:", info->file);
	if (meta->pid)
		print_number(how, "pid:", (uint64_t)meta->pid);
	print_value(how, "command:", meta->command);
	print_value(how, "runtime:", meta->runtime);
	if (meta->taken_at)
		print_value(how, "taken at:", json_time(when, meta->taken_at));
}

/* That figures are estimates, and how far they may be off. */
static void print_sampling(const struct report *how, const struct tm_snapshot *snapshot)
{
	char mean[32], size[80], text[160];
	struct tm_error error;

	if (!tm_snapshot_error(snapshot, &error))
		return;
	snprintf(text, sizeof(text), "one block in %s on average",
		 tm_format_size(mean, (double)snapshot->meta.sample_bytes, false));
	print_value(how, "sampled:", text);
	snprintf(text, sizeof(text), "up to %s, %" PRIu64 " traces (95 %%)",
		 size_text(size, how, error.size), error.count);
	print_value(how, "error:", text);
}

static bool has_c_frames(const struct report_info *info)
{
	return info->status && info->status->c_frames;
}

/* Stacks that lack what was asked for are counted. */
static void print_merging(const struct report *how, const struct report_info *info)
{
	char text[80];

	if (!has_c_frames(info))
		return;
	snprintf(text, sizeof(text), "between those of Python; left out of %" PRIu64 " stacks",
		 info->status->unmerged);
	print_value(how, "C functions:", text);
}

static bool is_in_python(const struct report_info *info)
{
	return info->status && info->status->recorder &&
	       info->status->kind == TM_RUNTIME_CPYTHON;
}

static const char *const reuse_words[] = {
	[TM_REUSE_UNSEEN] = "unseen",
	[TM_REUSE_FOLLOWED] = "followed",
	[TM_REUSE_LOST] = "lost",
};

/* Whose a block is that CPython had kept. */
static void print_reuse(const struct report *how, const struct report_info *info)
{
	static const char *const texts[] = {
		[TM_REUSE_UNSEEN] = "not followed: a block is of who allocated it first",
		[TM_REUSE_FOLLOWED] = "followed: a block is of who made the object in it",
		[TM_REUSE_LOST] = ("not followed any more: tracemalloc or another tool has taken "
				  "the recorder's place"),
	};

	if (is_in_python(info))
		print_value(how, "free lists:", texts[info->status->reuse]);
}

static void print_traced(const struct report *how, const struct report_info *info)
{
	const struct tm_meta *meta = &info->snapshot->meta;

	print_value(how, "tracing:", info->tracing ? "yes" : "no");
	print_number(how, "traceback limit:", meta->traceback_limit);
	print_merging(how, info);
	print_reuse(how, info);
	/* A file may not know them: a pickle holds the traces only. */
	if (!info->file || meta->traced_peak) {
		print_size(how, "traced current:", meta->traced_current);
		print_size(how, "traced peak:", meta->traced_peak);
		print_size(how, "tracer memory:", meta->tracer_memory);
	}
	print_number(how, "traces:", info->snapshot->total_count);
	print_sampling(how, info->snapshot);
	print_domains(how, info->snapshot);
}

static void print_pause(const struct report *how, const struct report_info *info)
{
	uint64_t ns = pause_ns(info);
	char pause[32];

	if (info->file || ns == 0)
		return;
	snprintf(pause, sizeof(pause), "%.3f ms", (double)ns / 1e6);
	print_value(how, "pause:", pause);
}

static void print_memory(const struct report *how, const struct report_info *info)
{
	struct figure figures[FIGURES];

	report_figures(info, figures);
	for (size_t i = 0; i < FIGURES; i++)
		if (figures[i].known)
			print_size(how, figures[i].word, figures[i].bytes);
		else if (figures[i].why)
			print_value(how, figures[i].word, figures[i].why);
	if (report_advice(info))
		print_value(how, "advice:", report_advice(info));
}

static void print_info(const struct report *how, const struct report_info *info)
{
	print_origin(how, info);
	print_traced(how, info);
	print_pause(how, info);
	if (info->memory)
		print_memory(how, info);
}

/* ---- JSON ---------------------------------------------------------------------- */

static json_t *domains_json(const struct tm_snapshot *snapshot)
{
	TM_GUARD(tm_free_ptr) struct report_domain *domains = NULL;
	json_t *array = json_array();
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
	return array;
}

static void set_sampling(json_t *report, const struct tm_snapshot *snapshot)
{
	struct tm_error error;
	json_t *object;

	if (!tm_snapshot_error(snapshot, &error))
		return;
	object = json_object();
	json_object_set_new(object, "bytes", json_count(snapshot->meta.sample_bytes));
	json_object_set_new(object, "size_error", json_count(error.size));
	json_object_set_new(object, "count_error", json_count(error.count));
	json_object_set_new(report, "sampling", object);
}

static bool write_json(const struct report *how, const struct report_info *info,
		       struct tm_err *err)
{
	const struct tm_meta *meta = &info->snapshot->meta;
	double pause_ms = (double)pause_ns(info) / 1e6;
	json_t *report = json_report("tmattach-info"), *traced = json_object();

	json_object_set_new(traced, "current", json_count(meta->traced_current));
	json_object_set_new(traced, "peak", json_count(meta->traced_peak));
	json_object_set_new(report, "source", json_source(meta, info->file));
	json_object_set_new(report, "tracing", json_boolean(info->tracing));
	json_object_set_new(report, "traceback_limit",
			    json_integer(meta->traceback_limit));
	if (has_c_frames(info))
		json_object_set_new(report, "unmerged", json_count(info->status->unmerged));
	if (is_in_python(info))
		json_object_set_new(report, "reuse", json_string(reuse_words[info->status->reuse]));
	json_object_set_new(report, "traced_memory", traced);
	json_object_set_new(report, "tracer_memory",
			    json_count(meta->tracer_memory));
	json_object_set_new(report, "traces",
			    json_count(info->snapshot->total_count));
	set_sampling(report, info->snapshot);
	json_object_set_new(report, "domains", domains_json(info->snapshot));
	json_object_set_new(report, "pause_ms", json_real(pause_ms));
	if (info->memory)
		json_object_set_new(report, "memory", report_memory_json(info));
	return json_report_write(report, pause_ms, how->out, err);
}

/* ---- CSV: name and value ------------------------------------------------------- */

static void add_number(struct tm_buf *text, const char *name, uint64_t value)
{
	tm_buf_addf(text, "%s,%" PRIu64 "\r\n", name, value);
}

static void add_string(struct tm_buf *text, const char *name, const char *value)
{
	tm_buf_addf(text, "%s,", name);
	csv_add_bytes(text, value);
	tm_buf_adds(text, "\r\n");
}

static void add_sampling(struct tm_buf *text, const struct tm_snapshot *snapshot)
{
	struct tm_error error;

	if (!tm_snapshot_error(snapshot, &error))
		return;
	add_number(text, "sample_bytes", snapshot->meta.sample_bytes);
	add_number(text, "size_error", error.size);
	add_number(text, "count_error", error.count);
}

static void add_domains(struct tm_buf *text, const struct tm_snapshot *snapshot)
{
	TM_GUARD(tm_free_ptr) struct report_domain *domains = NULL;
	size_t n;

	domains = report_domains(snapshot, &n);
	for (size_t i = 0; i < n; i++) {
		tm_buf_addf(text, "domain %" PRIu32 " traces,%" PRIu64 "\r\n",
			    domains[i].domain, domains[i].traces);
		tm_buf_addf(text, "domain %" PRIu32 " size,%" PRIu64 "\r\n",
			    domains[i].domain, domains[i].size);
	}
}

static void add_memory(struct tm_buf *text, const struct report_info *info)
{
	struct figure figures[FIGURES];

	report_figures(info, figures);
	for (size_t i = 0; i < FIGURES; i++) {
		if (!figures[i].known || !figures[i].name)
			continue;
		tm_buf_adds(text, "memory ");
		add_number(text, figures[i].name, figures[i].bytes);
	}
}

static bool write_csv(const struct report *how, const struct report_info *info,
		      struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	const struct tm_meta *meta = &info->snapshot->meta;
	char when[40] = "";

	tm_buf_adds(&text, "name,value\r\n");
	if (meta->pid)
		add_number(&text, "pid", (uint64_t)meta->pid);
	add_string(&text, "file", info->file ? info->file : "");
	add_string(&text, "runtime", meta->runtime);
	add_string(&text, "taken_at",
		   meta->taken_at ? json_time(when, meta->taken_at) : "");
	add_string(&text, "tracing", info->tracing ? "true" : "false");
	add_number(&text, "traceback_limit", meta->traceback_limit);
	if (has_c_frames(info))
		add_number(&text, "unmerged", info->status->unmerged);
	if (is_in_python(info))
		add_string(&text, "reuse", reuse_words[info->status->reuse]);
	add_number(&text, "current", meta->traced_current);
	add_number(&text, "peak", meta->traced_peak);
	add_number(&text, "tracer_memory", meta->tracer_memory);
	add_number(&text, "traces", info->snapshot->total_count);
	add_sampling(&text, info->snapshot);
	add_domains(&text, info->snapshot);
	tm_buf_addf(&text, "pause_ms,%.3f\r\n", (double)pause_ns(info) / 1e6);
	if (info->memory)
		add_memory(&text, info);
	fwrite(text.data, 1, text.len, how->out);
	return codec_written(how->out, err);
}

bool report_info(const struct report *how, const struct report_info *info,
		 struct tm_err *err)
{
	switch (how->form) {
	case REPORT_TEXT:
	case REPORT_PRETTY:
		print_info(how, info);
		break;
	case REPORT_JSON:
		return write_json(how, info, err);
	case REPORT_CSV:
		return write_csv(how, info, err);
	}
	return true;
}
