#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "heap/mimalloc.h"

/* A segment as mimalloc of CPython 3.13 has it, and the heap that it is of in its last
 * slices. tests/live/census reads real ones. */
enum {
	SEGMENT = 1 << 25, SLICE = 1 << 16, ENTRIES = 512,
	PAGES = 264, PAGE = 96,
	HEAP = 480 * SLICE, DELAYED = 2840, PAGE_COUNT = 3024,
	SMALL = 48, FIRST = 3 * SMALL, CAPACITY = 100,
	MEDIUM = 98304, MANY = 8,    /* a page of this many slices */
	WHOLE = 1 << 20,
};
#define BASE ((tm_addr)0x42efc000000)
#define COOKIE 0x1234567890abcdefu

struct segment {
	char *bytes;
	struct tm_mem *mem;
	struct tm_maps maps;
	struct heap_mimalloc heap;
	struct heap_blocks blocks;
};

static void set(struct segment *self, size_t at, uint64_t value, size_t size)
{
	memcpy(self->bytes + at, &value, size);
}

static size_t page_at(unsigned slice)
{
	return PAGES + (size_t)slice * PAGE;
}

static tm_addr small_at(unsigned slot)
{
	return BASE + SLICE + FIRST + (tm_addr)slot * SMALL;
}

static void set_page(struct segment *self, unsigned slice, unsigned slices, uint32_t size,
		     unsigned capacity, unsigned used, unsigned tag)
{
	const size_t at = page_at(slice);

	set(self, at, slices, 4);
	set(self, at + 8, tag << 3, 1);
	set(self, at + 10, capacity, 2);
	set(self, at + 12, capacity, 2);
	set(self, at + 24, used, 4);
	set(self, at + 28, size, 4);
	set(self, at + 48, size ? BASE + HEAP : 0, 8);
}

static void link_block(struct segment *self, unsigned slot, tm_addr next)
{
	set(self, (size_t)(small_at(slot) - BASE), next, 8);
}

/* Of the small blocks, 10 and 11 are free, 20 to the thread that has the page, 30 is
 * given back by another, and 40 to the heap: 97 count as used. */
static void set_lists(struct segment *self)
{
	link_block(self, 10, small_at(11));
	set(self, page_at(1) + 16, small_at(10), 8);
	set(self, page_at(1) + 32, small_at(20), 8);
	set(self, page_at(1) + 40, small_at(30) | 1, 8);
	set(self, HEAP + DELAYED, small_at(40), 8);
}

static void make(struct segment *self)
{
	const char text[] = "42efc000000-42f00000000 rw-p 00000000 00:00 0 \n";
	struct tm_err err;

	*self = (struct segment){ .bytes = calloc(2, SEGMENT) };
	self->mem = tm_mem_bytes(BASE, self->bytes, 2 * SEGMENT);
	assert_true(tm_maps_parse(strdup(text), &self->maps, &err));
	set(self, 208, 3, 8);
	set(self, 216, BASE ^ COOKIE, 8);
	set(self, 224, ENTRIES, 8);
	set(self, 232, 1, 8);
	set(self, 248, ENTRIES, 8);
	set_page(self, 0, 1, 0, 0, 0, 0);
	set_page(self, 1, 1, SMALL, CAPACITY, 97, 2);
	set_page(self, 2, MANY, MEDIUM, 3, 3, 0);
	set_page(self, 2 + MANY, WHOLE / SLICE, WHOLE, 1, 1, 1);
	set_page(self, 2 + MANY + WHOLE / SLICE, ENTRIES - (2 + MANY + WHOLE / SLICE), 0, 0, 0, 0);
	set(self, HEAP + PAGE_COUNT, 3, 8);
	set_lists(self);
}

static void end(struct segment *self)
{
	heap_blocks_free(&self->blocks);
	heap_mimalloc_free(&self->heap);
	tm_maps_free(&self->maps);
	tm_mem_destroy(self->mem);
	free(self->bytes);
}

static enum heap_result read_all(struct segment *self)
{
	return heap_mimalloc_read(self->mem, &self->maps, NULL, &self->heap, &self->blocks);
}

static bool note_tag(void *ctx, const struct heap_piece *piece)
{
	((uint8_t *)ctx)[piece->number] = piece->tag;
	return true;
}

static void check_small(const struct heap_blocks *blocks)
{
	const unsigned gone[] = { 10, 11, 20, 30, 40 };
	uint64_t off;

	for (unsigned i = 0; i < CAPACITY; i++) {
		bool is_gone = false;
		uint32_t number = heap_blocks_find(blocks, small_at(i) + 8, &off);

		for (size_t k = 0; k < sizeof(gone) / sizeof(gone[0]); k++)
			is_gone |= gone[k] == i;
		assert_int_equal(number == 0, is_gone);
		if (number) {
			assert_int_equal(off, 8);
			assert_int_equal(heap_blocks_address(blocks, number), small_at(i));
			assert_int_equal(heap_blocks_size(blocks, number), SMALL);
		}
	}
}

