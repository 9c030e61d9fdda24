#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { BLOCK_SIZE = 256 * 1024, ALIGN = 8 };

struct tm_arena_block {
	struct tm_arena_block *next;
	/* the bytes follow */
};

static void *new_block(struct tm_arena *arena, size_t size)
{
	struct tm_arena_block *block = tm_malloc(sizeof(*block) + size);

	block->next = arena->blocks;
	arena->blocks = block;
	return block + 1;
}

static void *carve(struct tm_arena *arena, size_t size)
{
	void *p;

	arena->total += size;
	if (size > arena->left) {
		/* Large pieces get a block of their own, so little is wasted. */
		if (size > BLOCK_SIZE / 4)
			return new_block(arena, size);
		arena->next = new_block(arena, BLOCK_SIZE);
		arena->left = BLOCK_SIZE;
	}
	p = arena->next;
	arena->next += size;
	arena->left -= size;
	return p;
}

void *tm_arena_alloc(struct tm_arena *arena, size_t size)
{
	if (size > SIZE_MAX / 2)
		tm_out_of_memory();
	return carve(arena, (size + ALIGN - 1) & ~(size_t)(ALIGN - 1));
}

char *tm_arena_bytes(struct tm_arena *arena, const void *bytes, size_t len)
{
	char *copy = tm_arena_alloc(arena, len + 1);

	if (len)
		memcpy(copy, bytes, len);
	copy[len] = '\0';
	return copy;
}

void tm_arena_free(struct tm_arena *arena)
{
	struct tm_arena_block *block = arena->blocks;

	while (block) {
		struct tm_arena_block *next = block->next;

		free(block);
		block = next;
	}
	*arena = (struct tm_arena){ 0 };
}
