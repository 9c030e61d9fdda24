#include "report/items.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/guard.h"
#include "codec/codec.h"
#include "codec/csv.h"
#include "report/line.h"

size_t items_shown(const struct report *how, size_t n)
{
	return how->limit && how->limit < n ? how->limit : n;
}

size_t items_top(const struct report *how, size_t n)
{
	return how->limit ? how->limit : n;
}

struct tm_ages *items_ages(const struct report *how, const struct tm_stats *stats,
			   const struct tm_snapshot *newer, const struct tm_query *query)
{
	if (stats->n == 0 || !(how->ages || how->form == REPORT_JSON))
		return NULL;
	return tm_stats_ages(stats, items_shown(how, stats->n),
			     newer ? newer : stats->items[0].snapshot, query);
}

uint64_t items_inherited(const struct items_more *more, const struct tm_stats *stats,
			 size_t i)
{
	uint64_t sum = 0;

	for (size_t k = 0; k < more->nparts; k++)
		sum += more->shares[i * more->nparts + k].size;
	return sum > stats->items[i].size ? sum - stats->items[i].size : 0;
}

/* ---- text ------------------------------------------------------------------- */

static void add_ages(struct tm_buf *line, const char *before, const struct tm_ages *ages)
{
	char text[32];

	if (tm_format_ages(text, ages)[0])
		tm_buf_addf(line, "%s%s", before, text);
}

void items_print_group(const struct report *how, const struct tm_stat *stat,
		       const struct tm_ages *ages, bool is_diff)
{
	TM_GUARD(tm_free_ptr) char *text = NULL;
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };
	size_t len;

	text = tm_stat_str(stat, is_diff, &len);
	tm_buf_add(&line, text, len);
	add_ages(&line, ", age=", ages);
	line_print_buf(how->out, "", &line);
	if (stat->key == TM_KEY_TRACEBACK)
		line_print_traceback(how, stat->snapshot, stat->group);
	else if (how->form == REPORT_PRETTY)
		line_print_source(how, tm_stat_frame(stat, 0));
}

static const struct tm_ages *ages_at(const struct tm_ages *ages, size_t i)
{
	return ages ? &ages[i] : NULL;
}

static void print_text(const struct report *how, const struct tm_stats *stats,
		       const struct tm_ages *ages)
{
	size_t shown = items_shown(how, stats->n);

	fprintf(how->out, "[ Top %zu%s ]\n", items_top(how, stats->n),
		stats->is_diff ? " differences" : "");
	for (size_t i = 0; i < shown; i++)
		items_print_group(how, &stats->items[i], ages_at(ages, i), stats->is_diff);
}

/* ---- pretty ----------------------------------------------------------------- */

static double kib(uint64_t size)
{
	return (double)size / 1024;
}

static void add_difference(struct tm_buf *line, bool is_diff, int64_t size_diff)
{
	if (is_diff)
		tm_buf_addf(line, " (%+.1f KiB)", (double)size_diff / 1024);
}

static void print_frame(const struct report *how, size_t rank,
			const struct tm_stat *stat, const struct tm_ages *ages,
			bool is_diff)
{
	TM_GUARD(tm_buf_free) struct tm_buf place = { 0 };
	struct tm_frame_view frame = tm_stat_frame(stat, 0);

	tm_buf_addf(&place, "#%zu: ", rank);
	tm_buf_add(&place, frame.filename.bytes, frame.filename.len);
	if (stat->key != TM_KEY_THREAD)
		tm_buf_addc(&place, ':');
	if (stat->key == TM_KEY_THREAD)
		frame.lineno = 0;
	else if (stat->key != TM_KEY_FUNCTION)
		tm_buf_addf(&place, "%u", frame.lineno);
	else if (frame.function.bytes)
		tm_buf_add(&place, frame.function.bytes, frame.function.len);
	else
		tm_buf_addc(&place, '?');
	tm_buf_addf(&place, ": %.1f KiB", kib(stat->size));
	add_difference(&place, is_diff, stat->size_diff);
	add_ages(&place, ", age ", ages);
	line_print_buf(how->out, "", &place);
	line_print_source(how, frame);
}

/* The manual's way to show where the biggest block was allocated. */
static void print_traceback(const struct report *how, const struct tm_stat *stat,
			    const struct tm_ages *ages, bool is_diff)
{
	TM_GUARD(tm_buf_free) struct tm_buf head = { 0 };

	tm_buf_addf(&head, "%" PRIu64 " memory blocks: %.1f KiB", stat->count,
		    kib(stat->size));
	add_difference(&head, is_diff, stat->size_diff);
	add_ages(&head, ", age ", ages);
	line_print_buf(how->out, "", &head);
	line_print_traceback(how, stat->snapshot, stat->group);
}