static void blocks_in_use_are_found(void **state)
{
	struct segment self;
	uint8_t tags[128] = { 0 };
	uint64_t off, lost;
	uint32_t number;

	(void)state;
	make(&self);
	assert_int_equal(read_all(&self), HEAP_TOLD);
	assert_true(heap_blocks_finish(&self.blocks));
	/* The second segment's place is kept for it. */
	assert_int_equal(self.heap.n, 2);
	assert_true(self.heap.segments[0].used && !self.heap.segments[1].used);
	assert_int_equal(self.blocks.n, 1 + CAPACITY - 5 + 3 + 1);
	check_small(&self.blocks);
	number = heap_blocks_find(&self.blocks, BASE + 2 * SLICE + 3 * MEDIUM - 1, &off);
	assert_int_equal(heap_blocks_address(&self.blocks, number),
			 BASE + 2 * SLICE + 2 * MEDIUM);
	assert_int_equal(off, MEDIUM - 1);
	assert_int_equal(heap_blocks_find(&self.blocks, BASE + 2 * SLICE + 3 * MEDIUM, &off), 0);
	number = heap_blocks_find(&self.blocks, BASE + (2 + MANY) * SLICE + 5, &off);
	assert_int_equal(heap_blocks_size(&self.blocks, number), WHOLE);
	assert_int_equal(heap_blocks_share(&self.blocks, number), 0);
	assert_true(heap_blocks_stream(&self.blocks, self.mem, false, note_tag, tags, &lost));
	assert_int_equal(tags[1], 2);
	assert_int_equal(tags[96], 0);
	assert_int_equal(tags[number], 1);
	end(&self);
}

/* Those that begin with a 1. */
static bool wants_ones(void *ctx, const char head[HEAP_HEAD])
{
	(void)ctx;
	return head[0] == 1;
}

static void take_one(void *ctx, tm_addr at)
{
	tm_addr *last = ctx;

	assert_true(at > last[0]);
	last[0] = at;
	last[1]++;
}

static void heads_are_shown(void **state)
{
	struct segment self;
	tm_addr seen[2] = { 0 };
	struct heap_heads heads = { 64, wants_ones, take_one, seen };

	(void)state;
	make(&self);
	for (unsigned i = 0; i < 3; i++)
		set(&self, 2 * SLICE + (size_t)i * MEDIUM, i != 1, 8);
	set(&self, (2 + MANY) * SLICE, 1, 8);
	set(&self, (size_t)(small_at(50) - BASE), 1, 8);
	assert_int_equal(heap_mimalloc_read(self.mem, &self.maps, &heads, &self.heap,
					    &self.blocks), HEAP_TOLD);
	/* The small ones are too small. */
	assert_int_equal(seen[1], 3);
	assert_int_equal(seen[0], BASE + (2 + MANY) * SLICE);
	end(&self);
}

/* Each leaves one count untrue. */
static void what_contradicts_itself_is_refused(void **state)
{
	const struct { size_t at; uint64_t value; unsigned size; } lies[] = {
		{ 208, 4, 8 },                          /* pages of the segment, */
		{ HEAP + PAGE_COUNT, 4, 8 },            /* of the heap */
		{ PAGES + PAGE + 24, 98, 4 },           /* used blocks */
		{ SLICE + FIRST + 11 * SMALL, BASE + SLICE + FIRST + 10 * SMALL, 8 }, /* a circle */
		{ SLICE + FIRST + 11 * SMALL, BASE + SLICE + FIRST + 8, 8 }, /* in a block */
		{ SLICE + FIRST + 40 * SMALL, BASE + SLICE + FIRST + 40 * SMALL, 8 },
		{ PAGES + PAGE + 10, 0xffff, 2 },       /* more blocks than there is room for */
		{ PAGES + PAGE + 0, 0xffffffff, 4 },    /* slices */
		{ PAGES + 2 * PAGE + 28, 12, 4 },
		{ HEAP + DELAYED, 8, 8 },               /* no memory */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct segment self;

		make(&self);
		set(&self, lies[i].at, lies[i].value, lies[i].size);
		assert_int_equal(read_all(&self), HEAP_CONTRADICTS);
		end(&self);
	}
}

/* Another process's bytes, another version, or nothing. */
static void other_memory_is_no_segment(void **state)
{
	const struct { size_t at; uint64_t value; } others[] = {
		{ 208, 0 }, { 224, 0 }, { 224, 1 << 20 }, { 232, 0 }, { 232, 600 },
		{ 240, 2 }, { 248, 100 }, { PAGES, 7 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct segment self;

		make(&self);
		set(&self, others[i].at, others[i].value, others[i].at == PAGES ? 4 : 8);
		assert_int_equal(read_all(&self), HEAP_TOLD);
		assert_int_equal(self.heap.n, 0);
		assert_int_equal(self.blocks.n, 0);
		end(&self);
	}
}

/* Its cookie is that of another process. */
static void a_copy_of_another_segment_is_none(void **state)
{
	struct segment self;

	(void)state;
	make(&self);
	memcpy(self.bytes + SEGMENT, self.bytes, SLICE);
	assert_int_equal(read_all(&self), HEAP_TOLD);
	assert_int_equal(self.heap.n, 2);
	assert_false(self.heap.segments[1].used);
	end(&self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_in_use_are_found),
		cmocka_unit_test(heads_are_shown),
		cmocka_unit_test(what_contradicts_itself_is_refused),
		cmocka_unit_test(other_memory_is_no_segment),
		cmocka_unit_test(a_copy_of_another_segment_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
