/*
 * uint64_t -> uint32_t, open addressing with linear probing. Any key is
 * allowed; the value TM_MAP_NONE is reserved. A zeroed struct is empty.
 */
#ifndef TM_BASE_MAP_H
#define TM_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#define TM_MAP_NONE UINT32_MAX

struct tm_map_slot {
	uint64_t key;
	uint32_t value; /* TM_MAP_NONE: the slot is free */
};

struct tm_map {
	struct tm_map_slot *slots;
	size_t n;
	size_t nslots; /* power of two, or 0 */
};

void tm_map_free(struct tm_map *map);
void tm_map_reserve(struct tm_map *map, size_t n);
/* TM_MAP_NONE if the key is absent. */
uint32_t tm_map_get(const struct tm_map *map, uint64_t key);
/*
 * Where the value of `key` is kept; a new key starts with TM_MAP_NONE and
 * must be given a value before the next call. Valid until the next call.
 */
uint32_t *tm_map_put(struct tm_map *map, uint64_t key);

/* A 64-bit finaliser (all input bits reach all output bits). */
static inline uint64_t tm_hash_u64(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u;
	x ^= x >> 32;
	return x;
}

#endif
