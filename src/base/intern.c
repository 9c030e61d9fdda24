#include "base/intern.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/load.h"
#include "base/map.h"

static uint32_t hash_bytes(const char *bytes, size_t len)
{
	uint64_t h = len * 0x9e3779b97f4a7c15u;

	for (; len >= 8; bytes += 8, len -= 8)
		h = tm_hash_u64(h ^ tm_load_u64(bytes, 0)) + len;
	if (len) {
		uint64_t tail = 0;

		memcpy(&tail, bytes, len);
		h = tm_hash_u64(h ^ tail);
	}
	return (uint32_t)(h ^ h >> 32);
}

static size_t find(const struct tm_intern *intern, const char *bytes,
		   size_t len, uint32_t hash)
{
	size_t mask = intern->nslots - 1;
	size_t i = hash & mask;

	for (; intern->slots[i]; i = (i + 1) & mask) {
		const struct tm_intern_item *item =
			&intern->items[intern->slots[i] - 1];

		if (item->hash == hash && item->len == len &&
		    memcmp(item->bytes, bytes, len) == 0)
			break;
	}
	return i;
}

static void grow(struct tm_intern *intern)
{
	size_t nslots = intern->nslots ? intern->nslots * 2 : 64;
	uint32_t *slots = tm_calloc(nslots, sizeof(*slots));

	for (size_t id = 0; id < intern->n; id++) {
		size_t i = intern->items[id].hash & (nslots - 1);

		while (slots[i])
			i = (i + 1) & (nslots - 1);
		slots[i] = (uint32_t)id + 1;
	}
	free(intern->slots);
	intern->slots = slots;
	intern->nslots = nslots;
}

uint32_t tm_intern(struct tm_intern *intern, const void *bytes, size_t len)
{
	uint32_t hash = hash_bytes(bytes, len);
	size_t i;

	if (len >= UINT32_MAX || intern->n >= UINT32_MAX - 1)
		tm_out_of_memory();
	if (intern->n >= intern->nslots / 4 * 3)
		grow(intern);
	i = find(intern, bytes, len, hash);
	if (intern->slots[i])
		return intern->slots[i] - 1;
	intern->items = tm_grow(intern->items, &intern->cap, intern->n + 1,
				sizeof(*intern->items));
	intern->items[intern->n] = (struct tm_intern_item){
		.bytes = tm_arena_bytes(&intern->arena, bytes, len),
		.len = (uint32_t)len,
		.hash = hash,
	};
	intern->slots[i] = (uint32_t)++intern->n;
	return (uint32_t)intern->n - 1;
}

uint32_t tm_intern_find(const struct tm_intern *intern, const void *bytes,
			size_t len)
{
	size_t i;

	if (!intern->nslots)
		return UINT32_MAX;
	i = find(intern, bytes, len, hash_bytes(bytes, len));
	return intern->slots[i] ? intern->slots[i] - 1 : UINT32_MAX;
}

void tm_intern_free(struct tm_intern *intern)
{
	tm_arena_free(&intern->arena);
	free(intern->items);
	free(intern->slots);
	*intern = (struct tm_intern){ 0 };
}
