/*
 * Functions of Python frames: what they are grouped by, and what they do not change.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "tmattach/format.h"

static const struct tm_query by_function = { .key = TM_KEY_FUNCTION };
static const struct tm_query by_all_functions = { .key = TM_KEY_FUNCTION, .cumulative = true };
static const struct tm_query by_line = { .key = TM_KEY_LINENO };
static const struct tm_query by_traceback = { .key = TM_KEY_TRACEBACK };

/* A trace of one or two frames; the function NULL: unknown. */
struct trace {
	uint64_t size;
	struct {
		const char *filename;
		uint32_t lineno;
		const char *function;
	} frames[2]; /* oldest first */
};

static tm_id text(struct tm_builder *b, const char *s)
{
	return s ? tm_builder_string(b, s, strlen(s)) : TM_ID_NONE;
}

static struct tm_snapshot *make(const struct trace *traces, size_t n)
{
	struct tm_builder *b = tm_builder_create();
	struct tm_meta meta = { .traceback_limit = 2 };
	struct tm_snapshot *ret;
	struct tm_err err;

	for (size_t i = 0; i < n; i++) {
		tm_id frames[2];
		uint32_t k = 0;

		for (; k < 2 && traces[i].frames[k].filename; k++)
			frames[k] = tm_builder_function_frame(b,
				text(b, traces[i].frames[k].filename),
				traces[i].frames[k].lineno,
				text(b, traces[i].frames[k].function));
		tm_builder_traces(b, tm_builder_site(b, tm_builder_traceback(
			b, frames, k, TM_TOTAL_NFRAME_NONE), 0), traces[i].size, 1);
	}
	ret = tm_builder_finish(b, &meta, &err);
	assert_non_null(ret);
	return ret;
}

static struct tm_snapshot *example(void)
{
	static const struct trace traces[] = {
		{ 100, { { "a.py", 1, "main" }, { "a.py", 10, "f" } } },
		{ 50, { { "a.py", 1, "main" }, { "a.py", 11, "f" } } },
		{ 7, { { "a.py", 1, "main" }, { "a.py", 10, "g" } } },
		{ 20, { { "b.py", 10, "f" } } },
		{ 3, { { "b.py", 10, NULL } } },
		{ 2, { { "b.py", 11, NULL } } },
	};

	return make(traces, 6);
}

static void expect(struct tm_stats *stats, const char *expected)
{
	struct tm_buf got = { 0 };

	assert_non_null(stats);
	tm_buf_adds(&got, "");
	for (size_t i = 0; i < stats->n; i++) {
		char *line = tm_stat_str(&stats->items[i], stats->is_diff, NULL);

		tm_buf_addf(&got, "%s\n", line);
		free(line);
	}
	tm_stats_destroy(stats);
	assert_string_equal(got.data, expected);
	free(got.data);
}

static void groups_by_file_and_function(void **state)
{
	struct tm_snapshot *s = example();
	struct tm_err err;

	(void)state;
	expect(tm_snapshot_statistics(s, &by_function, &err),
	       "a.py:f: size=150 B, count=2, average=75 B\n"
	       "b.py:f: size=20 B, count=1, average=20 B\n"
	       "a.py:g: size=7 B, count=1, average=7 B\n"
	       "b.py:?: size=5 B, count=2, average=2 B\n");
	expect(tm_snapshot_statistics(s, &by_all_functions, &err),
	       "a.py:main: size=157 B, count=3, average=52 B\n"
	       "a.py:f: size=150 B, count=2, average=75 B\n"
	       "b.py:f: size=20 B, count=1, average=20 B\n"
	       "a.py:g: size=7 B, count=1, average=7 B\n"
	       "b.py:?: size=5 B, count=2, average=2 B\n");
	tm_snapshot_destroy(s);
}

/* A statistic's frame is the function, not a line or one of its frames. */
static void a_function_has_no_line(void **state)
{
	struct tm_snapshot *s = example();
	struct tm_err err;
	struct tm_stats *stats = tm_snapshot_statistics(s, &by_function, &err);
	struct tm_frame_view view;

	(void)state;
	assert_int_equal(tm_stat_nframe(&stats->items[0]), 1);
	view = tm_stat_frame(&stats->items[0], 0);
	assert_string_equal(view.filename.bytes, "a.py");
	assert_string_equal(view.function.bytes, "f");
	assert_int_equal(view.lineno, 0);
	assert_false(view.native);
	tm_stats_destroy(stats);
	tm_snapshot_destroy(s);
}

