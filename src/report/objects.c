/* `objects`: groups, and differences of them. */
#include <inttypes.h>
#include <string.h>

#include "base/guard.h"
#include "codec/codec.h"
#include "codec/csv.h"
#include "report/items.h"
#include "report/line.h"
#include "report/proof.h"

static const char *const keys[] = {
	[TM_HEAP_TYPE] = "type",
	[TM_HEAP_MODULE] = "module",
	[TM_HEAP_ROOT] = "root",
};

/* ---- text ------------------------------------------------------------------- */

/* " at app.py:12", after a type. */
static void add_place(struct tm_buf *line, const struct tm_heap_groups *groups,
		      const struct tm_heap_group *group)
{
	if (groups->query.line && group->filename)
		tm_buf_addf(line, " at %s:%" PRIu32, group->filename, group->lineno);
	else if (groups->query.line)
		tm_buf_adds(line, " at a line that is not known");
}

/* The form of a Statistic. */
static void print_group(const struct report *how, const struct tm_heap_groups *groups,
			const struct tm_heap_group *group)
{
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	tm_buf_adds(&line, group->name);
	add_place(&line, groups, group);
	add_heap_size(&line, ": size=", (double)group->size, false);
	if (groups->is_diff) {
		add_heap_size(&line, " (", (double)group->size_diff, true);
		tm_buf_addc(&line, ')');
	}
	tm_buf_addf(&line, ", count=%" PRIu64, group->count);
	if (groups->is_diff)
		tm_buf_addf(&line, " (%+" PRId64 ")", group->count_diff);
	if (group->count)
		add_heap_size(&line, ", average=", (double)group->size /
			      (double)group->count, false);
	if (groups->query.retained)
		add_heap_size(&line, ", retained=", (double)group->retained, false);
	line_print_buf(how->out, "", &line);
}

static void print_text(const struct report *how, const struct tm_heap_groups *groups)
{
	size_t shown = items_shown(how, groups->n);

	fprintf(how->out, "[ Top %zu%s ]\n", items_top(how, groups->n),
		groups->is_diff ? " differences" : "");
	for (size_t i = 0; i < shown; i++)
		print_group(how, groups, &groups->items[i]);
}

/* ---- pretty ----------------------------------------------------------------- */

static void add_columns(struct tm_buf *line, const struct tm_heap_groups *groups,
			const struct tm_heap_group *group)
{
	char text[32];

	tm_buf_addf(line, "%12" PRIu64, group->count);
	if (groups->is_diff)
		tm_buf_addf(line, " %+10" PRId64, group->count_diff);
	tm_buf_addf(line, " %11s", tm_format_size(text, (double)group->size, false));
	if (groups->is_diff)
		tm_buf_addf(line, " %11s", tm_format_size(text,
			    (double)group->size_diff, true));
	if (groups->query.retained)
		tm_buf_addf(line, " %11s", tm_format_size(text,
			    (double)group->retained, false));
	tm_buf_addf(line, "  %s", group->name);
	add_place(line, groups, group);
}

static void print_rest(const struct report *how, const struct tm_heap_groups *groups,
		       size_t shown)
{
	char text[32];
	uint64_t other = 0;

	for (size_t i = shown; i < groups->n; i++)
		other += groups->items[i].size;
	if (shown < groups->n)
		fprintf(how->out, "%zu other: %s\n", groups->n - shown,
			tm_format_size(text, (double)other, false));
	fprintf(how->out, "Total: %" PRIu64 " objects, %s\n", groups->count,
		tm_format_size(text, (double)groups->size, false));
}

static void print_pretty(const struct report *how, const struct tm_heap_groups *groups)
{
	size_t shown = items_shown(how, groups->n);

	fprintf(how->out, "%12s", "COUNT");
	if (groups->is_diff)
		fprintf(how->out, " %10s", "(+)");
	fprintf(how->out, " %11s", "SIZE");
	if (groups->is_diff)
		fprintf(how->out, " %11s", "(+)");
	if (groups->query.retained)
		fprintf(how->out, " %11s", "RETAINED");
	fprintf(how->out, "  %s\n", keys[groups->query.key]);
	for (size_t i = 0; i < shown; i++) {
		TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

		add_columns(&line, groups, &groups->items[i]);
		line_print_buf(how->out, "", &line);
	}
	print_rest(how, groups, shown);
}

