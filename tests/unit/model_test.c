/*
 * Worked examples, each checked against CPython 3.7, 3.9, 3.13 and 3.15, and
 * what Python has no counterpart for: native frames, limits, drill-down.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "tmattach/format.h"

#define TEXT(s) ((struct tm_text){ s, sizeof(s) - 1 })

static const struct tm_meta some_meta = { .pid = 4711, .traceback_limit = 10 };
static const struct tm_query by_file = { .key = TM_KEY_FILENAME };
static const struct tm_query by_line = { .key = TM_KEY_LINENO };
static const struct tm_query by_traceback = { .key = TM_KEY_TRACEBACK };
static const struct tm_query by_file_all = { .key = TM_KEY_FILENAME,
					     .cumulative = true };
static const struct tm_query by_line_all = { .key = TM_KEY_LINENO,
					     .cumulative = true };

/* A trace: its frames newest first, "a.py:1 b.py:20". */
struct trace {
	uint32_t domain;
	uint64_t size;
	const char *frames;
};

static tm_id add_trace(struct tm_builder *b, const struct trace *trace)
{
	tm_id frames[8], reversed[8];
	uint32_t n = 0;
	const char *at = trace->frames;
	tm_id tb;

	while (*at) {
		size_t len = strcspn(at, ":");
		char *end;
		uint32_t lineno = (uint32_t)strtoul(at + len + 1, &end, 10);

		reversed[n++] = tm_builder_frame(
			b, tm_builder_string(b, at, len), lineno);
		at = end + (*end == ' ');
	}
	for (uint32_t i = 0; i < n; i++)
		frames[i] = reversed[n - 1 - i];
	tb = tm_builder_traceback(b, frames, n, n);
	tm_builder_traces(b, tm_builder_site(b, tb, trace->domain),
			  trace->size, 1);
	return tb;
}

static struct tm_snapshot *make(const struct trace *traces, size_t n)
{
	struct tm_builder *b = tm_builder_create();
	struct tm_snapshot *s;
	struct tm_err err;

	for (size_t i = 0; i < n; i++)
		add_trace(b, &traces[i]);
	s = tm_builder_finish(b, &some_meta, &err);
	assert_non_null(s);
	return s;
}

static struct tm_snapshot *example(void)
{
	static const struct trace traces[] = {
		{ 0, 100, "a.py:10 b.py:20" },
		{ 0, 50, "a.py:10 b.py:20" },
		{ 0, 50, "b.py:20 a.py:10" },
		{ 389047, 1000, "b.py:5 b.py:20 a.py:10" },
	};

	return make(traces, 4);
}

/* The statistics as lines of text. */
static char *lines(struct tm_stats *stats)
{
	struct tm_buf buf = { 0 };

	assert_non_null(stats);
	for (size_t i = 0; i < stats->n; i++) {
		char *str = tm_stat_str(&stats->items[i], stats->is_diff, NULL);

		tm_buf_adds(&buf, str);
		tm_buf_addc(&buf, '\n');
		free(str);
	}
	tm_stats_destroy(stats);
	tm_buf_adds(&buf, "");
	return buf.data;
}

static void expect_stats(const struct tm_snapshot *s,
			 const struct tm_query *query, const char *expected)
{
	struct tm_err err;
	char *got = lines(tm_snapshot_statistics(s, query, &err));

	assert_string_equal(got, expected);
	free(got);
}

static void groups_by_each_key(void **state)
{
	struct tm_snapshot *s = example();

	(void)state;
	expect_stats(s, &by_file,
		     "b.py:0: size=1050 B, count=2, average=525 B\n"
		     "a.py:0: size=150 B, count=2, average=75 B\n");
	expect_stats(s, &by_line,
		     "b.py:5: size=1000 B, count=1, average=1000 B\n"
		     "a.py:10: size=150 B, count=2, average=75 B\n"
		     "b.py:20: size=50 B, count=1, average=50 B\n");
	expect_stats(s, &by_traceback,
		     "a.py:10: size=1000 B, count=1, average=1000 B\n"
		     "b.py:20: size=150 B, count=2, average=75 B\n"
		     "a.py:10: size=50 B, count=1, average=50 B\n");
	expect_stats(s, &by_file_all,
		     "b.py:0: size=2200 B, count=5, average=440 B\n"
		     "a.py:0: size=1200 B, count=4, average=300 B\n");
	expect_stats(s, &by_line_all,
		     "b.py:20: size=1200 B, count=4, average=300 B\n"
		     "a.py:10: size=1200 B, count=4, average=300 B\n"
		     "b.py:5: size=1000 B, count=1, average=1000 B\n");
	tm_snapshot_destroy(s);
}