/* As tracemalloc, which knows no functions. */
static void places_are_lines_still(void **state)
{
	static const struct trace traces[] = {
		{ 10, { { "a.py", 1, "f" } } },
		{ 20, { { "a.py", 1, "<lambda>" } } },
		{ 30, { { "a.py", 1, NULL } } },
	};
	struct tm_snapshot *s = make(traces, 3);
	struct tm_err err;

	(void)state;
	expect(tm_snapshot_statistics(s, &by_line, &err),
	       "a.py:1: size=60 B, count=3, average=20 B\n");
	expect(tm_snapshot_statistics(s, &by_traceback, &err),
	       "a.py:1: size=60 B, count=3, average=20 B\n");
	tm_snapshot_destroy(s);
}

static void differences_are_of_functions(void **state)
{
	static const struct trace traces[] = {
		{ 5, { { "new.py", 1, "h" } } },
		{ 400, { { "a.py", 12, "f" } } },
		{ 20, { { "b.py", 10, "f" } } },
		{ 1, { { "b.py", 99, NULL } } },
	};
	struct tm_snapshot *older = example(), *newer = make(traces, 4);
	struct tm_err err;

	(void)state;
	expect(tm_snapshot_compare(newer, older, &by_function, &err),
	       "a.py:f: size=400 B (+250 B), count=1 (-1), average=400 B\n"
	       "a.py:g: size=0 B (-7 B), count=0 (-1)\n"
	       "new.py:h: size=5 B (+5 B), count=1 (+1), average=5 B\n"
	       "b.py:?: size=1 B (-4 B), count=1 (-1), average=1 B\n"
	       "b.py:f: size=20 B (+0 B), count=1 (+0), average=20 B\n");
	tm_snapshot_destroy(newer);
	tm_snapshot_destroy(older);
}

static void equal_ones_are_in_order(void **state)
{
	static const struct trace traces[] = {
		{ 1, { { "a.py", 1, "b" } } }, { 1, { { "a.py", 1, NULL } } },
		{ 1, { { "b.py", 1, "a" } } }, { 1, { { "a.py", 2, "c" } } },
	};
	struct tm_snapshot *s = make(traces, 4);
	struct tm_err err;

	(void)state;
	expect(tm_snapshot_statistics(s, &by_function, &err),
	       "b.py:a: size=1 B, count=1, average=1 B\n"
	       "a.py:c: size=1 B, count=1, average=1 B\n"
	       "a.py:b: size=1 B, count=1, average=1 B\n"
	       "a.py:?: size=1 B, count=1, average=1 B\n");
	tm_snapshot_destroy(s);
}

/* What passes the filter, by function. */
static void expect_left(const struct tm_filter *filter, const char *expected)
{
	struct tm_snapshot *s = example();
	struct tm_snapshot *few = tm_snapshot_filter(s, filter, 1);
	struct tm_err err;

	expect(tm_snapshot_statistics(few, &by_function, &err), expected);
	tm_snapshot_destroy(few);
	tm_snapshot_destroy(s);
}

static void filters_look_at_functions(void **state)
{
	struct tm_filter filter = { .inclusive = true, .pattern = { "*", 1 },
				    .function = { "f", 1 } };

	(void)state;
	expect_left(&filter, "a.py:f: size=150 B, count=2, average=75 B\n"
			     "b.py:f: size=20 B, count=1, average=20 B\n");
	/* Beside a file, and an unknown function matches nothing. */
	filter.pattern = (struct tm_text){ "b.py", 4 };
	filter.function = (struct tm_text){ "*", 1 };
	expect_left(&filter, "b.py:f: size=20 B, count=1, average=20 B\n");
	filter = (struct tm_filter){ .pattern = { "*", 1 }, .function = { "[fg]", 4 } };
	expect_left(&filter, "b.py:?: size=5 B, count=2, average=2 B\n");
	filter = (struct tm_filter){ .inclusive = true, .all_frames = true,
				     .pattern = { "*", 1 }, .function = { "main", 4 } };
	expect_left(&filter, "a.py:f: size=150 B, count=2, average=75 B\n"
			     "a.py:g: size=7 B, count=1, average=7 B\n");
}

