/* A look at the recorder's table while it changes: between any two reads, and in them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

/* The recorder's own sources, under its own rules but for the head. */
#include "src/recorder/ages.c"
#include "src/recorder/arena.c"
#include "src/recorder/counters.c"
#include "src/recorder/sample.c"
#include "src/recorder/shard.c"
#include "src/recorder/table.c"

#include "inject/private.h"
#include "trace/recorder_look.h"

#include "unit/recorder_image.h"

/* Few parts of the table, so that there is much to each. */
enum { LIMIT = 64 << 20, N = 8000, PARTS = 8, AT = 0x1000 };

/* What is alive, by number of the address: size, which is never 0. */
static uint64_t addresses[N], sizes[N];
static uint32_t seed;

struct reading {
	struct tm_mem mem;
	int changes;     /* before each read, and in it every few slots */
	int come;        /* new blocks, in the same places */
	uint64_t bytes;
	uint64_t reads;
	void (*before)(struct reading *);
};

static uint32_t chance(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)seed * below >> 32);
}

/* A block comes, goes, or is another at the same place. */
static void change(uint32_t most)
{
	uint32_t i = chance(most);
	struct block block = { addresses[i], 1 + chance(100000), i + 1, i + 2 }, old;

	if (chance(5) < 3) {
		table_insert(&block, thread_slot());
		sizes[i] = block.size;
	} else {
		assert_int_equal(table_remove(addresses[i], &old), sizes[i] != 0);
		sizes[i] = 0;
	}
}

/* One that has not been there. */
static void come(void)
{
	struct block block = { addresses[0], 1, 1, 2 };
	uint32_t i = 0;

	while (i < N && sizes[i])
		i++;
	if (i == N)
		return;
	block = (struct block){ addresses[i], 1 + chance(100), i + 1, i + 2 };
	table_insert(&block, thread_slot());
	sizes[i] = block.size;
}

enum { PIECE = 512 };

static size_t read_table(struct tm_mem *mem, tm_addr at, void *buf, size_t len)
{
	struct reading *reading = (struct reading *)mem;

	for (int i = 0; i < reading->changes; i++)
		change(N);
	if (reading->before)
		reading->before(reading);
	reading->reads++;
	reading->bytes += len;
	for (size_t done = 0, n; done < len; done += n) {
		n = len - done < PIECE ? len - done : PIECE;
		memcpy((char *)buf + done, (char *)table() + (at - AT) + done, n);
		if (reading->changes && done + n < len)
			change(N);
		for (int i = 0; i < reading->come && done + n < len; i++)
			come();
	}
	return len;
}

static const struct tm_mem_ops ops = { .read = read_table };

static int begin(void **state)
{
	struct tm_recorder_table layout = { 0 };

	(void)state;
	inject_layout(&layout, LIMIT);
	image.table = (uint64_t)mmap(NULL, layout.size, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (image.table == (uint64_t)MAP_FAILED)
		return -1;
	*table() = layout;
	table()->journal_room = layout.journal_size;
	for (uint64_t i = 0, at = 0x560000000000; i < N; at += 16) {
		const struct place place = place_of(at);

		if (place.shard < PARTS)
			addresses[i++] = at;
	}
	memset(sizes, 0, sizeof(sizes));
	seed = 7;
	return 0;
}

static int end(void **state)
{
	(void)state;
	return munmap(table(), table()->size);
}

static bool look_at(struct tm_recorder_copy *copy, struct reading *reading, struct tm_err *err)
{
	const struct reading wanted = *reading;
	bool ok;

	table()->journal_tail = 0;
	table()->look = ++table()->looks;
	reading->changes = reading->come = 0;
	ok = tm_recorder_look_begin(copy, &reading->mem, AT, err);
	reading->changes = wanted.changes;
	reading->come = wanted.come;
	for (uint32_t i = 0; ok && i < TM_RECORDER_SHARDS; i++)
		ok = tm_recorder_look_shard(copy, &reading->mem, AT, i, err);
	ok = ok && tm_recorder_look_changes(copy, &reading->mem, AT, err);
	table()->look = 0;
	if (ok)
		tm_recorder_look_end(copy);
	return ok;
}

static int by_key(const void *a, const void *b)
{
	const uint64_t x = ((const struct tm_recorder_slot *)a)->key & TM_SLOT_ADDRESS;
	const uint64_t y = ((const struct tm_recorder_slot *)b)->key & TM_SLOT_ADDRESS;

	return x < y ? -1 : x > y;
}

static int by_address(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* All of them, each once, none else. */
static void assert_is(struct tm_recorder_copy *copy, const uint64_t *want)
{
	size_t n = 0;

	for (int i = 0; i < N; i++)
		n += want[i] != 0;
	assert_int_equal(copy->nslots, n);
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(copy->sides[i].birth, tm_slot_stack(&copy->slots[i]) + 1);
		assert_int_equal(copy->sides[i].thread, thread_serial(thread_slot()));
	}
	qsort(copy->slots, n, sizeof(*copy->slots), by_key);
	for (size_t i = 0; i < n; i++) {
		uint64_t at = copy->slots[i].key & TM_SLOT_ADDRESS;
		const uint64_t *known = bsearch(&at, addresses, N, sizeof(at), by_address);
		uint64_t number = known ? (uint64_t)(known - addresses) : 0;

		assert_true(i == 0 || by_key(&copy->slots[i - 1], &copy->slots[i]) < 0);
		assert_non_null(known);
		assert_int_equal(tm_slot_size(&copy->slots[i]), want[number]);
		assert_int_equal(tm_slot_stack(&copy->slots[i]), number + 1);
	}
}

/* From an empty table on, so that its parts grow while they are read. */
static void is_of_the_instant(void **state)
{
	enum { ROUNDS = 200 };
	struct tm_recorder_copy *copy = calloc(1, sizeof(*copy));
	uint64_t *want = malloc(sizeof(sizes));
	struct tm_err err;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct reading reading = { .mem.ops = &ops, .changes = round % 9 };

		memcpy(want, sizes, sizeof(sizes));
		assert_true(look_at(copy, &reading, &err));
		assert_is(copy, want);
	}
	assert_int_equal(table()->dropped, 0);
	tm_recorder_copy_free(copy);
	free(copy);
	free(want);
}

