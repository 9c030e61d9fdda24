/*
 * Byte strings -> small ids, counted from 0 in order of first appearance.
 * Used for strings and, with raw structs as the bytes, for frames and
 * tracebacks (such structs must have no padding). A zeroed struct is empty.
 */
#ifndef TM_BASE_INTERN_H
#define TM_BASE_INTERN_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct tm_intern_item {
	const char *bytes; /* in the arena, followed by a NUL */
	uint32_t len;
	uint32_t hash;
};

struct tm_intern {
	struct tm_arena arena;
	struct tm_intern_item *items;
	size_t n;
	size_t cap;
	uint32_t *slots; /* id + 1; 0 is free */
	size_t nslots;
};

/* len must be below UINT32_MAX. */
uint32_t tm_intern(struct tm_intern *intern, const void *bytes, size_t len);
/* UINT32_MAX if these bytes were never interned. */
uint32_t tm_intern_find(const struct tm_intern *intern, const void *bytes,
			size_t len);
void tm_intern_free(struct tm_intern *intern);

#endif