/* C++: the whole name, or what is before the arguments. */
static void filters_look_at_native_functions(void **state)
{
	static const char *const names[] = { "void app::fill<int>(int)", "app::grow(long)" };
	struct tm_builder *b = tm_builder_create();
	struct tm_meta meta = { .traceback_limit = 1 };
	static const struct {
		const char *pattern;
		uint64_t size;
	} cases[] = {
		{ "app::fill<int>", 10 }, { "void app::fill<int>(int)", 10 },
		{ "app::*", 31 }, { "*(long)", 21 }, { "fill", 0 },
	};
	struct tm_snapshot *s;
	struct tm_err err;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const struct tm_native_frame native = {
			.function = text(b, names[i]), .module = TM_ID_NONE,
			.address = 0x1000 + i,
		};
		tm_id frame = tm_builder_native_frame(b, text(b, "a.cc"), 1 + i, &native);

		tm_builder_traces(b, tm_builder_site(b, tm_builder_traceback(
			b, &frame, 1, TM_TOTAL_NFRAME_NONE), 0), 10 + 11 * i, 1);
	}
	s = tm_builder_finish(b, &meta, &err);
	assert_non_null(s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct tm_filter filter = {
			.inclusive = true, .pattern = { "*", 1 },
			.function = { cases[i].pattern, strlen(cases[i].pattern) },
		};
		struct tm_snapshot *few = tm_snapshot_filter(s, &filter, 1);

		assert_int_equal(few->total_size, cases[i].size);
		tm_snapshot_destroy(few);
	}
	tm_snapshot_destroy(s);
}

static void sizes_are_selected(void **state)
{
	static const struct {
		struct tm_sizes sizes;
		size_t count, nsites;
	} cases[] = {
		{ { 0, UINT64_MAX }, 6, 6 }, { { 7, 50 }, 3, 3 }, { { 8, 19 }, 0, 0 },
		{ { 100, 100 }, 1, 1 },
	};
	struct tm_snapshot *s = example();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tm_snapshot *few = tm_snapshot_of_sizes(s, cases[i].sizes);

		assert_int_equal(few->total_count, cases[i].count);
		assert_int_equal(few->nsites, cases[i].nsites);
		tm_snapshot_destroy(few);
	}
	tm_snapshot_destroy(s);
}

/* Copies and sums keep them. */
static void functions_are_kept(void **state)
{
	const struct tm_filter filter = { .inclusive = true, .all_frames = true,
					  .pattern = { "a.py", 4 } };
	struct tm_snapshot *s = example();
	const struct tm_snapshot *parts[] = { s, s };
	struct tm_snapshot *few = tm_snapshot_filter(s, &filter, 1), *both;
	struct tm_err err;

	(void)state;
	expect(tm_snapshot_statistics(few, &by_function, &err),
	       "a.py:f: size=150 B, count=2, average=75 B\n"
	       "a.py:g: size=7 B, count=1, average=7 B\n");
	both = tm_snapshot_merge(parts, 2, &err);
	expect(tm_snapshot_statistics(both, &by_function, &err),
	       "a.py:f: size=300 B, count=4, average=75 B\n"
	       "b.py:f: size=40 B, count=2, average=20 B\n"
	       "a.py:g: size=14 B, count=2, average=7 B\n"
	       "b.py:?: size=10 B, count=4, average=2 B\n");
	tm_snapshot_destroy(both);
	tm_snapshot_destroy(few);
	tm_snapshot_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_by_file_and_function),
		cmocka_unit_test(a_function_has_no_line),
		cmocka_unit_test(places_are_lines_still),
		cmocka_unit_test(differences_are_of_functions),
		cmocka_unit_test(equal_ones_are_in_order),
		cmocka_unit_test(filters_look_at_functions),
		cmocka_unit_test(filters_look_at_native_functions),
		cmocka_unit_test(sizes_are_selected),
		cmocka_unit_test(functions_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