static void recursion_counts_as_often_as_it_occurs(void **state)
{
	static const struct trace trace = { 0, 64,
					    "a.py:1 a.py:1 a.py:1 b.py:2" };
	struct tm_snapshot *s = make(&trace, 1);

	(void)state;
	expect_stats(s, &by_line_all,
		     "a.py:1: size=192 B, count=3, average=64 B\n"
		     "b.py:2: size=64 B, count=1, average=64 B\n");
	tm_snapshot_destroy(s);
}

static void ties_are_ordered_by_count_and_traceback(void **state)
{
	static const struct trace traces[] = {
		{ 0, 10, "a.py:1" }, { 0, 10, "a.py:2" }, { 0, 10, "b.py:1" },
		{ 0, 5, "z.py:9" },  { 0, 5, "z.py:9" },
	};
	struct tm_snapshot *s = make(traces, 5);

	(void)state;
	expect_stats(s, &by_line,
		     "z.py:9: size=10 B, count=2, average=5 B\n"
		     "b.py:1: size=10 B, count=1, average=10 B\n"
		     "a.py:2: size=10 B, count=1, average=10 B\n"
		     "a.py:1: size=10 B, count=1, average=10 B\n");
	tm_snapshot_destroy(s);
}

static void cumulative_tracebacks_are_refused(void **state)
{
	struct tm_query query = { .key = TM_KEY_TRACEBACK, .cumulative = true };
	struct tm_snapshot *s = example();
	struct tm_err err;

	(void)state;
	assert_null(tm_snapshot_statistics(s, &query, &err));
	assert_int_equal(err.kind, TM_ERR_USAGE);
	err.kind = TM_ERR_NONE;
	assert_null(tm_snapshot_compare(s, s, &query, &err));
	assert_int_equal(err.kind, TM_ERR_USAGE);
	tm_snapshot_destroy(s);
}

static void cumulative_sums_have_a_limit(void **state)
{
	static const struct trace trace = { 0, INT64_MAX, "a.py:1 a.py:1" };
	struct tm_snapshot *s = make(&trace, 1);
	struct tm_err err;

	(void)state;
	assert_null(tm_snapshot_statistics(s, &by_line_all, &err));
	assert_int_equal(err.kind, TM_ERR_LIMIT);
	expect_stats(s, &by_line, "a.py:1: size=8388608 TiB, count=1, "
				  "average=8388608 TiB\n");
	tm_snapshot_destroy(s);
}

static void differences_name_what_came_and_went(void **state)
{
	static const struct trace traces[] = {
		{ 0, 100, "a.py:10 b.py:20" },
		{ 0, 2048, "c.py:3" },
		{ 0, 1, "b.py:5" },
	};
	struct tm_snapshot *older = example();
	struct tm_snapshot *newer = make(traces, 3);
	struct tm_stats *stats;
	struct tm_err err;
	char *got;

	(void)state;
	stats = tm_snapshot_compare(newer, older, &by_line, &err);
	assert_non_null(stats);
	assert_ptr_equal(stats->items[0].snapshot, newer);
	assert_ptr_equal(stats->items[3].snapshot, older);
	assert_int_equal(stats->total_size, 2149);
	got = lines(stats);
	assert_string_equal(
		got,
		"c.py:3: size=2048 B (+2048 B), count=1 (+1), average=2048 B\n"
		"b.py:5: size=1 B (-999 B), count=1 (+0), average=1 B\n"
		"a.py:10: size=100 B (-50 B), count=1 (-1), average=100 B\n"
		"b.py:20: size=0 B (-50 B), count=0 (-1)\n");
	free(got);
	tm_snapshot_destroy(newer);
	tm_snapshot_destroy(older);
}

