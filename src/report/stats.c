/* `stats`: of one source, or of several together. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "codec/csv.h"
#include "report/command.h"
#include "report/items.h"
#include "report/line.h"

#define COLUMNS "size,count,average,filename,lineno,traceback"

static json_t *json_head(const struct tm_stats *stats,
			 struct report_source source)
{
	json_t *head = json_report("tmattach-stats"), *total = json_object();

	json_object_set_new(total, "size", json_count(stats->total_size));
	json_object_set_new(total, "count", json_count(stats->total_count));
	json_object_set_new(total, "groups", json_count(stats->n));
	json_object_set_new(head, "source", json_source(source.meta, source.file));
	items_set_query(head, &stats->query);
	json_object_set_new(head, "total", total);
	return head;
}

static bool write_json(const struct report *how, const struct tm_stats *stats,
		       const struct tm_query *query, const struct tm_ages *ages,
		       struct report_source source, struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct tm_error *errors =
		tm_stats_errors(stats, items_shown(how, stats->n), query);
	const struct items_more more = { .errors = errors, .ages = ages };
	json_t *head = json_head(stats, source);

	json_object_set_new(head, "statistics", json_array());
	return items_write_json(how, head, stats, &more, err);
}

bool report_stats(const struct report *how, const struct tm_stats *stats,
		  const struct tm_query *query, struct report_source source,
		  struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct tm_ages *ages = items_ages(how, stats, NULL, query);
	const struct items_more more = { .ages = ages };

	switch (how->form) {
	case REPORT_TEXT:
	case REPORT_PRETTY:
		items_print(how, stats, ages);
		break;
	case REPORT_JSON:
		return write_json(how, stats, query, ages, source, err);
	case REPORT_CSV:
		return items_write_csv(how, ages ? COLUMNS ITEMS_AGE_COLUMNS : COLUMNS, stats,
				       &more, err);
	}
	return true;
}

/* ---- several sources, for people: the sources, then each group with what is
 * whose under it -------------------------------------------------------------- */

struct table {
	const struct report *how;
	const struct report_parts *parts;
	const struct tm_stats *stats;
	struct items_more more;
};

static void add_size(struct tm_buf *line, uint64_t size, bool known)
{
	char text[32];

	tm_buf_addf(line, " %10s", known ? tm_format_size(text, (double)size, false) : "-");
}

static void print_source(const struct table *table, size_t k, const char *command)
{
	const struct report_parts *parts = table->parts;
	const struct tm_snapshot *snapshot = parts->snapshots[k];
	const struct tm_shared *memory = &parts->memory[k];
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	if (snapshot->meta.pid)
		tm_buf_addf(&line, "%7" PRId32, snapshot->meta.pid);
	else
		tm_buf_adds(&line, "      -");
	add_size(&line, snapshot->total_size, true);
	tm_buf_addf(&line, " %10" PRIu64, snapshot->total_count);
	add_size(&line, memory->pss, memory->rss);
	add_size(&line, memory->inherited, memory->rss);
	tm_buf_addf(&line, " %s", parts->files[k] ? parts->files[k] : command);
	line_print_buf(table->how->out, "", &line);
}

/* The traces of what was inherited are in every process. */
static void print_inherited(const struct table *table)
{
	const struct report_parts *parts = table->parts;
	uint64_t pss = 0, inherited = 0;
	char size[32];

	for (size_t k = 0; k < parts->n; k++) {
		pss += parts->memory[k].pss;
		inherited += parts->memory[k].inherited;
	}
	if (inherited)
		fprintf(table->how->out, "Together they take %s (PSS). What is INHERITED, and untouched "
			"since the fork, is traced in each and counted once.\n",
			tm_format_size(size, (double)pss, false));
}

static void print_sources(const struct table *table)
{
	const struct report_parts *parts = table->parts;
	TM_GUARD(tm_free_ptr) const char **names = tm_calloc(parts->n + 1, sizeof(*names));
	char **commands;

	for (size_t k = 0; k < parts->n; k++)
		names[k] = parts->files[k] ? "" : parts->snapshots[k]->meta.command;
	commands = report_cut_commands(names, parts->n);
	fputs("    PID     TRACED     TRACES        PSS  INHERITED COMMAND\n", table->how->out);
	for (size_t k = 0; k < parts->n; k++)
		print_source(table, k, commands[k]);
	print_inherited(table);
	report_free_commands(commands, parts->n);
}

/* Largest last would hide it: in the order of the sources, empty ones too,
 * so that columns stay where they are. */