static void print_rest(const struct report *how, const struct tm_stats *stats,
		       size_t shown)
{
	TM_GUARD(tm_buf_free) struct tm_buf rest = { 0 };
	uint64_t other = 0;
	int64_t other_diff = 0, total_diff = 0;

	for (size_t i = 0; i < stats->n; i++) {
		total_diff += stats->items[i].size_diff;
		if (i < shown)
			continue;
		other += stats->items[i].size;
		other_diff += stats->items[i].size_diff;
	}
	if (shown < stats->n) {
		tm_buf_addf(&rest, "%zu other: %.1f KiB", stats->n - shown,
			    kib(other));
		add_difference(&rest, stats->is_diff, other_diff);
		tm_buf_addc(&rest, '\n');
	}
	tm_buf_addf(&rest, "Total allocated size: %.1f KiB",
		    kib(stats->total_size));
	/* Cumulative groups overlap: their differences have no total. */
	add_difference(&rest, stats->is_diff && !stats->query.cumulative,
		       total_diff);
	fprintf(how->out, "%s\n", rest.data);
}

static void print_pretty(const struct report *how, const struct tm_stats *stats,
			 const struct tm_ages *ages)
{
	size_t shown = items_shown(how, stats->n);

	fprintf(how->out, "Top %zu %s\n", items_top(how, stats->n),
		stats->is_diff ? "differences" :
		stats->query.key == TM_KEY_TRACEBACK ? "tracebacks" :
		stats->query.key == TM_KEY_FUNCTION ? "functions" :
		stats->query.key == TM_KEY_THREAD ? "threads" : "lines");
	for (size_t i = 0; i < shown; i++) {
		const struct tm_stat *stat = &stats->items[i];

		if (stat->key == TM_KEY_TRACEBACK)
			print_traceback(how, stat, ages_at(ages, i), stats->is_diff);
		else
			print_frame(how, i + 1, stat, ages_at(ages, i), stats->is_diff);
	}
	print_rest(how, stats, shown);
}

void items_print(const struct report *how, const struct tm_stats *stats,
		 const struct tm_ages *ages)
{
	if (how->form == REPORT_PRETTY)
		print_pretty(how, stats, ages);
	else
		print_text(how, stats, ages);
}

/* ---- JSON ------------------------------------------------------------------- */

static double average(const struct tm_stat *stat)
{
	return stat->count ? (double)stat->size / (double)stat->count : 0.0;
}

void items_set_query(json_t *head, const struct tm_query *query)
{
	json_object_set_new(head, "key", json_string(tm_key_name(query->key)));
	json_object_set_new(head, "cumulative", json_boolean(query->cumulative));
}

static json_t *shares_json(const struct tm_share *shares, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *share = json_object();

		json_object_set_new(share, "size", json_count(shares[i].size));
		json_object_set_new(share, "count", json_count(shares[i].count));
		json_array_append_new(list, share);
	}
	return list;
}

static json_t *item_json(const struct tm_stat *stat, bool is_diff)
{
	json_t *object = json_object(), *frames = json_array();

	json_object_set_new(object, "size", json_count(stat->size));
	if (is_diff)
		json_object_set_new(object, "size_diff",
				    json_integer(stat->size_diff));
	json_object_set_new(object, "count", json_count(stat->count));
	if (is_diff)
		json_object_set_new(object, "count_diff",
				    json_integer(stat->count_diff));
	else
		json_object_set_new(object, "average", json_real(average(stat)));
	for (uint32_t i = 0; i < tm_stat_nframe(stat); i++)
		json_array_append_new(frames, json_frame(tm_stat_frame(stat, i)));
	json_object_set_new(object, "total_nframe", json_null());
	json_object_set_new(object, "traceback", frames);
	return object;
}

/* A generation of blocks lasts a second. */
static uint32_t seconds(uint32_t age)
{
	return age / (1000000000 / TM_AGE_NS);
}

static json_t *json_age(uint32_t age)
{
	return age == TM_AGE_NONE ? json_null() : json_integer(seconds(age));
}

static void set_ages(json_t *item, const struct tm_ages *ages)
{
	json_object_set_new(item, "oldest", json_age(ages->oldest));
	json_object_set_new(item, "newest", json_age(ages->newest));
}