/* ---- filters --------------------------------------------------------------- */

/* The sizes that pass, in ascending order: "50 100 ". */
static void expect_sizes(const struct tm_filter *filters, size_t n,
			 const char *expected)
{
	struct tm_snapshot *s = example();
	struct tm_snapshot *few = tm_snapshot_filter(s, filters, n);
	static const uint64_t sizes[] = { 50, 100, 1000 };
	struct tm_buf buf = { 0 };

	tm_buf_adds(&buf, "");
	for (size_t k = 0; k < 3; k++)
		for (size_t i = 0; i < few->nrows; i++)
			if (few->rows[i].size == sizes[k])
				tm_buf_addf(&buf, "%u ", (unsigned)sizes[k]);
	assert_string_equal(buf.data, expected);
	assert_int_equal(few->meta.pid, 4711);
	assert_int_equal(few->total_count, few->nrows);
	tm_buf_free(&buf);
	tm_snapshot_destroy(few);
	tm_snapshot_destroy(s);
}

static void filters_keep_what_python_keeps(void **state)
{
	static const struct {
		struct tm_filter filter;
		const char *sizes;
	} cases[] = {
		{ { .inclusive = true, .pattern = TEXT("a.py") }, "50 100 " },
		{ { .pattern = TEXT("a.py") }, "50 1000 " },
		{ { .all_frames = true, .pattern = TEXT("a.py") }, "" },
		{ { .inclusive = true, .pattern = TEXT("b.py"),
		    .has_lineno = true, .lineno = 20 }, "50 " },
		{ { .pattern = TEXT("b.py"), .has_lineno = true, .lineno = 5 },
		  "50 50 100 " },
		{ { .inclusive = true, .pattern = TEXT("*.pyc") },
		  "50 50 100 1000 " },
		{ { .inclusive = true, .pattern = TEXT("a.py"),
		    .has_domain = true }, "50 100 " },
		{ { .pattern = TEXT("a.py"), .has_domain = true }, "50 1000 " },
		{ { .pattern = TEXT("a.py"), .has_domain = true,
		    .domain = 389047 }, "50 50 100 1000 " },
		{ { .domain_only = true }, "1000 " },
		{ { .domain_only = true, .inclusive = true }, "50 50 100 " },
	};
	const struct tm_filter two[] = {
		{ .inclusive = true, .pattern = TEXT("*.py") },
		{ .pattern = TEXT("b*"), .has_lineno = true, .lineno = 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_sizes(&cases[i].filter, 1, cases[i].sizes);
	expect_sizes(two, 2, "50 50 100 ");
	expect_sizes(NULL, 0, "50 50 100 1000 ");
}

static void patterns_match_as_fnmatch_does(void **state)
{
	static const struct {
		struct tm_text pattern, name;
		bool matches;
	} cases[] = {
		{ TEXT("*"), TEXT(""), true },
		{ TEXT("*.py"), TEXT("a/b\n.py"), true },
		{ TEXT("*a*b"), TEXT("xaxbxab"), true },
		{ TEXT("*a*b"), TEXT("xaxbxac"), false },
		{ TEXT("?"), TEXT("\xc3\xa9"), true },
		{ TEXT("?"), TEXT("\xed\xb2\x80"), true },
		{ TEXT("??"), TEXT("\xf0\x9f\x90\x8d"), false },
		{ TEXT("[\xc3\xa0-\xc3\xbf]"), TEXT("\xc3\xa9"), true },
		{ TEXT("[!a]"), TEXT("a"), false },
		{ TEXT("[^a]"), TEXT("^"), true },
		{ TEXT("[]]"), TEXT("]"), true },
		{ TEXT("[a"), TEXT("[a"), true },
		{ TEXT("[a-]"), TEXT("-"), true },
		{ TEXT("[a-a]"), TEXT("a"), true },
		{ TEXT("[a-b-d]"), TEXT("c"), false },
		{ TEXT("[a-b-d]"), TEXT("-"), true },
		{ TEXT("[b-a]"), TEXT("b"), false },
		{ TEXT("[!b-a]"), TEXT("b"), true },
		{ TEXT("[b-a!x]"), TEXT("y"), true },
		{ TEXT("[b-a!x]"), TEXT("x"), false },
		{ TEXT("[b-a!-z]"), TEXT("-"), false },
		{ TEXT("[b-a!-z]"), TEXT("a"), true },
		{ TEXT("\\*"), TEXT("\\x"), true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (tm_fnmatch(cases[i].pattern, cases[i].name) !=
		    cases[i].matches)
			fail_msg("%s against %s", cases[i].pattern.bytes,
				 cases[i].name.bytes);
}

/* ---- texts ------------------------------------------------------------------ */

static void sizes_are_printed_as_python_prints_them(void **state)
{
	static const struct {
		double size;
		bool sign;
		const char *text;
	} cases[] = {
		{ 10239, false, "10239 B" },
		{ 10240, false, "10.0 KiB" },
		{ 102348.8, false, "100.0 KiB" },
		{ 102399, false, "100.0 KiB" },
		{ 102400, false, "100 KiB" },
		{ 10485759, false, "10240 KiB" },
		{ 10485760, false, "10.0 MiB" },
		{ 12.5, false, "12 B" },
		{ 13.5, false, "14 B" },
		{ 10 * 1024.0 * 1024 * 1024 * 1024 * 1024, false, "10240 TiB" },
		{ 0, true, "+0 B" },
		{ -5, true, "-5 B" },
		{ -10240, true, "-10.0 KiB" },
	};
	char buf[32];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(tm_format_size(buf, cases[i].size,
						   cases[i].sign),
				    cases[i].text);
}

static void tracebacks_are_formatted_as_python_does(void **state)
{
	struct tm_snapshot *s = example();
	tm_id tb = (tm_id)s->ntracebacks - 1;
	static const struct {
		int32_t limit;
		bool recent;
		const char *text;
	} cases[] = {
		{ 1, false, "  File \"b.py\", line 5" },
		{ -1, false, "  File \"a.py\", line 10\n"
			     "  File \"b.py\", line 20" },
		{ 2, true, "  File \"b.py\", line 5\n"
			   "  File \"b.py\", line 20" },
		{ 0, false, "" },
		{ -3, false, "" },
		{ INT32_MIN, false, "" },
		{ TM_NO_LIMIT, false, "  File \"a.py\", line 10\n"
				      "  File \"b.py\", line 20\n"
				      "  File \"b.py\", line 5" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t len;
		char *got = tm_traceback_format(s, tb, cases[i].limit,
						cases[i].recent, false, NULL, &len);

		assert_string_equal(got, cases[i].text);
		assert_int_equal(len, strlen(cases[i].text));
		free(got);
	}
	tm_snapshot_destroy(s);
}

/* ---- drill-down --------------------------------------------------------------- */

static void sites_behind_a_statistic_are_found(void **state)
{
	struct tm_snapshot *s = example();
	struct tm_snapshot *other = example();
	struct tm_err err;
	struct tm_stats *stats = tm_snapshot_statistics(s, &by_line_all, &err);
	tm_id *ids;
	size_t n;

	(void)state;
	assert_non_null(stats); /* items[0] is b.py:20 */
	ids = tm_stat_sites(s, &stats->items[0], &by_line_all, &n);
	assert_int_equal(n, 3);
	assert_int_equal(s->sites[ids[0]].size, 1000);
	assert_int_equal(s->sites[ids[1]].size, 150);
	assert_int_equal(s->sites[ids[2]].size, 50);
	free(ids);
	ids = tm_stat_sites(other, &stats->items[0], &by_line, &n);
	assert_int_equal(n, 1);
	assert_int_equal(other->sites[ids[0]].size, 50);
	free(ids);
	tm_stats_destroy(stats);
	tm_snapshot_destroy(other);
	tm_snapshot_destroy(s);
}

/* ---- native frames --------------------------------------------------------------- */

struct native {
	const char *file;
	uint32_t lineno;
	const char *function;
	const char *module;
	uint64_t address;
	uint64_t size;
};

static tm_id string(struct tm_builder *b, const char *s)
{
	return s ? tm_builder_string(b, s, strlen(s)) : TM_ID_NONE;
}

static struct tm_snapshot *make_native(const struct native *natives, size_t n,
				       const char *first_name)
{
	struct tm_builder *b = tm_builder_create();
	struct tm_snapshot *s;
	struct tm_err err;

	string(b, first_name); /* so that ids differ between snapshots */
	for (size_t i = 0; i < n; i++) {
		struct tm_native_frame frame = {
			.function = string(b, natives[i].function),
			.module = TM_ID_NONE,
			.address = natives[i].address,
		};
		tm_id id;

		if (natives[i].module)
			frame.module = tm_builder_module(
				b, string(b, natives[i].module), TM_ID_NONE);
		id = tm_builder_native_frame(b, string(b, natives[i].file),
					     natives[i].lineno, &frame);
		id = tm_builder_traceback(b, &id, 1, 1);
		tm_builder_traces(b, tm_builder_site(b, id, 0),
				  natives[i].size, 1);
	}
	s = tm_builder_finish(b, &some_meta, &err);
	assert_non_null(s);
	return s;
}

static const struct native natives[] = {
	{ "x.c", 7, "f", "libx.so", 0x10, 1 },
	{ "x.c", 7, "g", "libx.so", 0x20, 2 },
	{ "", 0, "f", "libx.so", 0x30, 4 },
	{ "", 0, "f", "libx.so", 0x40, 8 },
	{ "", 0, NULL, "libx.so", 0x50, 16 },
	{ "", 0, NULL, "libx.so", 0x60, 32 },
	{ "", 0, NULL, NULL, 0x70, 64 },
	{ "", 0, "h", NULL, 0x80, 128 },
};

static void native_frames_are_named_by_what_is_known(void **state)
{
	struct tm_snapshot *s = make_native(natives, 8, "one");
	static const char places[] =
		"h: size=128 B, count=1, average=128 B\n"
		"0x70: size=64 B, count=1, average=64 B\n"
		"libx.so+0x60: size=32 B, count=1, average=32 B\n"
		"libx.so+0x50: size=16 B, count=1, average=16 B\n"
		"f (libx.so): size=12 B, count=2, average=6 B\n"
		"x.c:7: size=3 B, count=2, average=2 B\n";
	char *got;

	(void)state;
	expect_stats(s, &by_line, places);
	expect_stats(s, &by_traceback, places);
	expect_stats(s, &by_file,
		     ":0: size=192 B, count=2, average=96 B\n"
		     "libx.so:0: size=60 B, count=4, average=15 B\n"
		     "x.c:0: size=3 B, count=2, average=2 B\n");
	got = tm_traceback_format(s, 0, TM_NO_LIMIT, false, false, NULL, NULL);
	assert_string_equal(got, "  File \"x.c\", line 7, in f");
	free(got);
	got = tm_traceback_format(s, 2, TM_NO_LIMIT, false, false, NULL, NULL);
	assert_string_equal(got, "  f (libx.so)");
	free(got);
	tm_snapshot_destroy(s);
}

/* Two functions of one line, and a frame of which none is known. */
static struct tm_snapshot *make_functions(void)
{
	struct tm_builder *b = tm_builder_create();
	struct tm_meta meta = { 0 };
	struct tm_err err;
	tm_id file = tm_builder_string(b, "x.py", 4);
	tm_id names[] = { tm_builder_string(b, "f", 1),
			  tm_builder_string(b, "f.<locals>.g", 12), TM_ID_NONE };
	tm_id frames[3];

	for (size_t i = 0; i < 3; i++) {
		frames[i] = tm_builder_function_frame(b, file, 7, names[i]);
		assert_int_equal(frames[i], i);
		assert_int_equal(tm_builder_function_frame(b, file, 7, names[i]), i);
		tm_builder_traces(b, tm_builder_site(b, tm_builder_traceback(
			b, &frames[i], 1, 1), 0), 10 << i, 1);
	}
	return tm_builder_finish(b, &meta, &err);
}

/* As in tracemalloc, they are one place: what is counted is not changed by names. */
static void functions_do_not_part_a_line(void **state)
{
	struct tm_snapshot *s = make_functions(), *plain, *merged;
	struct tm_builder *b = tm_builder_create();
	struct tm_meta meta = { 0 };
	struct tm_err err;
	const struct tm_snapshot *both[2];
	tm_id frame = tm_builder_frame(b, tm_builder_string(b, "x.py", 4), 7);
	struct tm_stats *stats;
	char *got;

	(void)state;
	tm_builder_traces(b, tm_builder_site(b, tm_builder_traceback(b, &frame, 1, 1), 0),
			  5, 1);
	plain = tm_builder_finish(b, &meta, &err);
	expect_stats(s, &by_line, "x.py:7: size=70 B, count=3, average=23 B\n");
	expect_stats(s, &by_traceback, "x.py:7: size=70 B, count=3, average=23 B\n");
	stats = tm_snapshot_compare(s, plain, &by_traceback, &err);
	assert_int_equal(stats->n, 1);
	assert_int_equal(stats->items[0].size_diff, 65);
	tm_stats_destroy(stats);
	both[0] = plain;
	both[1] = s;
	merged = tm_snapshot_merge(both, 2, &err);
	expect_stats(merged, &by_line, "x.py:7: size=75 B, count=4, average=19 B\n");
	got = tm_traceback_format(s, 1, TM_NO_LIMIT, false, false, NULL, NULL);
	assert_string_equal(got, "  File \"x.py\", line 7");
	free(got);
	got = tm_traceback_format(s, 1, TM_NO_LIMIT, false, true, NULL, NULL);
	assert_string_equal(got, "  File \"x.py\", line 7, in f.<locals>.g");
	free(got);
	tm_snapshot_destroy(merged);
	tm_snapshot_destroy(plain);
	tm_snapshot_destroy(s);
}

static void native_frames_are_found_again(void **state)
{
	struct tm_snapshot *older = make_native(natives, 7, "one");
	struct tm_snapshot *newer = make_native(natives + 1, 7, "two");
	const struct tm_filter filter = { .inclusive = true,
					  .pattern = TEXT("libx*") };
	struct tm_snapshot *few = tm_snapshot_filter(older, &filter, 1);
	struct tm_err err;
	const struct tm_query *const queries[] = { &by_line, &by_traceback };
	char *got;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		got = lines(tm_snapshot_compare(newer, older, queries[i],
						&err));
		assert_string_equal(
			got,
			"h: size=128 B (+128 B), count=1 (+1), average=128 B\n"
			"x.c:7: size=2 B (-1 B), count=1 (-1), average=2 B\n"
			"0x70: size=64 B (+0 B), count=1 (+0), average=64 B\n"
			"libx.so+0x60: size=32 B (+0 B), count=1 (+0), "
			"average=32 B\n"
			"libx.so+0x50: size=16 B (+0 B), count=1 (+0), "
			"average=16 B\n"
			"f (libx.so): size=12 B (+0 B), count=2 (+0), "
			"average=6 B\n");
		free(got);
	}
	expect_stats(few, &by_line,
		     "libx.so+0x60: size=32 B, count=1, average=32 B\n"
		     "libx.so+0x50: size=16 B, count=1, average=16 B\n"
		     "f (libx.so): size=12 B, count=2, average=6 B\n");
	tm_snapshot_destroy(few);
	tm_snapshot_destroy(newer);
	tm_snapshot_destroy(older);
}

static void an_unknown_function_is_no_missing_one(void **state)
{
	static const struct native then = { "", 0, "f", "libx.so", 0, 1 };
	static const struct native now = { "", 0, NULL, "libx.so", 0, 2 };
	struct tm_snapshot *older = make_native(&then, 1, "");
	struct tm_snapshot *newer = make_native(&now, 1, "");
	struct tm_err err;
	char *got = lines(tm_snapshot_compare(newer, older, &by_line, &err));

	(void)state;
	assert_string_equal(got, "libx.so+0x0: size=2 B (+2 B), count=1 (+1), "
				 "average=2 B\n"
				 "f (libx.so): size=0 B (-1 B), count=0 (-1)\n");
	free(got);
	tm_snapshot_destroy(newer);
	tm_snapshot_destroy(older);
}

static void tied_native_frames_are_ordered_by_their_code(void **state)
{
	static const struct native tied[] = {
		{ "", 0, NULL, "a.so", 2, 8 },	{ "", 0, "f", "a.so", 9, 8 },
		{ "", 0, NULL, NULL, 5, 8 },	{ "", 0, "g", "a.so", 1, 8 },
		{ "", 0, NULL, "a.so", 16, 8 }, { "", 0, "a", "b.so", 0, 8 },
	};
	struct tm_snapshot *s = make_native(tied, 6, "");

	(void)state;
	expect_stats(s, &by_line,
		     "a (b.so): size=8 B, count=1, average=8 B\n"
		     "g (a.so): size=8 B, count=1, average=8 B\n"
		     "f (a.so): size=8 B, count=1, average=8 B\n"
		     "a.so+0x10: size=8 B, count=1, average=8 B\n"
		     "a.so+0x2: size=8 B, count=1, average=8 B\n"
		     "0x5: size=8 B, count=1, average=8 B\n");
	tm_snapshot_destroy(s);
}

/* Equal sizes throughout, so that all order comes from the frames. */
static void many_tied_tracebacks_are_in_order(void **state)
{
	struct tm_builder *b = tm_builder_create();
	struct tm_snapshot *s;
	struct tm_stats *stats;
	struct tm_err err;

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		uint32_t mixed = i * 2654435761u % 5000;
		tm_id frames[60], file = string(b, "a.py");
		uint32_t n = 1 + mixed % 60;

		for (uint32_t f = 0; f < n; f++)
			frames[f] = tm_builder_frame(
				b, file, f < 40 ? 1 : mixed >> (60 - f) & 1);
		tm_builder_traces(b, tm_builder_site(
			b, tm_builder_traceback(b, frames, n, n), i), 8, 1);
	}
	s = tm_builder_finish(b, &some_meta, &err);
	assert_non_null(s);
	stats = tm_snapshot_statistics(s, &by_traceback, &err);
	assert_non_null(stats);
	for (size_t i = 1; i < stats->n; i++) {
		const struct tm_stat *x = &stats->items[i - 1], *y = x + 1;
		uint32_t f = 0, nx = tm_stat_nframe(x), ny = tm_stat_nframe(y);

		if (x->size != y->size) {
			assert_true(x->size > y->size);
			continue;
		}
		while (f < nx && f < ny && tm_stat_frame(x, f).lineno ==
					   tm_stat_frame(y, f).lineno)
			f++;
		assert_true(f == ny ? f < nx : f < nx &&
			    tm_stat_frame(x, f).lineno >
			    tm_stat_frame(y, f).lineno);
	}
	tm_stats_destroy(stats);
	tm_snapshot_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_by_each_key),
		cmocka_unit_test(recursion_counts_as_often_as_it_occurs),
		cmocka_unit_test(ties_are_ordered_by_count_and_traceback),
		cmocka_unit_test(cumulative_tracebacks_are_refused),
		cmocka_unit_test(cumulative_sums_have_a_limit),
		cmocka_unit_test(differences_name_what_came_and_went),
		cmocka_unit_test(filters_keep_what_python_keeps),
		cmocka_unit_test(patterns_match_as_fnmatch_does),
		cmocka_unit_test(sizes_are_printed_as_python_prints_them),
		cmocka_unit_test(tracebacks_are_formatted_as_python_does),
		cmocka_unit_test(sites_behind_a_statistic_are_found),
		cmocka_unit_test(native_frames_are_named_by_what_is_known),
		cmocka_unit_test(native_frames_are_found_again),
		cmocka_unit_test(an_unknown_function_is_no_missing_one),
		cmocka_unit_test(tied_native_frames_are_ordered_by_their_code),
		cmocka_unit_test(functions_do_not_part_a_line),
		cmocka_unit_test(many_tied_tracebacks_are_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
