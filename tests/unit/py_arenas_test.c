#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "py/arenas.h"
#include "py/pools.h"

/*
 * A process of one anonymous mapping: the variable `arenas`, the array that it
 * points to, and arenas of 64 pools of 4 KiB.
 */
enum {
	ROOT = 0, ARRAY = 0x1000, OBJECT = 48,
	POOL = 4096, ARENA = 64 * POOL, FIRST = ARENA, NARENAS = 8,
	SIZE = FIRST + NARENAS * ARENA,
};

#define BASE ((tm_addr)0x7f0000000000)

struct fixture {
	char *bytes;
	struct tm_mem *mem;
	struct tm_maps maps;
	struct py_layout layout;
	struct py_runtime runtime;
	struct py_obmalloc obmalloc;
	struct py_arenas arenas;
};

static void put64(struct fixture *f, size_t at, uint64_t value)
{
	memcpy(f->bytes + at, &value, sizeof(value));
}

static void put32(struct fixture *f, size_t at, uint32_t value)
{
	memcpy(f->bytes + at, &value, sizeof(value));
}

/* An object without an arena, before `next` in the chain of those. */
static void put_unused(struct fixture *f, uint32_t i, tm_addr next)
{
	put64(f, ARRAY + i * OBJECT, 0);
	put64(f, ARRAY + i * OBJECT + 32, next);
}

static tm_addr object_at(uint32_t i)
{
	return BASE + ARRAY + i * OBJECT;
}

/* Arena number `n` is object i's: of its two pools one is free, and the other
 * has `count` blocks of 448 bytes. */
static void put_arena(struct fixture *f, uint32_t i, unsigned n, uint32_t count)
{
	const size_t at = FIRST + n * ARENA, object = ARRAY + i * OBJECT;

	put64(f, object, BASE + at);
	put64(f, object + 8, BASE + at + 2 * POOL);
	put32(f, object + 16, 63);
	put32(f, object + 20, 64);
	put32(f, at, count);
	put32(f, at + 32, i);
	put32(f, at + 36, 448 / 16 - 1);
	put32(f, at + 44, POOL - 448);
	put32(f, at + POOL + 32, i);
}

/* An array of `n` objects, none of which is in use; the last is the end. */
static void begin(struct fixture *f, uint32_t n)
{
	struct tm_err err;

	*f = (struct fixture){ .layout = { .pool_size = POOL } };
	f->bytes = calloc(1, SIZE);
	f->mem = tm_mem_bytes(BASE, f->bytes, SIZE);
	f->runtime.layout = &f->layout;
	f->obmalloc = (struct py_obmalloc){ .roots = { BASE + ROOT }, .nroots = 1 };
	assert_true(tm_maps_parse(strdup("7f0000000000-7f0001000000 rw-p 00000000 "
					 "00:00 0\n"), &f->maps, &err));
	put64(f, ROOT, BASE + ARRAY);
	for (uint32_t i = 0; i < n; i++)
		put_unused(f, i, i + 1 < n ? object_at(i + 1) : 0);
}

static bool read_all(struct fixture *f)
{
	return py_arenas_read(f->mem, &f->maps, &f->runtime, &f->obmalloc, 1000,
			      &f->arenas);
}

static void end(struct fixture *f)
{
	py_arenas_free(&f->arenas);
	tm_maps_free(&f->maps);
	tm_mem_destroy(f->mem);
	free(f->bytes);
}

static void arenas_beyond_a_hole_count(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 256);
	put_arena(&f, 0, 0, 9);
	/* 1 to 199 were freed, the last first; 200 is in use. */
	put_arena(&f, 200, 1, 2);
	put_unused(&f, 199, object_at(201));
	assert_true(read_all(&f));
	assert_int_equal(f.arenas.list.n, 2);
	assert_int_equal(f.arenas.blocks, 11 * 448);
	assert_int_equal(f.arenas.free_blocks, 7 * 448);
	assert_int_equal(f.arenas.free_pools, 2 * 63 * POOL);
	assert_int_equal(f.arenas.overhead, 2 * (48 + (POOL - 48) % 448));
	end(&f);
}

