/*
 * How far the figures of a sample may be off, against samples that are drawn here:
 * of so many intervals, 95 in 100 hold the truth.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tmattach/stats.h"

enum { MEAN = 4096, LINES = 3, SIZES = 4, DRAWS = 1000 };

/* How many blocks of each size each line has. */
static const uint64_t sizes[SIZES] = { 1, 100, 3000, 50000 };
static const uint32_t blocks[LINES][SIZES] = {
	{ 900000, 20000, 0, 0 },
	{ 0, 5000, 900, 40 },
	{ 0, 0, 3000, 0 },
};

static const struct tm_query by_line = { .key = TM_KEY_LINENO };
static const struct tm_query by_all_lines = { .key = TM_KEY_LINENO, .cumulative = true };

static uint64_t random_state = 20;

static double uniform(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (double)(random_state >> 11) / 9007199254740992.0;
}

/* How many of n are taken; many of them by the normal distribution. */
static double taken(uint32_t n, double p)
{
	double k = 0;

	if (n * p * (1 - p) > 50)
		return n * p + sqrt(n * p * (1 - p)) * sqrt(-2 * log(1 - uniform())) *
			       cos(6.283185307179586 * uniform());
	for (uint32_t i = 0; i < n; i++)
		k += uniform() < p;
	return k;
}

static struct tm_snapshot *draw(uint64_t mean)
{
	struct tm_builder *b = tm_builder_create();
	struct tm_meta meta = { .traceback_limit = 2, .sample_bytes = mean };
	tm_id file = tm_builder_string(b, "a.py", 4);
	tm_id main_line = tm_builder_frame(b, file, 99);
	struct tm_snapshot *ret;
	struct tm_err err;

	for (uint32_t line = 0; line < LINES; line++) {
		tm_id frames[] = { main_line, tm_builder_frame(b, file, line + 1) };
		tm_id site = tm_builder_site(b, tm_builder_traceback(b, frames, 2,
					     TM_TOTAL_NFRAME_NONE), 0);

		for (int i = 0; i < SIZES; i++) {
			double p = mean ? -expm1(-(double)sizes[i] / (double)mean) : 1;
			double count = floor(taken(blocks[line][i], p) / p + 0.5);

			if (count > 0)
				tm_builder_traces(b, site, sizes[i], (uint32_t)count);
		}
	}
	ret = tm_builder_finish(b, &meta, &err);
	assert_non_null(ret);
	return ret;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static void truth_of(uint32_t lineno, uint64_t *ret_size, uint64_t *ret_count)
{
	*ret_size = *ret_count = 0;
	for (uint32_t line = 0; line < LINES; line++)
		for (int i = 0; i < SIZES; i++)
			if (lineno == line + 1 || lineno == 99) {
				*ret_size += blocks[line][i] * sizes[i];
				*ret_count += blocks[line][i];
			}
}

struct held {
	unsigned size, count, of;
};

static void look(const struct tm_snapshot *snapshot, const struct tm_query *query,
		 struct held *held)
{
	struct tm_err err;
	struct tm_stats *stats = tm_snapshot_statistics(snapshot, query, &err);
	struct tm_error *errors = tm_stats_errors(stats, stats->n, query);

	assert_non_null(errors);
	for (size_t i = 0; i < stats->n; i++) {
		const struct tm_stat *stat = &stats->items[i];
		uint64_t size, count;

		truth_of(tm_stat_frame(stat, 0).lineno, &size, &count);
		held->size += distance(stat->size, size) <= errors[i].size;
		held->count += distance(stat->count, count) <= errors[i].count;
		held->of++;
	}
	free(errors);
	tm_stats_destroy(stats);
}

static void check_share(unsigned held, unsigned of)
{
	double share = (double)held / of;

	if (share < 0.93 || share > 0.97)
		fail_msg("%u of %u intervals hold the truth", held, of);
}

static void test_intervals_hold(void **state)
{
	struct held own = { 0 }, all = { 0 }, whole = { 0 };

	(void)state;
	for (int i = 0; i < DRAWS; i++) {
		struct tm_snapshot *snapshot = draw(MEAN);
		struct tm_error error;
		uint64_t size, count;

		look(snapshot, &by_line, &own);
		look(snapshot, &by_all_lines, &all);
		assert_true(tm_snapshot_error(snapshot, &error));
		truth_of(99, &size, &count);
		whole.size += distance(snapshot->total_size, size) <= error.size;
		whole.count += distance(snapshot->total_count, count) <= error.count;
		tm_snapshot_destroy(snapshot);
	}
	check_share(own.size, own.of);
	check_share(own.count, own.of);
	check_share(all.size, all.of);
	check_share(all.count, all.of);
	check_share(whole.size, DRAWS);
	check_share(whole.count, DRAWS);
}

static void test_exact_has_none(void **state)
{
	struct tm_snapshot *snapshot = draw(0);
	struct tm_error error;
	struct tm_err err;
	struct tm_stats *stats = tm_snapshot_statistics(snapshot, &by_line, &err);

	(void)state;
	assert_null(tm_stats_errors(stats, stats->n, &by_line));
	assert_false(tm_snapshot_error(snapshot, &error));
	tm_stats_destroy(stats);
	tm_snapshot_destroy(snapshot);
}

/* ---- figures that can be told in advance ---------------------------------------------- */

/* A line that calls itself, `depth` times, and below it one that does not. */
static struct tm_snapshot *recursive(uint32_t depth, uint64_t size, uint64_t mean)
{
	struct tm_builder *b = tm_builder_create();
	struct tm_meta meta = { .traceback_limit = 16, .sample_bytes = mean };
	tm_id file = tm_builder_string(b, "a.py", 4), frames[16];
	struct tm_snapshot *ret;
	struct tm_err err;