static void set_more(json_t *item, const struct items_more *more,
		     const struct tm_stats *stats, size_t i)
{
	if (more->growth) {
		const struct tm_growth *growth = &more->growth[i];

		json_object_set_new(item, "lasting", json_count(growth->lasting));
		json_object_set_new(item, "grew", json_integer(growth->grew));
		json_object_set_new(item, "shrank", json_integer(growth->shrank));
	}
	if (more->ages)
		set_ages(item, &more->ages[i]);
	if (more->errors) {
		json_object_set_new(item, "size_error", json_count(more->errors[i].size));
		json_object_set_new(item, "count_error", json_count(more->errors[i].count));
	}
	if (!more->nparts)
		return;
	json_object_set_new(item, "shares",
			    shares_json(more->shares + i * more->nparts, more->nparts));
	if (!more->growth)
		json_object_set_new(item, "inherited",
				    json_count(items_inherited(more, stats, i)));
}

bool items_write_json(const struct report *how, json_t *head,
		      const struct tm_stats *stats, const struct items_more *more,
		      struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf buf = { 0 };
	size_t shown = items_shown(how, stats->n);

	json_begin_list(&buf, head);
	for (size_t i = 0; i < shown && !ferror(how->out); i++) {
		const struct tm_stat *stat = &stats->items[i];
		json_t *item = item_json(stat, stats->is_diff);

		if (more)
			set_more(item, more, stats, i);
		if (i)
			tm_buf_addc(&buf, ',');
		json_append_real(&buf, item, average(stat));
		json_decref(item);
		fwrite(buf.data, 1, buf.len, how->out);
		tm_buf_clear(&buf);
	}
	json_end_list(&buf);
	fwrite(buf.data, 1, buf.len, how->out);
	return codec_written(how->out, err);
}

/* ---- CSV -------------------------------------------------------------------- */

static void add_figures(struct tm_buf *row, const struct tm_stat *stat,
			bool is_diff)
{
	if (is_diff)
		tm_buf_addf(row, "%" PRIu64 ",%" PRId64 ",%" PRIu64 ",%" PRId64 ",",
			    stat->size, stat->size_diff, stat->count,
			    stat->count_diff);
	else
		tm_buf_addf(row, "%" PRIu64 ",%" PRIu64 ",%.3f,", stat->size,
			    stat->count, average(stat));
}

/* filename and lineno of the most recent frame, then all frames. */
static void add_location(struct tm_buf *row, const struct tm_stat *stat)
{
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	uint32_t n = tm_stat_nframe(stat);
	struct tm_frame_view last = tm_stat_frame(stat, n - 1);

	for (uint32_t i = 0; i < n; i++) {
		struct tm_frame_view frame = tm_stat_frame(stat, i);

		/* Written as the functions of native frames are. */
		frame.native |= stat->key == TM_KEY_FUNCTION;
		if (i)
			tm_buf_addc(&text, ';');
		csv_add_frame(&text, frame);
	}
	csv_add_name(row, last.filename);
	tm_buf_addf(row, ",%" PRIu32 ",", last.lineno);
	csv_add_field(row, text.data, text.len);
}

void items_add_column(struct tm_buf *columns, const struct tm_meta *meta,
		      const char *file)
{
	tm_buf_addc(columns, ',');
	if (file)
		csv_add_bytes(columns, file);
	else
		tm_buf_addf(columns, "pid %" PRId32, meta->pid);
}

static void add_age(struct tm_buf *row, uint32_t age)
{
	tm_buf_addc(row, ',');
	if (age != TM_AGE_NONE)
		tm_buf_addf(row, "%" PRIu32, seconds(age));
}

static void add_more(struct tm_buf *row, const struct items_more *more, size_t i)
{
	if (more->ages) {
		add_age(row, more->ages[i].oldest);
		add_age(row, more->ages[i].newest);
	}
	for (size_t k = 0; k < more->nparts; k++)
		tm_buf_addf(row, ",%" PRIu64, more->shares[i * more->nparts + k].size);
}

static void add_growth(struct tm_buf *row, const struct tm_growth *growth)
{
	tm_buf_addf(row, "%" PRIu64 ",%" PRIu32 ",%" PRIu32 ",", growth->lasting,
		    growth->grew, growth->shrank);
}

bool items_write_csv(const struct report *how, const char *columns,
		     const struct tm_stats *stats, const struct items_more *more,
		     struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf row = { 0 };
	size_t shown = items_shown(how, stats->n);

	fprintf(how->out, "%s\r\n", columns);
	for (size_t i = 0; i < shown && !ferror(how->out); i++) {
		tm_buf_clear(&row);
		add_figures(&row, &stats->items[i], stats->is_diff);
		if (more && more->growth)
			add_growth(&row, &more->growth[i]);
		add_location(&row, &stats->items[i]);
		if (more)
			add_more(&row, more, i);
		tm_buf_adds(&row, "\r\n");
		fwrite(row.data, 1, row.len, how->out);
	}
	return codec_written(how->out, err);
}
