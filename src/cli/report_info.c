#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/guard.h"
#include "cli/output.h"
#include "cli/report.h"

struct domain {
	uint32_t domain;
	uint64_t size;
	uint64_t count;
};

static void print_value(const char *name, const char *value)
{
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	if (!value[0])
		return;
	tm_buf_addf(&line, "%-18s%s", name, value);
	cli_print_line("", line.data, line.len);
}

static void print_number(const char *name, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	print_value(name, text);
}

static void size_text(char *ret, size_t n, uint64_t size, bool pretty)
{
	char unit[32];

	tm_format_size(unit, (double)size, false);
	if (pretty || size < 10240)
		snprintf(ret, n, "%s", unit);
	else
		snprintf(ret, n, "%" PRIu64 " B (%s)", size, unit);
}

static void print_size(const char *name, uint64_t size, bool pretty)
{
	char text[80];

	size_text(text, sizeof(text), size, pretty);
	print_value(name, text);
}

static int compare_domains(const void *pa, const void *pb)
{
	const struct domain *a = pa, *b = pb;

	return (a->domain > b->domain) - (a->domain < b->domain);
}

/* The figures per domain, in the order of their numbers. */
static struct domain *collect_domains(const struct tm_snapshot *snapshot,
				      size_t *ret_n)
{
	struct domain *list = tm_reallocarray(NULL, snapshot->nsites + 1,
					      sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < snapshot->nsites; i++)
		list[i] = (struct domain){ snapshot->sites[i].domain,
					   snapshot->sites[i].size,
					   snapshot->sites[i].count };
	qsort(list, snapshot->nsites, sizeof(*list), compare_domains);
	for (size_t i = 0; i < snapshot->nsites; i++) {
		if (n > 0 && list[n - 1].domain == list[i].domain) {
			list[n - 1].size += list[i].size;
			list[n - 1].count += list[i].count;
		} else {
			list[n++] = list[i];
		}
	}
	*ret_n = n;
	return list;
}

static void print_domains(const struct tm_snapshot *snapshot, bool pretty)
{
	TM_GUARD(tm_free_ptr) struct domain *domains = NULL;
	size_t n;

	domains = collect_domains(snapshot, &n);
	for (size_t i = 0; i < n; i++) {
		char name[32], size[80], text[128];

		snprintf(name, sizeof(name), "domain %" PRIu32 ":",
			 domains[i].domain);
		size_text(size, sizeof(size), domains[i].size, pretty);
		snprintf(text, sizeof(text), "%" PRIu64 " traces, %s",
			 domains[i].count, size);
		print_value(name, text);
	}
}

static void print_time(int64_t taken_at)
{
	char text[64], ms[8];
	time_t seconds = (time_t)(taken_at / 1000);
	struct tm utc;

	if (taken_at == 0 || !gmtime_r(&seconds, &utc))
		return;
	strftime(text, sizeof(text) - sizeof(ms), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(ms, sizeof(ms), ".%03dZ", (int)(taken_at % 1000));
	print_value("taken at:", strcat(text, ms));
}

static void print_origin(const struct cli_source *source)
{
	const struct tm_meta *meta = &source->snapshot->meta;

	if (source->file)
		print_value("file:", source->file);
	if (meta->pid)
		print_number("pid:", (uint64_t)meta->pid);
	print_value("command:", meta->command);
	print_value("runtime:", meta->runtime);
	print_time(meta->taken_at);
}

/* The words for what the reports for scripts call by these names. */
static const char *figure_word(const char *name)
{
	static const char *const words[][2] = {
		{ "rss", "resident:" }, { "file_maps", "  of files:" },
		{ "arenas", "  arenas:" }, { "arenas_used", "    in use:" },
		{ "arenas_free", "    free:" }, { "other_heap", "  other heap:" },
		{ "traced", "  traced:" }, { "tracer", "  tracer:" },
		{ "untracked", "  untracked:" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i][0], name) == 0)
			return words[i][1];
	return name;
}

void cli_text_memory(const struct cli_source *source,
		     const struct tm_memory *memory, bool pretty)
{
	struct tm_figure figures[TM_MEMORY_FIGURES];
	size_t n = tm_memory_figures(memory, source->snapshot, source->tracing,
				     figures);

	for (size_t i = 0; i < n; i++)
		print_size(figure_word(figures[i].name), figures[i].bytes, pretty);
}

void cli_text_info(const struct cli_source *source, bool pretty)
{
	const struct tm_snapshot *snapshot = source->snapshot;
	const struct tm_meta *meta = &snapshot->meta;
	char pause[32];

	print_origin(source);
	print_value("tracing:", source->tracing ? "yes" : "no");
	print_number("traceback limit:", meta->traceback_limit);
	/* A file may not know them: a pickle holds the traces only. */
	if (!source->file || meta->traced_peak) {
		print_size("traced current:", meta->traced_current, pretty);
		print_size("traced peak:", meta->traced_peak, pretty);
		print_size("tracer memory:", meta->tracer_memory, pretty);
	}
	print_number("traces:", snapshot->total_count);
	print_domains(snapshot, pretty);
	if (!source->file && source->tracing) {
		snprintf(pause, sizeof(pause), "%.3f ms",
			 (double)meta->pause_ns / 1e6);
		print_value("pause:", pause);
	}
}