	frames[0] = tm_builder_frame(b, file, 99);
	for (uint32_t i = 1; i <= depth; i++)
		frames[i] = tm_builder_frame(b, file, 1);
	tm_builder_traces(b, tm_builder_site(b, tm_builder_traceback(b, frames, depth + 1,
			  TM_TOTAL_NFRAME_NONE), 0), size, 100);
	frames[0] = tm_builder_frame(b, file, 2);
	tm_builder_traces(b, tm_builder_site(b, tm_builder_traceback(b, frames, 1,
			  TM_TOTAL_NFRAME_NONE), 0), 1u << 24, 1);
	ret = tm_builder_finish(b, &meta, &err);
	assert_non_null(ret);
	return ret;
}

static struct tm_error error_at(const struct tm_snapshot *snapshot,
				const struct tm_query *query, uint32_t lineno)
{
	struct tm_error ret = { UINT64_MAX, UINT64_MAX };
	struct tm_err err;
	struct tm_stats *stats = tm_snapshot_statistics(snapshot, query, &err);
	struct tm_error *errors = tm_stats_errors(stats, stats->n, query);

	for (size_t i = 0; i < stats->n; i++)
		if (tm_stat_frame(&stats->items[i], 0).lineno == lineno)
			ret = errors[i];
	free(errors);
	tm_stats_destroy(stats);
	return ret;
}

/* What is counted three times is off by three times as much, not by the root of it. */
static void test_recursion(void **state)
{
	struct tm_snapshot *snapshot = recursive(3, 1000, MEAN);
	struct tm_error once = error_at(snapshot, &by_line, 1);
	struct tm_error thrice = error_at(snapshot, &by_all_lines, 1);

	(void)state;
	assert_in_range(thrice.size, 3 * once.size - 3, 3 * once.size);
	assert_in_range(thrice.count, 3 * once.count - 3, 3 * once.count);
	assert_int_equal(error_at(snapshot, &by_all_lines, 99).size, once.size);
	tm_snapshot_destroy(snapshot);
}

/* A block far larger than the mean is never missed. */
static void test_certain_group(void **state)
{
	struct tm_snapshot *snapshot = recursive(1, 1000, MEAN);
	struct tm_error error = error_at(snapshot, &by_line, 2);

	(void)state;
	assert_int_equal(error.size, 0);
	assert_int_equal(error.count, 0);
	tm_snapshot_destroy(snapshot);
}

/* Parts that were sampled otherwise, or not at all: no figure is said to be better than
 * it is. */
static void test_merged(void **state)
{
	static const uint64_t means[] = { 0, MEAN, 16 * MEAN };

	(void)state;
	for (int first = 0; first < 3; first++)
		for (int second = 0; second < 3; second++) {
			struct tm_snapshot *a = recursive(1, 1000, means[first]);
			struct tm_snapshot *b = recursive(1, 1000, means[second]), *merged;
			const struct tm_snapshot *const parts[] = { a, b };
			struct tm_err err;

			merged = tm_snapshot_merge(parts, 2, &err);
			assert_int_equal(merged->meta.sample_bytes,
					 means[first > second ? first : second]);
			tm_snapshot_destroy(merged);
			tm_snapshot_destroy(a);
			tm_snapshot_destroy(b);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intervals_hold),
		cmocka_unit_test(test_exact_has_none),
		cmocka_unit_test(test_recursion),
		cmocka_unit_test(test_certain_group),
		cmocka_unit_test(test_merged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
