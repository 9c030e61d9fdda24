#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static struct tm_map_slot *find(const struct tm_map *map, uint64_t key)
{
	size_t mask = map->nslots - 1;
	size_t i = tm_hash_u64(key) & mask;

	while (map->slots[i].value != TM_MAP_NONE && map->slots[i].key != key)
		i = (i + 1) & mask;
	return &map->slots[i];
}

static void resize(struct tm_map *map, size_t nslots)
{
	struct tm_map old = *map;

	map->slots = tm_reallocarray(NULL, nslots, sizeof(*map->slots));
	/* All ones: every value reads TM_MAP_NONE. */
	memset(map->slots, 0xff, nslots * sizeof(*map->slots));
	map->nslots = nslots;
	for (size_t i = 0; i < old.nslots; i++)
		if (old.slots[i].value != TM_MAP_NONE)
			*find(map, old.slots[i].key) = old.slots[i];
	free(old.slots);
}

void tm_map_free(struct tm_map *map)
{
	free(map->slots);
	*map = (struct tm_map){ 0 };
}

void tm_map_reserve(struct tm_map *map, size_t n)
{
	size_t nslots = map->nslots ? map->nslots : 64;

	while (n > nslots / 4 * 3)
		nslots *= 2;
	if (nslots != map->nslots)
		resize(map, nslots);
}

uint32_t tm_map_get(const struct tm_map *map, uint64_t key)
{
	return map->nslots ? find(map, key)->value : TM_MAP_NONE;
}

uint32_t *tm_map_put(struct tm_map *map, uint64_t key)
{
	struct tm_map_slot *slot;

	tm_map_reserve(map, map->n + 1);
	slot = find(map, key);
	if (slot->value == TM_MAP_NONE) {
		slot->key = key;
		map->n++;
	}
	return &slot->value;
}
