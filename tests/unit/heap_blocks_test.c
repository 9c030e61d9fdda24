#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "heap/blocks.h"

enum { POOL = 16384, SIZE = 48, SLOTS = 300 };
#define POOLS ((tm_addr)0x7f0000000000)
#define HEAP ((tm_addr)0x555500000010)
#define LARGE ((tm_addr)0x7f1000000010)

/* Three pools: a full one, one with every third slot free, one of one slot. */
static void add_pools(struct heap_blocks *blocks)
{
	uint64_t used[HEAP_MAX_SLOTS / 64];

	memset(used, 0xff, sizeof(used));
	for (unsigned i = 0; i < SLOTS; i += 3)
		used[i / 64] &= ~((uint64_t)1 << i % 64);
	assert_true(heap_blocks_add_pool(blocks, POOLS, SIZE, POOL, SLOTS, NULL));
	assert_true(heap_blocks_add_pool(blocks, POOLS + POOL, SIZE, POOL, SLOTS, used));
	assert_true(heap_blocks_add_pool(blocks, POOLS + 4 * POOL, 512, POOL, 1, NULL));
}

/* Chunks of 32, 64, ... 2080 bytes, and one of 40 pages; every fifth is dropped. */
static unsigned add_chunks(struct heap_blocks *blocks, tm_addr *chunks)
{
	const tm_addr end = HEAP + (2 << 20);
	tm_addr at = HEAP + 16;
	unsigned n = 0;

	assert_true(heap_blocks_add_span(blocks, HEAP, end));
	for (uint64_t size = 32; size <= 2080; size += 32) {
		assert_true(heap_blocks_add_chunk(blocks, at, size));
		chunks[n++] = at;
		at += size;
	}
	assert_true(heap_blocks_add_chunk(blocks, at, 40 * 4096));
	chunks[n++] = at;
	at += 40 * 4096;
	assert_true(heap_blocks_add_chunk(blocks, at, 32));
	chunks[n++] = at;
	heap_blocks_settle(blocks);
	for (unsigned i = 0; i < n; i += 5) {
		assert_int_not_equal(heap_blocks_chunk(blocks, chunks[i]), 0);
		assert_true(heap_blocks_drop_chunk(blocks, chunks[i]));
		assert_false(heap_blocks_drop_chunk(blocks, chunks[i]));
	}
	return n;
}

static void numbers_and_addresses_agree(void **state)
{
	struct heap_blocks blocks = { 0 };
	tm_addr chunks[128], last = 0;
	unsigned n;

	(void)state;
	add_pools(&blocks);
	n = add_chunks(&blocks, chunks);
	assert_true(heap_blocks_add_large(&blocks, LARGE + (1 << 20), 5000));
	assert_true(heap_blocks_add_large(&blocks, LARGE, 200000));
	assert_true(heap_blocks_finish(&blocks));
	assert_int_equal(blocks.n, 1 + SLOTS + SLOTS * 2 / 3 + 1 + n - (n + 4) / 5 + 2);
	for (uint32_t i = 1; i < blocks.n; i++) {
		tm_addr at = heap_blocks_address(&blocks, i);
		uint64_t size = heap_blocks_size(&blocks, i), off = 1;

		assert_int_not_equal(at, 0);
		if (i != blocks.nsmall && i != blocks.nlarge)
			assert_true(at > last);
		last = at;
		assert_int_equal(heap_blocks_find(&blocks, at, &off), i);
		assert_int_equal(off, 0);
		assert_int_equal(heap_blocks_find(&blocks, at + size - 1, &off), i);
		assert_int_equal(off, size - 1);
	}
	heap_blocks_free(&blocks);
}

static void free_memory_is_no_block(void **state)
{
	struct heap_blocks blocks = { 0 };
	tm_addr chunks[128];
	uint64_t off;
	unsigned n;

	(void)state;
	add_pools(&blocks);
	n = add_chunks(&blocks, chunks);
	assert_true(heap_blocks_finish(&blocks));
	assert_int_equal(heap_blocks_find(&blocks, 0, &off), 0);
	assert_int_equal(heap_blocks_find(&blocks, UINT64_MAX, &off), 0);
	assert_int_equal(heap_blocks_find(&blocks, POOLS + 8, &off), 0);
	assert_int_equal(heap_blocks_find(&blocks, POOLS + POOL + 48, &off), 0);
	assert_int_equal(heap_blocks_find(&blocks, POOLS + POOL - 1, &off), 0);
	for (unsigned i = 0; i < n; i += 5)
		assert_int_equal(heap_blocks_find(&blocks, chunks[i] + 8, &off), 0);
	heap_blocks_free(&blocks);
}

