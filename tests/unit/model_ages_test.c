/*
 * Ages of blocks: of groups, in filters, written and read, and not there in what does not
 * keep them.
 */
#include "unit/codec_fixture.h"

#include "tmattach/format.h"

enum { SECOND = 10, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
#define NS(tenths) ((uint64_t)(tenths) * TM_AGE_NS)

static const struct tm_query by_line = { .key = TM_KEY_LINENO };

/* Blocks of 10 bytes at a.py:LINE, as old as that. */
struct blocks {
	uint32_t line, age, count;
};

static const struct blocks mixed[] = {
	{ 1, 5 * MINUTE, 3 }, { 2, 12 * SECOND, 5 }, { 1, 12 * SECOND, 2 },
	{ 1, 30 * HOUR, 1 }, { 3, TM_AGE_NONE, 4 }, { 4, 80 * HOUR, 1 }, { 4, 0, 1 },
};

static struct tm_snapshot *make(const struct blocks *blocks, size_t n)
{
	struct tm_builder *b = tm_builder_create();
	tm_id file = tm_builder_string(b, "a.py", 4), thread = tm_builder_string(b, "web", 3);

	for (size_t i = 0; i < n; i++) {
		tm_id frame = tm_builder_frame(b, file, blocks[i].line);
		tm_id traceback = tm_builder_traceback(b, &frame, 1, 1);

		tm_builder_traces(b, tm_builder_aged_site(b, traceback, 0, thread, blocks[i].age),
				  10, blocks[i].count);
	}
	return fixture_finish(b);
}

static struct tm_snapshot *make_mixed(void)
{
	return make(mixed, sizeof(mixed) / sizeof(mixed[0]));
}

static void expect(const struct tm_snapshot *s, const struct tm_query *query,
		   const char *expected)
{
	struct tm_err err;
	struct tm_stats *stats = tm_snapshot_statistics(s, query, &err);
	struct tm_ages *ages = tm_stats_ages(stats, stats->n, s, query);
	struct tm_buf all = { 0 };
	char text[32];

	tm_buf_adds(&all, "");
	for (size_t i = 0; i < stats->n; i++)
		tm_buf_addf(&all, "%u: %u %s\n", tm_stat_frame(&stats->items[i], 0).lineno,
			    (unsigned)stats->items[i].count,
			    tm_format_ages(text, ages ? &ages[i] : NULL));
	assert_string_equal(all.data, expected);
	tm_buf_free(&all);
	free(ages);
	tm_stats_destroy(stats);
}

#define ALL "1: 6 12s-30h\n2: 5 12s\n3: 4 \n4: 2 0s-3d\n"

static void a_group_is_as_old_as_its_blocks(void **state)
{
	struct tm_snapshot *s = make_mixed(), *plain = tm_snapshot_without_ages(s);
	struct tm_query cumulative = { .key = TM_KEY_FILENAME, .cumulative = true };

	(void)state;
	assert_true(tm_snapshot_has_ages(s));
	expect(s, &by_line, ALL);
	expect(s, &cumulative, "0: 17 0s-3d\n");
	assert_false(tm_snapshot_has_ages(plain));
	expect(plain, &by_line, "1: 6 \n2: 5 \n3: 4 \n4: 2 \n");
	assert_int_equal(plain->nsites, 4);
	tm_snapshot_destroy(plain);
	tm_snapshot_destroy(s);
}

static void filters_take_ages(void **state)
{
	static const struct {
		uint64_t older, newer;
		const char *left;
	} cases[] = {
		{ 12 * SECOND, 0, "1: 6 12s-30h\n2: 5 12s\n4: 1 3d\n" },
		{ 12 * SECOND + 1, 0, "1: 4 5m-30h\n4: 1 3d\n" },
		{ 0, 12 * SECOND, "4: 1 0s\n" },
		{ SECOND, HOUR, "2: 5 12s\n1: 5 12s-5m\n" },
		{ 100 * HOUR, 0, "" },
	};
	struct tm_snapshot *s = make_mixed(), *left;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct tm_filter filter = { .older_ns = NS(cases[i].older),
						  .newer_ns = NS(cases[i].newer) };
		struct tm_query query = { .key = TM_KEY_LINENO, .filters = &filter, .nfilters = 1 };

		expect(s, &query, cases[i].left);
		left = tm_snapshot_filter(s, &filter, 1);
		expect(left, &by_line, cases[i].left);
		tm_snapshot_destroy(left);
	}
	tm_snapshot_destroy(s);
}

