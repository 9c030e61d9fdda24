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
	struct tm_snapshot *s = make(names, counts, 3), *again;
	struct tm_buf file = fixture_write(tm_codec_by_name("tms"), s, NULL), second;
	struct tm_err err;

	(void)state;
	again = fixture_read(tm_codec_by_name("tms"), file.data, file.len, &err);
	assert_non_null(again);
	expect(tm_snapshot_statistics(again, &by_thread, &err),
	       "job (9): size=50 B, count=5, average=10 B\n"
	       "web (7): size=30 B, count=3, average=10 B\n"
	       "<unknown>: size=10 B, count=1, average=10 B\n");
	second = fixture_write(tm_codec_by_name("tms"), again, NULL);
	assert_int_equal(second.len, file.len);
	assert_memory_equal(second.data, file.data, file.len);
	free(file.data);
	free(second.data);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_is_a_thread),
		cmocka_unit_test(a_thread_is_compared_with_itself),
		cmocka_unit_test(a_file_keeps_them),
		cmocka_unit_test(tracemalloc_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