static void print_shares(const struct table *table, size_t item)
{
	enum { PER_LINE = 4 };
	const struct report_parts *parts = table->parts;
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	for (size_t k = 0; k < parts->n; k++) {
		char size[32];

		if (line.len)
			tm_buf_adds(&line, "  ");
		if (parts->files[k])
			tm_buf_adds(&line, parts->files[k]);
		else
			tm_buf_addf(&line, "%7" PRId32,
				    parts->snapshots[k]->meta.pid);
		tm_buf_addf(&line, " %10s", tm_format_size(size,
			    (double)table->more.shares[item * parts->n + k].size, false));
		if (k % PER_LINE == PER_LINE - 1 || k + 1 == parts->n) {
			line_print_buf(table->how->out, "    ", &line);
			tm_buf_clear(&line);
		}
	}
}

/* What the shares have more than the whole. */
static void print_counted_once(const struct table *table, size_t item)
{
	uint64_t inherited = items_inherited(&table->more, table->stats, item);
	char size[32];

	if (inherited)
		fprintf(table->how->out, "    less %s inherited and untouched, which counts once\n",
			tm_format_size(size, (double)inherited, false));
}

static void print_group(const struct table *table, size_t i)
{
	items_print_group(table->how, &table->stats->items[i],
			  table->more.ages ? &table->more.ages[i] : NULL, false);
	print_shares(table, i);
	print_counted_once(table, i);
}

static void print_table(const struct table *table, size_t shown)
{
	const struct tm_stats *stats = table->stats;
	char size[32];

	print_sources(table);
	fprintf(table->how->out, "[ Top %zu ]\n", items_top(table->how, stats->n));
	for (size_t i = 0; i < shown; i++)
		print_group(table, i);
	if (table->how->form == REPORT_PRETTY)
		fprintf(table->how->out, "Total allocated size: %s\n",
			tm_format_size(size, (double)stats->total_size, false));
}

/* ---- several sources, for scripts -------------------------------------------- */

static json_t *json_memory(const struct tm_shared *memory)
{
	json_t *object = memory->rss ? json_object() : json_null();

	if (memory->rss) {
		json_object_set_new(object, "rss", json_count(memory->rss));
		json_object_set_new(object, "pss", json_count(memory->pss));
		json_object_set_new(object, "inherited", json_count(memory->inherited));
	}
	return object;
}

static json_t *merged_head(const struct table *table)
{
	const struct report_parts *parts = table->parts;
	struct report_source common = { &parts->merged->meta, NULL };
	json_t *head = json_head(table->stats, common), *sources = json_array();

	for (size_t i = 0; i < parts->n; i++) {
		json_t *source = json_source(&parts->snapshots[i]->meta, parts->files[i]);

		json_object_set_new(source, "memory", json_memory(&parts->memory[i]));
		json_array_append_new(sources, source);
	}
	json_object_set_new(head, "sources", sources);
	json_object_set_new(head, "statistics", json_array());
	return head;
}

static bool write_merged_csv(const struct table *table, struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf columns = { 0 };

	tm_buf_adds(&columns, table->more.ages ? COLUMNS ITEMS_AGE_COLUMNS : COLUMNS);
	for (size_t k = 0; k < table->parts->n; k++)
		items_add_column(&columns, &table->parts->snapshots[k]->meta,
				 table->parts->files[k]);
	return items_write_csv(table->how, columns.data, table->stats,
			       &table->more, err);
}

static bool write_merged_json(const struct table *table, const struct tm_query *query,
			      size_t shown, struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct tm_error *errors =
		tm_stats_errors(table->stats, shown, query);
	struct items_more more = table->more;

	more.errors = errors;
	return items_write_json(table->how, merged_head(table), table->stats, &more, err);
}

static bool write_table(const struct table *table, const struct tm_query *query,
			size_t shown, struct tm_err *err)
{
	switch (table->how->form) {
	case REPORT_TEXT:
	case REPORT_PRETTY:
		print_table(table, shown);
		break;
	case REPORT_JSON:
		return write_merged_json(table, query, shown, err);
	case REPORT_CSV:
		return write_merged_csv(table, err);
	}
	return true;
}

bool report_merged(const struct report *how, const struct report_parts *parts,
		   const struct tm_query *query, struct tm_err *err)
{
	struct tm_stats *stats = tm_snapshot_statistics(parts->merged, query, err);
	TM_GUARD(tm_free_ptr) struct tm_share *shares = NULL;
	TM_GUARD(tm_free_ptr) struct tm_ages *ages = NULL;
	struct table table = { how, parts, stats, { .nparts = parts->n } };
	size_t shown;
	bool ok;

	if (!stats)
		return false;
	shown = items_shown(how, stats->n);
	shares = tm_stats_shares(stats, shown, parts->snapshots, parts->n, query);
	ages = items_ages(how, stats, NULL, query);
	table.more.shares = shares;
	table.more.ages = ages;
	ok = write_table(&table, query, shown, err);
	tm_stats_destroy(stats);
	return ok;
}