static void what_grows_is_read_again(void **state)
{
	struct tm_recorder_copy *copy = calloc(1, sizeof(*copy));
	uint64_t *want = malloc(sizeof(sizes));
	struct tm_err err;

	(void)state;
	for (int i = 0; i < PARTS << TM_SHARD_MIN_LOG2; i++) {
		struct reading reading = { .mem.ops = &ops };

		come();
		if (i % 64)
			continue;
		reading.come = i % 128 ? 20 : 0;
		memcpy(want, sizes, sizeof(sizes));
		assert_true(look_at(copy, &reading, &err));
		assert_is(copy, want);
	}
	tm_recorder_copy_free(copy);
	free(copy);
	free(want);
}

/* The target stands still for this. */
static void begins_with_as_many_bytes_whatever_there_is(void **state)
{
	struct tm_recorder_copy *copy = calloc(1, sizeof(*copy));
	struct reading few = { .mem.ops = &ops }, many = few;
	struct tm_err err;

	(void)state;
	assert_true(tm_recorder_look_begin(copy, &few.mem, AT, &err));
	for (int i = 0; i < 300000; i++)
		change(N);
	assert_true(tm_recorder_look_begin(copy, &many.mem, AT, &err));
	assert_int_equal(few.bytes, many.bytes);
	assert_int_equal(few.reads, many.reads);
	tm_recorder_copy_free(copy);
	free(copy);
}

static void too_many_changes_are_told(void **state)
{
	struct tm_recorder_copy *copy = calloc(1, sizeof(*copy));
	struct reading reading = { .mem.ops = &ops, .changes = 3 };
	struct tm_err err;

	(void)state;
	table()->journal_room = 1000 * sizeof(struct tm_recorder_before);
	assert_false(look_at(copy, &reading, &err));
	assert_int_equal(err.kind, TM_ERR_LIMIT);
	assert_in_range(table()->journal_tail, table()->journal_room + 1,
			table()->journal_room + sizeof(struct tm_recorder_before));
	tm_recorder_copy_free(copy);
	free(copy);
}

static void another_begins(struct reading *reading)
{
	if (reading->reads == 100)
		table()->look = ++table()->looks;
}

static void another_look_is_noticed(void **state)
{
	struct tm_recorder_copy *copy = calloc(1, sizeof(*copy));
	struct reading reading = { .mem.ops = &ops, .before = another_begins };
	struct tm_err err;

	(void)state;
	assert_false(look_at(copy, &reading, &err));
	assert_int_equal(err.kind, TM_ERR_BUSY);
	tm_recorder_copy_free(copy);
	free(copy);
}

/* A thread that was removing a block at the instant; it needs some time to get on. */
static struct tm_recorder_shard *held;

static void goes_on_later(struct reading *reading)
{
	struct block old;

	if (reading->reads < 200 || held->seq % 2 == 0)
		return;
	__atomic_store_n(&held->seq, held->seq + 1, __ATOMIC_RELAXED);
	held->lock = 0;
	table()->look = 0; /* what was asked before says nothing */
	assert_true(table_remove(addresses[0], &old));
	table()->look = table()->looks;
	sizes[0] = 0;
}

static void a_change_under_way_is_waited_for(void **state)
{
	struct tm_recorder_copy *copy = calloc(1, sizeof(*copy));
	struct reading reading = { .mem.ops = &ops, .before = goes_on_later };
	struct block block = { addresses[0], 10, 1, 2 };
	struct place place = place_of(block.address);
	struct tm_err err;

	(void)state;
	for (int i = 0; i < 20000; i++)
		change(N);
	table_insert(&block, thread_slot());
	sizes[0] = block.size;
	held = shard_of(&place);
	assert_true(shard_lock(held));
	assert_true(look_at(copy, &reading, &err));
	assert_int_equal(sizes[0], 0);
	assert_is(copy, sizes);
	tm_recorder_copy_free(copy);
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_of_the_instant, begin, end),
		cmocka_unit_test_setup_teardown(what_grows_is_read_again, begin, end),
		cmocka_unit_test_setup_teardown(begins_with_as_many_bytes_whatever_there_is, begin, end),
		cmocka_unit_test_setup_teardown(too_many_changes_are_told, begin, end),
		cmocka_unit_test_setup_teardown(another_look_is_noticed, begin, end),
		cmocka_unit_test_setup_teardown(a_change_under_way_is_waited_for, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
