/*
 * Threads of traces: grouped by, written and read, and not there in what tracemalloc has.
 */
#include "unit/codec_fixture.h"

#include "tmattach/format.h"

static const struct tm_query by_thread = { .key = TM_KEY_THREAD };
static const struct tm_query by_line = { .key = TM_KEY_LINENO };

static tm_id text(struct tm_builder *b, const char *s)
{
	return s ? tm_builder_string(b, s, strlen(s)) : TM_ID_NONE;
}

/* One traceback, and who has come through it; a name of NULL: not known. */
static struct tm_snapshot *make(const char *const *threads, const uint32_t *counts, size_t n)
{
	struct tm_builder *b = tm_builder_create();
	tm_id frame = tm_builder_frame(b, text(b, "a.py"), 3);
	tm_id traceback = tm_builder_traceback(b, &frame, 1, 1);

	for (size_t i = 0; i < n; i++)
		tm_builder_traces(b, tm_builder_thread_site(b, traceback, 0, text(b, threads[i])),
				  10, counts[i]);
	return fixture_finish(b);
}

static void expect(struct tm_stats *stats, const char *expected)
{
	struct tm_buf all = { 0 };

	assert_non_null(stats);
	for (size_t i = 0; i < stats->n; i++) {
		char *line = tm_stat_str(&stats->items[i], stats->is_diff, NULL);

		tm_buf_addf(&all, "%s\n", line);
		free(line);
	}
	assert_string_equal(all.data, expected);
	tm_buf_free(&all);
	tm_stats_destroy(stats);
}

static const char *const names[] = { "web (7)", "job (9)", NULL };
static const uint32_t counts[] = { 3, 5, 1 };

static void a_group_is_a_thread(void **state)
{
	struct tm_snapshot *s = make(names, counts, 3);
	struct tm_err err;

	(void)state;
	expect(tm_snapshot_statistics(s, &by_thread, &err),
	       "job (9): size=50 B, count=5, average=10 B\n"
	       "web (7): size=30 B, count=3, average=10 B\n"
	       "<unknown>: size=10 B, count=1, average=10 B\n");
	expect(tm_snapshot_statistics(s, &by_line, &err),
	       "a.py:3: size=90 B, count=9, average=10 B\n");
	tm_snapshot_destroy(s);
}

static void a_thread_is_compared_with_itself(void **state)
{
	static const char *const later[] = { "new (11)", "job (9)" };
	struct tm_snapshot *older = make(names, counts, 2), *newer = make(later, counts, 2), *both;
	struct tm_err err;

	(void)state;
	expect(tm_snapshot_compare(newer, older, &by_thread, &err),
	       "new (11): size=30 B (+30 B), count=3 (+3), average=10 B\n"
	       "web (7): size=0 B (-30 B), count=0 (-3)\n"
	       "job (9): size=50 B (+0 B), count=5 (+0), average=10 B\n");
	both = tm_snapshot_merge((const struct tm_snapshot *[]){ older, newer }, 2, &err);
	expect(tm_snapshot_statistics(both, &by_thread, &err),
	       "job (9): size=100 B, count=10, average=10 B\n"
	       "web (7): size=30 B, count=3, average=10 B\n"
	       "new (11): size=30 B, count=3, average=10 B\n");
	tm_snapshot_destroy(older);
	tm_snapshot_destroy(newer);
	tm_snapshot_destroy(both);
}

static void a_file_keeps_them(void **state)
{
	struct tm_snapshot *s = make(names, counts, 3), *again = fixture_again(s);
	struct tm_err err;

	(void)state;
	expect(tm_snapshot_statistics(again, &by_thread, &err),
	       "job (9): size=50 B, count=5, average=10 B\n"
	       "web (7): size=30 B, count=3, average=10 B\n"
	       "<unknown>: size=10 B, count=1, average=10 B\n");
	tm_snapshot_destroy(s);
	tm_snapshot_destroy(again);
}

static void tracemalloc_has_none(void **state)
{
	struct tm_snapshot *s = make(&names[2], counts, 1);
	struct tm_query all = by_thread;
	struct tm_err err;

	(void)state;
	assert_null(tm_snapshot_statistics(s, &by_thread, &err));
	assert_int_equal(err.kind, TM_ERR_USAGE);
	assert_non_null(strstr(err.hint, "--exact"));
	all.cumulative = true;
	assert_null(tm_snapshot_statistics(s, &all, &err));
	tm_snapshot_destroy(s);
}

/* A table can be empty that would tell them. */
static void it_is_told_without_traces(void **state)
{
	struct tm_builder *b = tm_builder_create();
	struct tm_snapshot *s, *parts[3] = { NULL };
	struct tm_buf file;
	struct tm_err err;

	(void)state;
	tm_builder_has_threads(b);
	parts[0] = fixture_finish(b);
	parts[1] = tm_snapshot_select(parts[0], &by_thread);
	file = fixture_write(tm_codec_by_name("tms"), parts[1], NULL);
	parts[2] = fixture_read(tm_codec_by_name("tms"), file.data, file.len, &err);
	assert_non_null(parts[2]);
	s = tm_snapshot_merge((const struct tm_snapshot *const *)&parts[2], 1, &err);
	assert_true(tm_snapshot_has_threads(s));
	tm_stats_destroy(tm_snapshot_statistics(s, &by_thread, &err));
	for (size_t i = 0; i < 3; i++)
		tm_snapshot_destroy(parts[i]);
	tm_snapshot_destroy(s);
	tm_buf_free(&file);

	s = fixture_finish(tm_builder_create());
	assert_false(tm_snapshot_has_threads(s));
	assert_null(tm_snapshot_statistics(s, &by_thread, &err));
	assert_int_equal(err.kind, TM_ERR_USAGE);
	tm_snapshot_destroy(s);
}

static void they_are_the_oldest_frames(void **state)
{
	static const struct tm_query all = { .key = TM_KEY_TRACEBACK };
	struct tm_snapshot *s = make(names, counts, 3), *under;
	struct tm_buf folded;
	struct tm_stats *stats;
	struct tm_err err;

	(void)state;
	under = tm_snapshot_under_threads(s, &err);
	assert_non_null(under);
	folded = fixture_write(tm_codec_by_name("folded"), under, NULL);
	assert_string_equal(folded.data, "<unknown>;a.py:3 10\n"
			    "job (9);a.py:3 50\nweb (7);a.py:3 30\n");
	stats = tm_snapshot_statistics(under, &all, &err);
	assert_int_equal(stats->n, 3);
	tm_stats_destroy(stats);
	expect(tm_snapshot_statistics(under, &by_thread, &err),
	       "job (9): size=50 B, count=5, average=10 B\n"
	       "web (7): size=30 B, count=3, average=10 B\n"
	       "<unknown>: size=10 B, count=1, average=10 B\n");
	tm_buf_free(&folded);
	tm_snapshot_destroy(under);
	tm_snapshot_destroy(s);
	s = make(&names[2], counts, 1);
	assert_null(tm_snapshot_under_threads(s, &err));
	assert_int_equal(err.kind, TM_ERR_USAGE);
	tm_snapshot_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_is_a_thread),
		cmocka_unit_test(a_thread_is_compared_with_itself),
		cmocka_unit_test(a_file_keeps_them),
		cmocka_unit_test(tracemalloc_has_none),
		cmocka_unit_test(it_is_told_without_traces),
		cmocka_unit_test(they_are_the_oldest_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