static void what_cannot_be_is_refused(void **state)
{
	struct heap_blocks blocks = { 0 };

	(void)state;
	assert_false(heap_blocks_add_pool(&blocks, POOLS, 0, POOL, 1, NULL));
	assert_false(heap_blocks_add_pool(&blocks, POOLS + 1, SIZE, POOL, 1, NULL));
	assert_false(heap_blocks_add_pool(&blocks, POOLS, SIZE, POOL, 4000, NULL));
	assert_false(heap_blocks_add_pool(&blocks, (tm_addr)1 << 60, SIZE, POOL, 1, NULL));
	assert_false(heap_blocks_add_row(&blocks, POOLS, 4, 1, NULL, 0));
	assert_false(heap_blocks_add_row(&blocks, POOLS + 4, SIZE, 1, NULL, 0));
	assert_false(heap_blocks_add_row(&blocks, POOLS, 8, HEAP_ROW_SLOTS + 1, NULL, 0));
	assert_false(heap_blocks_add_row(&blocks, POOLS, 1 << 18, 3, NULL, 0));
	add_pools(&blocks);
	assert_false(heap_blocks_add_pool(&blocks, POOLS, SIZE, POOL, 1, NULL));
	assert_false(heap_blocks_add_row(&blocks, POOLS + POOL - 8, 8, 1, NULL, 0));
	assert_false(heap_blocks_add_span(&blocks, POOLS + 64, POOLS + 128));
	assert_true(heap_blocks_add_span(&blocks, HEAP, HEAP + 4096));
	assert_false(heap_blocks_add_chunk(&blocks, HEAP + 8, 32));
	assert_false(heap_blocks_add_chunk(&blocks, HEAP + 16, 8192));
	heap_blocks_free(&blocks);
}

/* Sizes of an allocator that cannot be asked: no block reaches into the next. */
static void estimates_end_before_the_next(void **state)
{
	struct heap_blocks blocks = { 0 };
	uint64_t off;

	(void)state;
	add_pools(&blocks);
	assert_true(heap_blocks_add_estimated(&blocks, LARGE + 8, 100));
	assert_true(heap_blocks_add_estimated(&blocks, LARGE + 512, 64));
	assert_true(heap_blocks_finish(&blocks));
	assert_true(heap_blocks_add_estimated(&blocks, LARGE + 72, 1000));
	assert_true(heap_blocks_finish(&blocks));
	assert_int_equal(blocks.nestimated, 3);
	assert_int_equal(heap_blocks_size(&blocks, blocks.nlarge), 64);
	assert_int_equal(heap_blocks_size(&blocks, blocks.nlarge + 1), 440);
	assert_int_equal(heap_blocks_find(&blocks, LARGE + 511, &off), blocks.nlarge + 1);
	assert_true(heap_blocks_estimated(&blocks, blocks.nlarge));
	assert_false(heap_blocks_estimated(&blocks, 1));
	assert_false(heap_blocks_estimated(&blocks, blocks.n));
	/* Two that begin at one address, and one that reaches into the next of malloc's. */
	assert_true(heap_blocks_add_large(&blocks, LARGE + 4096, 8192));
	assert_true(heap_blocks_finish(&blocks));
	assert_false(heap_blocks_estimated(&blocks, blocks.n - 1));
	assert_true(heap_blocks_add_estimated(&blocks, LARGE + 8192, 16));
	assert_false(heap_blocks_finish(&blocks));
	assert_false(heap_blocks_add_estimated(&blocks, LARGE + 4, 16));
	assert_false(heap_blocks_add_estimated(&blocks, UINT64_MAX - 7, 16));
	heap_blocks_free(&blocks);
}

struct seen {
	uint32_t next;
	uint64_t bytes;
	const char *memory;
};

static bool see(void *ctx, const struct heap_piece *piece)
{
	struct seen *seen = ctx;

	if (piece->off == 0)
		assert_int_equal(piece->number, seen->next++);
	assert_memory_equal(piece->bytes, seen->memory + (piece->at - POOLS) + piece->off,
			    piece->len);
	seen->bytes += piece->len;
	return true;
}

static void a_stream_gives_each_block_once(void **state)
{
	enum { LEN = 8 << 20 };
	struct heap_blocks blocks = { 0 };
	char *memory = calloc(LEN, 1);
	struct tm_mem *mem = tm_mem_bytes(POOLS, memory, LEN);
	struct seen seen = { .next = 1, .memory = memory };
	uint64_t lost, want = 0;

	(void)state;
	for (size_t i = 0; i < LEN; i++)
		memory[i] = (char)(i * 7 + i / 4096);
	for (unsigned i = 0; i < 100; i++)
		assert_true(heap_blocks_add_pool(&blocks, POOLS + i * POOL, SIZE, POOL,
						 SLOTS, NULL));
	assert_true(heap_blocks_add_large(&blocks, POOLS + (3 << 20), (3 << 20) + 17));
	assert_true(heap_blocks_finish(&blocks));
	assert_true(heap_blocks_stream(&blocks, mem, false, see, &seen, &lost));
	for (uint32_t i = 1; i < blocks.n; i++)
		want += heap_blocks_size(&blocks, i);
	assert_int_equal(seen.next, blocks.n);
	assert_int_equal(seen.bytes, want);
	assert_int_equal(lost, 0);
	tm_mem_destroy(mem);
	heap_blocks_free(&blocks);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_addresses_agree),
		cmocka_unit_test(free_memory_is_no_block),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(estimates_end_before_the_next),
		cmocka_unit_test(a_stream_gives_each_block_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
