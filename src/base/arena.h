/*
 * Memory that is freed all at once. Pointers stay valid until the arena is
 * freed. A zeroed struct is an empty arena.
 */
#ifndef TM_BASE_ARENA_H
#define TM_BASE_ARENA_H

#include <stddef.h>

struct tm_arena_block;

struct tm_arena {
	struct tm_arena_block *blocks;
	char *next;
	size_t left;
	size_t total; /* bytes handed out */
};

void *tm_arena_alloc(struct tm_arena *arena, size_t size); /* 8-aligned */
char *tm_arena_bytes(struct tm_arena *arena, const void *bytes, size_t len);
void tm_arena_free(struct tm_arena *arena);

#endif