/* ---- JSON ------------------------------------------------------------------- */

static json_t *group_json(const struct tm_heap_groups *groups,
			  const struct tm_heap_group *group)
{
	json_t *object = json_object();
	bool diff = groups->is_diff;

	json_object_set_new(object, "name", json_cstring(group->name));
	json_object_set_new(object, "count", json_count(group->count));
	json_object_set_new(object, "size", json_count(group->size));
	json_object_set_new(object, "retained", groups->query.retained ?
			    json_count(group->retained) : json_null());
	json_object_set_new(object, "count_diff", diff ?
			    json_integer(group->count_diff) : json_null());
	json_object_set_new(object, "size_diff", diff ?
			    json_integer(group->size_diff) : json_null());
	json_object_set_new(object, "line", group->filename ?
			    proof_line(group->filename, group->lineno) : json_null());
	return object;
}

static bool write_json(const struct report *how, struct report_heap source,
		       const struct tm_heap_groups *groups, struct tm_err *err)
{
	json_t *report = proof_report("tmattach-objects", source);
	json_t *total = json_object(), *list = json_array();

	json_object_set_new(report, "older", source.older ?
		json_source(tm_heap_meta(source.older), source.older_file) : json_null());
	json_object_set_new(report, "key", json_string(keys[groups->query.key]));
	json_object_set_new(total, "count", json_count(groups->count));
	json_object_set_new(total, "size", json_count(groups->size));
	json_object_set_new(report, "total", total);
	json_object_set_new(report, "proof", proof_json(source.heap));
	for (size_t i = 0; i < items_shown(how, groups->n); i++)
		json_array_append_new(list, group_json(groups, &groups->items[i]));
	json_object_set_new(report, "groups", list);
	return json_report_write(report, 0, how->out, err);
}

/* ---- CSV -------------------------------------------------------------------- */

static void csv_add_line(struct tm_buf *row, const struct tm_heap_group *group)
{
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	if (!group->filename)
		return;
	tm_buf_addf(&line, "%s:%" PRIu32, group->filename, group->lineno);
	csv_add_bytes(row, line.data);
}

static bool write_csv(const struct report *how, const struct tm_heap_groups *groups,
		      struct tm_err *err)
{
	fputs("name,count,size,retained,count_diff,size_diff,line\r\n", how->out);
	for (size_t i = 0; i < items_shown(how, groups->n); i++) {
		TM_GUARD(tm_buf_free) struct tm_buf row = { 0 };
		const struct tm_heap_group *group = &groups->items[i];

		csv_add_bytes(&row, group->name);
		tm_buf_addf(&row, ",%" PRIu64 ",%" PRIu64 ",", group->count, group->size);
		if (groups->query.retained)
			tm_buf_addf(&row, "%" PRIu64, group->retained);
		if (groups->is_diff)
			tm_buf_addf(&row, ",%" PRId64 ",%" PRId64 ",",
				    group->count_diff, group->size_diff);
		else
			tm_buf_adds(&row, ",,,");
		csv_add_line(&row, group);
		tm_buf_adds(&row, "\r\n");
		fwrite(row.data, 1, row.len, how->out);
	}
	return codec_written(how->out, err);
}

bool report_objects(const struct report *how, struct report_heap source,
		    const struct tm_heap_groups *groups, struct tm_err *err)
{
	switch (how->form) {
	case REPORT_TEXT:
		print_text(how, groups);
		break;
	case REPORT_PRETTY:
		print_pretty(how, groups);
		break;
	case REPORT_JSON:
		return write_json(how, source, groups, err);
	case REPORT_CSV:
		return write_csv(how, groups, err);
	}
	proof_print(how->out, source.heap);
	return true;
}