static void what_follows_the_array_does_not(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 16);
	for (uint32_t i = 0; i < 4; i++)
		put_arena(&f, i, i, 1);
	put_arena(&f, 16, 4, 1); /* the freed array of before, say */
	assert_true(read_all(&f));
	assert_int_equal(f.arenas.list.n, 4);
	end(&f);
}

static void a_change_is_not_read(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 16);
	put_arena(&f, 0, 0, 9);
	put_unused(&f, 15, object_at(16)); /* no end */
	assert_false(read_all(&f));
	put_unused(&f, 15, 0);
	assert_true(read_all(&f));
	put_arena(&f, 0, 0, 0); /* the last block is free, the pool not yet */
	assert_false(read_all(&f));
	put_arena(&f, 0, 0, 10); /* more blocks than there is room for */
	assert_false(read_all(&f));
	end(&f);
}

static void two_objects_do_not_share_an_arena(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 16);
	put_arena(&f, 0, 0, 1);
	put_arena(&f, 1, 1, 1);
	put_unused(&f, 2, object_at(3));
	assert_true(read_all(&f));
	put64(&f, ARRAY + OBJECT, BASE + FIRST + ARENA / 2);
	put64(&f, ARRAY + OBJECT + 8, BASE + FIRST + ARENA / 2 + POOL);
	put32(&f, FIRST + ARENA / 2 + 32, 1);
	assert_false(read_all(&f));
	end(&f);
}

/* Words that lead to fresh memory, of which there may be much. */
static void zeroes_do_not_use_up_the_search(void **state)
{
	struct py_obmalloc found;
	struct fixture f;

	(void)state;
	begin(&f, 16);
	put_arena(&f, 0, 0, 9);
	for (unsigned i = 0; i < 300; i++)
		put64(&f, ROOT + 8 * i, BASE + FIRST + ARENA + 16 * i);
	put64(&f, ROOT + 8 * 300, BASE + ARRAY);
	f.runtime.runtime = BASE;
	assert_true(py_obmalloc_find(f.mem, &f.maps, &f.runtime, &found));
	assert_int_equal(found.nroots, 1);
	assert_int_equal(found.roots[0], BASE + ROOT + 8 * 300);
	end(&f);
}

struct seen {
	tm_addr at[8];
	size_t n;
};

static bool begins_with_mark(void *ctx, const char head[HEAP_HEAD])
{
	(void)ctx;
	return head[8] == 'x';
}

static void note(void *ctx, tm_addr at)
{
	struct seen *seen = ctx;

	assert_true(seen->n < 8);
	seen->at[seen->n++] = at;
}

static bool look(struct fixture *f, uint64_t min, struct seen *seen)
{
	const struct heap_heads heads = { min, begins_with_mark, note, seen };
	struct heap_blocks blocks = { 0 };
	bool ok = py_pools_add(f->mem, &f->runtime, &f->arenas.list, &heads, &blocks);

	heap_blocks_free(&blocks);
	return ok;
}

/* What was freed may still look like what is wanted. */
static void heads_of_used_blocks_alone(void **state)
{
	const size_t pool = FIRST, slot = pool + 48;
	struct seen seen = { 0 };
	struct fixture f;

	(void)state;
	begin(&f, 16);
	put_arena(&f, 0, 0, 7);
	put64(&f, pool + 8, BASE + slot + 3 * 448);
	put32(&f, pool + 40, POOL - 448);
	f.bytes[slot + 2 * 448 + 8] = f.bytes[slot + 3 * 448 + 8] = 'x';
	assert_true(read_all(&f));
	assert_true(look(&f, 448, &seen));
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.at[0], BASE + slot + 2 * 448);
	seen.n = 0;
	assert_true(look(&f, 449, &seen));
	assert_int_equal(seen.n, 0);
	put64(&f, slot + 3 * 448, BASE + slot); /* more are free than it counts */
	assert_false(look(&f, 448, &seen));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arenas_beyond_a_hole_count),
		cmocka_unit_test(what_follows_the_array_does_not),
		cmocka_unit_test(a_change_is_not_read),
		cmocka_unit_test(two_objects_do_not_share_an_arena),
		cmocka_unit_test(zeroes_do_not_use_up_the_search),
		cmocka_unit_test(heads_of_used_blocks_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
