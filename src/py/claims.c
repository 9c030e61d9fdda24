#include "base/big.h"
#include "base/load.h"
#include "py/census_private.h"
#include "py/dict.h"

enum {
	/* dequeobject and its blocks, Modules/_collectionsmodule.c */
	DEQUE_LEFT = 24, DEQUE_RIGHT = 32, DEQUE_LEFTINDEX = 40, DEQUE_RIGHTINDEX = 48,
	DEQUE_SIZE = 16,
	DEQUE_ITEMS = 64, BLOCK_RIGHTLINK = 520,
	/* PyODictObject and _odictnode, Objects/odictobject.c */
	ODICT_FIRST = 48, NODE_NEXT = 16,
	DICT_USED = 16,
	INTERNED_TRIED = 32,         /* entries */
	MAX_SHIFT = 255,             /* of values in their block */
};

void py_claim(struct py_census *census, uint32_t owner, tm_addr at, enum py_use use,
	      uint32_t aux)
{
	uint64_t off;
	uint32_t node = heap_blocks_find(&census->blocks, at, &off);

	if ((census->outside &&
	     census->outside->claim(census->outside, node, at, use, aux)) ||
	    node == 0 || node == owner || off > MAX_SHIFT)
		return;
	if (census->nclaims == census->cap_claims) {
		census->cap_claims = census->cap_claims ? census->cap_claims * 2 : 1 << 16;
		census->claims = tm_big_grow(census->claims, census->cap_claims,
					     sizeof(*census->claims));
	}
	census->claims[census->nclaims++] = (struct py_claim){
		.owner = owner, .buffer = node, .use = (uint16_t)use,
		.off = (uint16_t)off, .aux = aux,
	};
}

/* Links of a chain that somebody has forged may lead round in a circle (Brent's way to
 * notice that). */
struct chain {
	tm_addr seen;
	uint64_t links, next;
};

static bool comes_back(struct chain *chain, tm_addr at)
{
	if (at == chain->seen)
		return true;
	if (chain->links++ == chain->next) {
		chain->seen = at;
		chain->next = 2 * chain->links;
	}
	return false;
}

void py_claim_deque(struct py_census *census, const struct py_object *object)
{
	tm_addr at, right;
	uint64_t left_index, right_index, n;
	struct chain chain = { 0 };
	struct tm_err err;

	if (object->len < DEQUE_RIGHTINDEX + 8)
		return;
	at = tm_load_u64(object->bytes, DEQUE_LEFT);
	right = tm_load_u64(object->bytes, DEQUE_RIGHT);
	left_index = tm_load_u64(object->bytes, DEQUE_LEFTINDEX) & (DEQUE_ITEMS - 1);
	right_index = tm_load_u64(object->bytes, DEQUE_RIGHTINDEX) & (DEQUE_ITEMS - 1);
	n = tm_load_u64(object->bytes, DEQUE_SIZE);
	if (n == 0) {
		py_claim(census, object->node, at, PY_USE_BYTES, 0);
		return;
	}
	for (uint64_t i = 0; at && i <= n / DEQUE_ITEMS + 1 && !comes_back(&chain, at); i++) {
		uint64_t end = at == right ? right_index + 1 : DEQUE_ITEMS;

		py_claim(census, object->node, at, PY_USE_DEQUE,
			 (uint32_t)(left_index | end << 8));
		left_index = 0;
		if (at == right || !tm_mem_u64(census->mem, at + BLOCK_RIGHTLINK, &at, &err))
			break;
	}
}

void py_claim_nodes(struct py_census *census, const struct py_object *object)
{
	struct chain chain = { 0 };
	struct tm_err err;
	uint64_t n;
	tm_addr at;

	if (object->len < ODICT_FIRST + 8)
		return;
	n = tm_load_u64(object->bytes, DICT_USED);
	at = tm_load_u64(object->bytes, ODICT_FIRST);
	for (uint64_t i = 0; at && i < n && !comes_back(&chain, at); i++) {
		py_claim(census, object->node, at, PY_USE_NODE, 0);
		if (!tm_mem_u64(census->mem, at + NODE_NEXT, &at, &err))
			break;
	}
}

/*
 * References of the dict of interned strings are not counted: each of its keys
 * is its value, too, and says of itself that it is interned.
 */
static bool is_interned(struct py_census *census, tm_addr keys)
{
	struct py_keys shape;
	char entries[INTERNED_TRIED * 24];
	struct tm_err err;
	unsigned seen = 0;

	if (!py_keys_read(census->mem, &census->runtime.layout->dict, keys, &shape) || shape.n < INTERNED_TRIED ||
	    !tm_mem_read(census->mem, keys + shape.entries, entries,
			 INTERNED_TRIED * shape.stride, &err))
		return false;
	for (unsigned i = 0; i < INTERNED_TRIED; i++) {
		const char *entry = entries + i * shape.stride;
		tm_addr key = tm_load_u64(entry, shape.key);
		tm_addr value = tm_load_u64(entry, shape.key + 8);
		uint32_t state;

		if (value == 0)
			continue;
		if (key != value ||
		    !tm_mem_u32(census->mem, key + census->runtime.str.state, &state,
				&err) || (state & 3) == 0)
			return false;
		seen++;
	}
	return seen > 0;
}

void py_claim_keys(struct py_census *census, uint32_t owner, tm_addr keys,
		   bool may_be_interned)
{
	if (keys)
		py_claim(census, owner, keys, PY_USE_KEYS,
			 may_be_interned && is_interned(census, keys));
}

/* A table of keys that several dicts share belongs to the type that made it. */
static bool is_better(const struct py_census *census, const struct py_claim *claim)
{
	const struct heap_census *base = &census->base;
	uint32_t old = base->info[claim->buffer];

	if (heap_node_kind(base, claim->buffer) != HEAP_BUFFER)
		return true;
	return claim->use == PY_USE_KEYS &&
	       census->types[base->info[claim->owner]].kind == PY_KIND_TYPE &&
	       heap_node_kind(base, old) == HEAP_OBJECT &&
	       census->types[base->info[old]].kind != PY_KIND_TYPE;
}

static bool is_valid(const struct py_census *census, const struct py_claim *claim)
{
	const struct heap_census *base = &census->base;

	const uint32_t head = claim->use == PY_USE_ITEMS ? py_list_items(census) : 0;

	/* It is where a block's user part begins, but for values. */
	return (claim->use == PY_USE_VALUES ||
		claim->off == heap_block_head(base, claim->buffer) + head) &&
	       heap_node_kind(base, claim->owner) == HEAP_OBJECT &&
	       !(base->flags[claim->buffer] & HEAP_TRACKED) && is_better(census, claim);
}

/* Of owners that are tracked, or of the others. */
static void apply(struct py_census *census, bool tracked)
{
	struct heap_census *base = &census->base;

	for (uint32_t i = 0; i < census->nclaims; i++) {
		const struct py_claim *claim = &census->claims[i];
		uint16_t *flags = &base->flags[claim->buffer];

		if (!!(base->flags[claim->owner] & HEAP_TRACKED) != tracked ||
		    !is_valid(census, claim))
			continue;
		*flags = (uint16_t)((*flags & PY_HEADS) | HEAP_BUFFER);
		base->info[claim->buffer] = claim->owner;
		census->refs[claim->buffer] = claim->aux;
		census->found[claim->buffer] = claim->use;
	}
}

/* First those of owners that are objects for certain: what is left over in memory of
 * theirs may look like one, and claims nothing then. */
void py_claims_apply(struct py_census *census)
{
	apply(census, true);
	apply(census, false);
}
