/* The recorder's table, counters and sampling, run here instead of there. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <sys/mman.h>
#include <cmocka.h>

/* The recorder's own sources, under its own rules but for the head. */
#include "src/recorder/ages.c"
#include "src/recorder/arena.c"
#include "src/recorder/counters.c"
#include "src/recorder/sample.c"
#include "src/recorder/stack.c"
#include "src/recorder/shard.c"
#include "src/recorder/table.c"

#include "inject/private.h"

#include "unit/recorder_image.h"

enum { LIMIT = 64 << 20 };

static int begin(void **state)
{
	struct tm_recorder_table layout = { 0 };

	inject_layout(&layout, LIMIT);
	image.table = (uint64_t)mmap(NULL, layout.size, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (image.table == (uint64_t)MAP_FAILED)
		return -1;
	*table() = layout;
	(void)state;
	return 0;
}

static int end(void **state)
{
	(void)state;
	return munmap(table(), table()->size);
}

static uint64_t live(void)
{
	const struct tm_recorder_shard *shards = table_at(table()->shards);
	uint64_t n = 0;

	for (int i = 0; i < TM_RECORDER_SHARDS; i++)
		n += shards[i].live;
	return n;
}

/* Threads whose allocator gives them regions of their own must not meet. */
static void regions_share_no_shard(void **state)
{
	enum { REGIONS = 8, BLOCKS = 4000 };
	struct tm_recorder_table large = { 0 };
	int owner[TM_RECORDER_SHARDS] = { 0 };
	int used = 0;

	(void)state;
	inject_layout(&large, 4ull << 30);
	for (uint64_t r = 0; r < REGIONS; r++)
		for (uint64_t i = 0; i < BLOCKS; i++) {
			uint64_t at = 0x7f1000000000u + (r << 26) + i * 48;
			uint32_t shard = tm_recorder_shard_of(
				at, tm_recorder_hash(at), large.region_mask);

			assert_true(shard < TM_RECORDER_SHARDS);
			assert_true(!owner[shard] || owner[shard] == (int)r + 1);
			used += !owner[shard];
			owner[shard] = (int)r + 1;
		}
	assert_int_equal(used, REGIONS << TM_RECORDER_REGION_SHARDS_LOG2);
	/* A small table is shared by all. */
	assert_int_equal(table()->region_mask, 0);
}

/* Addresses that meet in few places: multiples of a large power of two. */
static uint64_t address(uint32_t i)
{
	return i % 2 ? 0x7f0000000000u + i * 65536ull : 0x560000000000u + i * 16;
}

static void keeps_what_a_plain_array_keeps(void **state)
{
	enum { N = 60000 };
	uint64_t *sizes = calloc(N, sizeof(*sizes));
	uint64_t expected = 0, total = 0;
	uint32_t seed = 7;
	struct block old;

	(void)state;
	for (int round = 0; round < 1000000; round++) {
		uint32_t i, size;

		seed = seed * 1664525u + 1013904223u;
		i = (seed >> 4) % N;
		size = seed >> 20;
		if (seed & 1) {
			struct block block = { address(i), size, i + 1, i + 2 };

			expected += sizes[i] == 0;
			total += size + 1 - sizes[i];
			sizes[i] = size + 1ull;
			block.size = sizes[i];
			table_insert(&block, thread_slot());
		} else {
			assert_int_equal(table_remove(address(i), &old), sizes[i] != 0);
			if (sizes[i]) {
				assert_int_equal(old.size, sizes[i]);
				assert_int_equal(old.stack, i + 1);
				assert_int_equal(old.birth, i + 2);
				expected--;
				total -= sizes[i];
			}
			sizes[i] = 0;
		}
	}
	assert_int_equal(live(), expected);
	assert_int_equal(table()->dropped, 0);
	assert_int_equal((uint64_t)(table()->current + thread_slot()->bytes), total);
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(table_remove(address(i), &old), sizes[i] != 0);
	assert_int_equal(live(), 0);
	free(sizes);
}

static void a_full_table_counts_what_it_drops(void **state)
{
	const uint64_t room = (1ull << table()->max_log2) * TM_RECORDER_SHARDS;
	struct block old;

	(void)state;
	for (uint64_t i = 0; i < room + 1000; i++) {
		struct block block = { 0x100000 + i * 16, 1, 0, 0 };

		table_insert(&block, thread_slot());
	}
	assert_int_equal(live() + table()->dropped, room + 1000);
	assert_in_range(live(), room * 3 / 4, room);
	for (uint64_t i = 0; i < room + 1000; i++)
		table_remove(0x100000 + i * 16, &old);
	assert_int_equal(live(), 0);
	assert_int_equal(table()->current + thread_slot()->bytes, 0);
}

static void sizes_keep_all_their_bits(void **state)
{
	struct block block = { 0x7fffdeadbee0, 0x00007abcdef01234, 0xfedcba98, 0 }, old;

	(void)state;
	table_insert(&block, thread_slot());
	assert_true(table_remove(block.address, &old));
	assert_true(old.size == block.size);
	assert_true(old.stack == block.stack);
}

static void the_peak_of_one_thread_is_exact(void **state)
{
	uint64_t now = 0, peak = 0;
	uint32_t seed = 3;
	struct block old;

	(void)state;
	for (uint32_t i = 0; i < 2000; i++) {
		struct block block = { 0x1000 + i * 64, 0, 0, 0 };

		seed = seed * 1664525u + 1013904223u;
		block.size = seed >> 12;
		table_insert(&block, thread_slot());
		now += block.size;
		peak = now > peak ? now : peak;
		if (seed % 3) {
			table_remove(block.address, &old);
			now -= old.size;
		}
	}
	assert_int_equal(table()->current + thread_slot()->bytes, now);
	assert_true((uint64_t)table()->peak <= peak);
	assert_true((uint64_t)table()->peak >= peak ||
		    (uint64_t)(table()->current + thread_slot()->high) == peak);
}

static uint32_t thread_of(uint64_t tp)
{
	return thread_serial(thread_find(tp));
}

/* Whoever takes a place is another thread than all before; a thread keeps its number. */
static void threads_have_numbers(void **state)
{
	enum { TP = 0x7f0000001000, OTHER = 0x7f0000002000 };
	uint32_t first = thread_of(TP);

	(void)state;
	assert_int_equal(first, 1);
	assert_int_equal(thread_of(OTHER), 2);
	assert_int_equal(thread_of(TP), first);
	assert_int_equal(thread_serial(thread_at(0)), 0);
}

/* On the stack of one that has ended: the thread pointer is the same, the id is not. On its
 * way out a thread has none, and is no other for that. */
static void threads_that_follow_each_other_are_several(void **state)
{
	struct { int32_t words[3]; } block = { { 0, 0, 4711 } };
	const uint64_t tp = (uint64_t)&block;

	(void)state;
	assert_int_equal(thread_of(tp), 1);
	table()->tid_at = 8;
	assert_int_equal(thread_of(tp), 2);
	block.words[2] = 4712;
	assert_int_equal(thread_of(tp), 3);
	block.words[2] = 0;
	assert_int_equal(thread_of(tp), 3);
	block.words[2] = -1;
	assert_int_equal(thread_of(tp), 3);
	block.words[2] = 4712;
	assert_int_equal(thread_of(tp), 3);
	assert_int_equal(table()->last_serial, 3);
	table()->tid_at = 0;
}

static void equal_stacks_have_one_id(void **state)
{
	uint64_t pcs[3] = { 1, 2, 3 };
	uint32_t id = stack_intern(pcs, 3, false, 0);

	(void)state;
	assert_int_not_equal(id, 0);
	assert_int_equal(stack_intern(pcs, 3, false, 0), id);
	assert_int_not_equal(stack_intern(pcs, 2, false, 0), id);
	assert_int_not_equal(stack_intern(pcs, 3, true, 0), id);
	pcs[2] = 4;
	assert_int_not_equal(stack_intern(pcs, 3, false, 0), id);
	assert_int_equal(table()->nstacks, 4);
}

static void full_stacks_are_counted(void **state)
{
	uint32_t lost = 0;

	(void)state;
	for (uint64_t i = 1; i <= table()->stacks_size / 24 + 10; i++)
		lost += stack_intern(&i, 1, false, 0) == 0;
	assert_int_not_equal(lost, 0);
	assert_int_equal(table()->lost_stacks, lost);
}

static void samples_weigh_what_they_stand_for(void **state)
{
	static const uint64_t sizes[] = { 1, 16, 100, 1000, 4096, 50000, 200000, 1 << 20 };

	(void)state;
	table()->sample_bytes = 4096;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		double s = (double)sizes[i];
		double want = s / -expm1(-s / 4096);

		assert_true(fabs((double)sample_weight(sizes[i]) - want) < 2 + want / 1000);
	}
}

static void samples_are_taken_in_proportion(void **state)
{
	enum { N = 400000 };
	static const uint64_t sizes[] = { 24, 700, 9000 };

	(void)state;
	table()->sample_bytes = 4096;
	for (size_t k = 0; k < 3; k++) {
		double want = N * -expm1(-(double)sizes[k] / 4096);
		uint32_t taken = 0;

		for (int i = 0; i < N; i++)
			taken += sample_takes(thread_slot(), sizes[k]);
		/* Five standard deviations. */
		assert_true(fabs(taken - want) < 5 * sqrt(want) + 1);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(regions_share_no_shard),
		TEST(keeps_what_a_plain_array_keeps),
		TEST(a_full_table_counts_what_it_drops),
		TEST(sizes_keep_all_their_bits),
		TEST(the_peak_of_one_thread_is_exact),
		TEST(threads_have_numbers),
		TEST(threads_that_follow_each_other_are_several),
		TEST(equal_stacks_have_one_id),
		TEST(full_stacks_are_counted),
		TEST(samples_weigh_what_they_stand_for),
		TEST(samples_are_taken_in_proportion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
