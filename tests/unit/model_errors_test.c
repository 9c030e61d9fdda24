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

#include "tmattach/model.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intervals_hold),
		cmocka_unit_test(test_exact_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
