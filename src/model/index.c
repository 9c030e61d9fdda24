#include "model/index.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/alloc.h"
#include "base/load.h"

void index_free(struct index *index)
{
	free(index->slots);
	*index = (struct index){ 0 };
}

void index_grow(struct index *index)
{
	size_t nslots = index->nslots ? index->nslots * 2 : 64;
	struct index_slot *slots =
		tm_reallocarray(NULL, nslots, sizeof(*slots));

	memset(slots, 0xff, nslots * sizeof(*slots)); /* every id: NONE */
	for (size_t old = 0; old < index->nslots; old++) {
		struct index_slot slot = index->slots[old];
		size_t i = slot.hash & (nslots - 1);

		if (slot.id == TM_ID_NONE)
			continue;
		while (slots[i].id != TM_ID_NONE)
			i = (i + 1) & (nslots - 1);
		slots[i] = slot;
	}
	free(index->slots);
	index->slots = slots;
	index->nslots = nslots;
}

uint64_t index_seed;

__attribute__((constructor)) static void set_seed(void)
{
	/* 16 random bytes that the kernel gives to every process. */
	const void *random = (const void *)getauxval(AT_RANDOM);

	if (random)
		index_seed = tm_load_u64(random, 0);
}

uint32_t index_hash_text(struct tm_text text)
{
	uint64_t h = index_seed + text.len;
	uint64_t tail = 0;
	size_t i = 0;

	for (; i + 8 <= text.len; i += 8)
		h = tm_hash_u64(h ^ tm_load_u64(text.bytes, i)) + i;
	if (i < text.len)
		memcpy(&tail, text.bytes + i, text.len - i);
	return index_hash(h ^ tail);
}

uint32_t index_hash_ids(const tm_id *ids, size_t n)
{
	uint64_t h = index_seed + n;

	for (size_t i = 0; i < n; i++) {
		h = (h ^ ids[i]) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	return index_hash(h);
}