/* Among filters one of which has to match it is none of them. */
static void an_age_is_asked_besides(void **state)
{
	const struct tm_filter filters[] = {
		{ .inclusive = true, .older_ns = NS(MINUTE) },
		{ .inclusive = true, .has_lineno = true, .lineno = 1, .pattern = { "a.py", 4 } },
	};
	const struct tm_query query = { .key = TM_KEY_LINENO, .filters = filters, .nfilters = 2 };
	struct tm_snapshot *s = make_mixed();

	(void)state;
	expect(s, &query, "1: 4 5m-30h\n");
	tm_snapshot_destroy(s);
}

static void several_have_the_ages_of_all(void **state)
{
	static const struct blocks old[] = { { 2, 2 * HOUR, 1 } }, unknown[] = { { 2, TM_AGE_NONE, 1 } };
	struct tm_snapshot *parts[] = { make_mixed(), make(old, 1), make(unknown, 1) }, *all;
	struct tm_err err;

	(void)state;
	all = tm_snapshot_merge((const struct tm_snapshot *const *)parts, 3, &err);
	expect(all, &by_line, "2: 7 12s-2h\n1: 6 12s-30h\n3: 4 \n4: 2 0s-3d\n");
	for (size_t i = 0; i < 3; i++)
		tm_snapshot_destroy(parts[i]);
	tm_snapshot_destroy(all);
}

static void of_differences_the_newer_ones(void **state)
{
	static const struct blocks then[] = { { 2, HOUR, 1 }, { 9, HOUR, 1 } };
	struct tm_snapshot *older = make(then, 2), *newer = make_mixed();
	struct tm_err err;
	struct tm_stats *stats = tm_snapshot_compare(newer, older, &by_line, &err);
	struct tm_ages *ages = tm_stats_ages(stats, stats->n, newer, &by_line);
	char text[32];

	(void)state;
	for (size_t i = 0; i < stats->n; i++) {
		const uint32_t line = tm_stat_frame(&stats->items[i], 0).lineno;

		tm_format_ages(text, &ages[i]);
		assert_string_equal(text, line == 9 || line == 3 ? "" : line == 1 ? "12s-30h" :
				    line == 2 ? "12s" : "0s-3d");
	}
	free(ages);
	tm_stats_destroy(stats);
	tm_snapshot_destroy(older);
	tm_snapshot_destroy(newer);
}

static void a_file_keeps_them(void **state)
{
	struct tm_snapshot *s = make_mixed(), *again = fixture_again(s);

	(void)state;
	expect(again, &by_line, ALL);
	tm_snapshot_destroy(s);
	tm_snapshot_destroy(again);
}

/* A format without ages has what it had before there were any. */
static void others_are_as_without(void **state)
{
	struct tm_snapshot *s = make_mixed(), *plain = tm_snapshot_without_ages(s);
	struct tm_err err;

	(void)state;
	for (size_t i = 0; i < tm_codec_count(); i++) {
		const struct tm_codec *codec = tm_codec_at(i);
		char aged[] = "/tmp/tm-aged-XXXXXX", without[] = "/tmp/tm-plain-XXXXXX";
		char command[128];

		if (!codec->write || codec->ages)
			continue;
		close(mkstemp(aged));
		close(mkstemp(without));
		assert_true(tm_snapshot_save(s, aged, codec, NULL, &err));
		assert_true(tm_snapshot_save(plain, without, codec, NULL, &err));
		snprintf(command, sizeof(command), "cmp %s %s", aged, without);
		assert_int_equal(system(command), 0);
		unlink(aged);
		unlink(without);
	}
	tm_snapshot_destroy(s);
	tm_snapshot_destroy(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_is_as_old_as_its_blocks),
		cmocka_unit_test(filters_take_ages),
		cmocka_unit_test(an_age_is_asked_besides),
		cmocka_unit_test(several_have_the_ages_of_all),
		cmocka_unit_test(of_differences_the_newer_ones),
		cmocka_unit_test(a_file_keeps_them),
		cmocka_unit_test(others_are_as_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
