/*
 * From content to id: a hash index beside an array. The index keeps (hash,
 * id) pairs only; the content stays in the array that the ids count, so
 * nothing is stored twice and growing never looks at the content again.
 * A zeroed struct is empty.
 *
 *	struct index_probe probe = index_start(&index, hash);
 *	while ((id = index_next(&index, &probe)) != TM_ID_NONE)
 *		if (array[id] is the wanted one)
 *			return id;
 *	append to the array; index_add(&index, &probe, new id);
 */
#ifndef TM_MODEL_INDEX_H
#define TM_MODEL_INDEX_H

#include "base/map.h"
#include "tmattach/model.h"

struct index_slot {
	uint32_t hash;
	tm_id id; /* TM_ID_NONE: free */
};

struct index {
	struct index_slot *slots;
	size_t n;
	size_t nslots; /* power of two, or 0 */
};

struct index_probe {
	size_t at;
	uint32_t hash;
};

void index_free(struct index *index);
void index_grow(struct index *index);

/*
 * A number unknown to whoever wrote the file we read, so that content made to
 * collide does not. Set before main() runs.
 */
extern uint64_t index_seed;

static inline uint32_t index_hash(uint64_t x)
{
	x = tm_hash_u64(x);
	return (uint32_t)(x ^ x >> 32);
}

uint32_t index_hash_text(struct tm_text text);
uint32_t index_hash_ids(const tm_id *ids, size_t n);

/* Begin a look-up, also in an empty index. */
static inline struct index_probe index_find(const struct index *index,
					    uint32_t hash)
{
	size_t mask = index->nslots ? index->nslots - 1 : 0;

	return (struct index_probe){ .at = hash & mask, .hash = hash };
}

/* The same when index_add() may follow: makes room first. */
static inline struct index_probe index_start(struct index *index, uint32_t hash)
{
	if (index->n >= index->nslots / 4 * 3)
		index_grow(index);
	return index_find(index, hash);
}

/* The next id with this hash; TM_ID_NONE when there is no other. */
static inline tm_id index_next(const struct index *index,
			       struct index_probe *probe)
{
	size_t mask = index->nslots - 1;

	if (!index->nslots)
		return TM_ID_NONE;
	for (;;) {
		struct index_slot slot = index->slots[probe->at];

		if (slot.id == TM_ID_NONE)
			return TM_ID_NONE;
		probe->at = (probe->at + 1) & mask;
		if (slot.hash == probe->hash)
			return slot.id;
	}
}

/* After index_next() gave TM_ID_NONE, with nothing added in between. */
static inline void index_add(struct index *index,
			     const struct index_probe *probe, tm_id id)
{
	index->slots[probe->at] = (struct index_slot){ probe->hash, id };
	index->n++;
}

static inline uint64_t index_pair(uint32_t high, uint32_t low)
{
	return (uint64_t)high << 32 | low;
}

/* Hash of three words, the last one of 64 bits. */
static inline uint32_t index_hash3(uint64_t a, uint64_t b, uint64_t c)
{
	return index_hash(tm_hash_u64(tm_hash_u64(a ^ index_seed) ^ b) ^ c);
}

#endif
