/* `diff` of more than two: how groups went on. */
#include <inttypes.h>

#include "base/guard.h"
#include "report/items.h"
#include "report/line.h"

#define COLUMNS "size,size_diff,count,count_diff,lasting,grew,shrank,filename,lineno,traceback"

/* ---- for people --------------------------------------------------------------- */

static void print_growth(const struct report *how, const struct tm_trend *trend, size_t i)
{
	const struct tm_growth *growth = &trend->growth[i];
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };
	char lasting[32];

	tm_buf_addf(&line, "grew in %" PRIu32, growth->grew);
	if (growth->shrank)
		tm_buf_addf(&line, ", shrank in %" PRIu32, growth->shrank);
	tm_buf_addf(&line, " of %zu steps; kept: %s", trend->n - 1,
		    tm_format_size(lasting, (double)growth->lasting, false));
	line_print_buf(how->out, "    ", &line);
}

static void print_sizes(const struct report *how, const struct tm_trend *trend, size_t i)
{
	enum { PER_LINE = 6 };
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	for (size_t k = 0; k < trend->n; k++) {
		char size[32];

		tm_buf_addf(&line, "%s%10s", line.len ? "  " : "",
			    tm_format_size(size, (double)trend->shares[i * trend->n + k].size,
					   false));
		if (k % PER_LINE == PER_LINE - 1 || k + 1 == trend->n) {
			line_print_buf(how->out, "    ", &line);
			tm_buf_clear(&line);
		}
	}
}

static void print_item(const struct report *how, const struct tm_trend *trend,
		       const struct tm_ages *ages, size_t i)
{
	items_print_group(how, &trend->stats->items[i], ages ? &ages[i] : NULL, true);
	print_growth(how, trend, i);
	print_sizes(how, trend, i);
}

static void print_trend(const struct report *how, const struct tm_trend *trend,
			const struct tm_ages *ages)
{
	size_t shown = items_shown(how, trend->stats->n);

	fprintf(how->out, "[ Top %zu by growth over %zu snapshots ]\n",
		items_top(how, trend->stats->n), trend->n);
	for (size_t i = 0; i < shown; i++)
		print_item(how, trend, ages, i);
}

/* ---- for scripts -------------------------------------------------------------- */

static json_t *json_head(const struct tm_trend *trend, const struct report_source *sources)
{
	json_t *head = json_report("tmattach-trend"), *list = json_array();

	for (size_t k = 0; k < trend->n; k++)
		json_array_append_new(list, json_source(sources[k].meta, sources[k].file));
	json_object_set_new(head, "sources", list);
	items_set_query(head, &trend->stats->query);
	json_object_set_new(head, "trends", json_array());
	return head;
}

static bool write_csv(const struct report *how, const struct tm_trend *trend,
		      const struct report_source *sources, const struct items_more *more,
		      struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf columns = { 0 };

	tm_buf_adds(&columns, more->ages ? COLUMNS ITEMS_AGE_COLUMNS : COLUMNS);
	for (size_t k = 0; k < trend->n; k++)
		items_add_column(&columns, sources[k].meta, sources[k].file);
	return items_write_csv(how, columns.data, trend->stats, more, err);
}

bool report_trend(const struct report *how, const struct tm_trend *trend,
		  struct report_newest newest, const struct report_source *sources,
		  struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct tm_ages *ages =
		items_ages(how, trend->stats, newest.snapshot, newest.query);
	const struct items_more more = {
		.shares = trend->shares, .nparts = trend->n, .growth = trend->growth,
		.ages = ages,
	};

	switch (how->form) {
	case REPORT_TEXT:
	case REPORT_PRETTY:
		print_trend(how, trend, ages);
		break;
	case REPORT_JSON:
		return items_write_json(how, json_head(trend, sources), trend->stats, &more,
					err);
	case REPORT_CSV:
		return write_csv(how, trend, sources, &more, err);
	}
	return true;
}
