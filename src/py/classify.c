#include "base/big.h"
#include "base/load.h"
#include "py/census_private.h"
#include "py/collector.h"

enum {
	OB_REFCNT = 0, OB_TYPE = 8, OB_SIZE = 16,
	/* Debug hooks (Objects/obmalloc.c): size, api, 7 forbidden bytes, data */
	HOOK_HEAD = 16, HOOK_API = 8, FORBIDDEN = 0xfd,
	MIN_VARIABLE = 32,           /* datetime.time and the like */
	MAX_REFS_LOG2 = 40,
	FEW_REFS = 1000,
};

/* A candidate: what is at one offset of a block. */
struct candidate {
	uint32_t type, refs;
	uint32_t next, prev;
	uint32_t offset;             /* in the block */
	bool tracked, immortal, dead;
};

/* ---- blocks of the debug hooks ----------------------------------------------------------- */

/* The bytes that were asked for are big-endian. */
static bool is_hook(const char *bytes, uint64_t *ret)
{
	if (bytes[HOOK_API] != 'r' && bytes[HOOK_API] != 'm' && bytes[HOOK_API] != 'o')
		return false;
	for (int i = 1; i < 8; i++)
		if (tm_load_u8(bytes, HOOK_API + (size_t)i) != FORBIDDEN)
			return false;
	*ret = __builtin_bswap64(tm_load_u64(bytes, 0));
	return *ret > 0;
}

uint32_t py_hook_before(const char *end, uint64_t *ret_size)
{
	return is_hook(end - HOOK_HEAD, ret_size) ? HOOK_HEAD : 0;
}

/* Of a block with hooks in `room`. */
static bool read_hook(const char *bytes, size_t len, uint64_t room, uint64_t *ret)
{
	return len >= HOOK_HEAD + 8 && is_hook(bytes, ret) && *ret <= room - HOOK_HEAD;
}

/* Blocks that are too large for a pool come from malloc, which has hooks of its
 * own. What remains of `room`; how long they are. */
static uint32_t read_hooks(const struct heap_piece *piece, uint64_t *room)
{
	uint32_t shift = 0;

	*room = piece->size;
	while (shift < 2 * HOOK_HEAD &&
	       read_hook(piece->bytes + shift, piece->len - shift, *room, room))
		shift += HOOK_HEAD;
	return shift;
}

/* ---- is there an object? --------------------------------------------------------------------- */

/*
 * Structures of C may begin with pointers to two types, as PyDateTime_CAPI does. In
 * a program that is not position-independent the first passes for a count.
 */
static bool is_count(struct py_census *census, uint64_t refs)
{
	return refs <= FEW_REFS || py_type_index(census, refs) == PY_NO_TYPE;
}

/* How many references it counts. False: it is not a count. */
static bool read_refs(struct py_census *census, const char *object,
		      struct candidate *ret)
{
	uint64_t refs = tm_load_u64(object, OB_REFCNT);
	const enum py_refs_kind kind = census->layout->refs;

	ret->immortal = kind != PY_REFS_PLAIN && (int32_t)(uint32_t)refs < 0;
	ret->refs = (uint32_t)refs;
	if (!is_count(census, refs))
		return false;
	if (kind == PY_REFS_PLAIN) {
		ret->refs = refs < UINT32_MAX ? (uint32_t)refs : UINT32_MAX - 1;
		ret->dead = refs == 0;
		return refs >> MAX_REFS_LOG2 == 0;
	}
	if (kind == PY_REFS_IMMORTAL) {
		ret->dead = refs == 0;
		return refs >> 32 == 0;
	}
	/* Free lists are linked through this word. */
	ret->dead = refs == 0 || (refs >> 32 & 0xffff) != 0;
	if (ret->dead && refs) {
		uint64_t off;

		ret->immortal = false;
		return heap_blocks_find(&census->blocks, refs, &off) != 0;
	}
	return true;
}

bool py_is_alive(struct py_census *census, const char *object, uint32_t *ret_refs)
{
	struct candidate candidate = { 0 };

	if (!read_refs(census, object, &candidate) || candidate.dead)
		return false;
	*ret_refs = candidate.refs;
	return true;
}

static bool fits(const struct py_census *census, const struct py_type *type,
		 const char *object, size_t len, uint64_t room, bool exact)
{
	uint64_t need = type->basicsize;

	if (type->kind == PY_KIND_STR)
		need = census->layout->str_size;
	else if (type->kind == PY_KIND_DATETIME && need > MIN_VARIABLE)
		need = MIN_VARIABLE;
	if (need > room)
		return false;
	if (type->kind == PY_KIND_TUPLE && len >= OB_SIZE + 8)
		return tm_load_u64(object, OB_SIZE) <= (room - OB_SIZE) / 8;
	return !type->fixed || !exact || room - need < 16;
}

/* Of `room` bytes that are the object's or before it, `len` are there. */
static bool is_object(struct py_census *census, const char *data, size_t len,
		      uint64_t room, uint32_t offset, bool exact, struct candidate *ret)
{
	const struct py_type *type;
	const char *object = data + offset;

	if (offset + 16 > len)
		return false;
	ret->type = py_type_index(census, tm_load_u64(object, OB_TYPE));
	if (ret->type == PY_NO_TYPE)
		return false;
	ret->tracked = false;
	ret->next = ret->prev = 0;
	if (census->types[ret->type].offset != offset || !read_refs(census, object, ret))
		return false;
	/* Only now: what passed for a count may have been found to be a type. */
	type = &census->types[ret->type];
	if (type->flags & PY_TYPE_HAS_GC && !ret->dead &&
	     !py_collector_links(census, object - census->gc_head, &ret->next,
				 &ret->prev, &ret->tracked))
		return false;
	return fits(census, type, object, len - offset, room - offset,
		    exact && !ret->tracked);
}

static bool find_object(struct py_census *census, const char *data, size_t len,
			uint64_t room, bool exact, struct candidate *ret)
{
	const uint32_t offsets[] = { 0, census->gc_head, census->gc_head + 16 };
	struct candidate candidate;
	bool found = false;

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		if (!is_object(census, data, len, room, offsets[i], exact, &candidate) ||
		    (found && candidate.dead))
			continue;
		candidate.offset = offsets[i];
		*ret = candidate;
		found = true;
		if (!candidate.dead)
			break;
	}
	return found;
}

/* ---- one block -------------------------------------------------------------------------------- */

static void take(struct py_census *census, uint32_t node, uint32_t shift,
		 const struct candidate *candidate)
{
	struct heap_census *base = &census->base;
	uint32_t flags = candidate->dead ? HEAP_DEAD : HEAP_OBJECT;

	flags |= (candidate->offset + shift) / 16 << HEAP_OFFSET_SHIFT;
	if (candidate->immortal)
		flags |= HEAP_IMMORTAL;
	if (candidate->tracked)
		flags |= HEAP_TRACKED;
	base->flags[node] |= (uint16_t)flags;
	base->info[node] = candidate->type;
	census->refs[node] = candidate->refs;
	census->next[node] = candidate->next;
	census->prev[node] = candidate->prev;
}

static bool classify(void *ctx, const struct heap_piece *piece)
{
	struct py_census *census = ctx;
	uint64_t room;
	const uint32_t shift = read_hooks(piece, &room);
	const char *data = piece->bytes + shift;
	size_t len = piece->len - shift;
	struct candidate candidate;
	struct py_object object;

	if (shift)
		census->base.flags[piece->number] |=
			shift > HOOK_HEAD ? HEAP_HEADED_TWICE : HEAP_HEADED;
	if (len > room)
		len = (size_t)room;
	if (!find_object(census, data, len, room,
			 shift || piece->number < census->blocks.nsmall, &candidate))
		return true;
	take(census, piece->number, shift, &candidate);
	if (candidate.dead)
		return true;
	object = (struct py_object){
		.bytes = data + candidate.offset, .len = len - candidate.offset,
		.before = data, .head = candidate.offset,
		.room = room - candidate.offset,
		.at = piece->at + shift + candidate.offset, .node = piece->number,
	};
	py_plan_object(census, &census->types[candidate.type], &object,
		       &(struct py_plan){ 0 });
	return true;
}

bool py_classify(struct py_census *census, struct tm_err *err)
{
	struct heap_census *base = &census->base;
	const uint32_t n = census->blocks.n;

	base->info = tm_big_alloc(n, sizeof(*base->info));
	base->flags = tm_big_alloc(n, sizeof(*base->flags));
	census->refs = tm_big_alloc(n, sizeof(*census->refs));
	census->found = tm_big_alloc(n, sizeof(*census->found));
	census->next = tm_big_alloc(n, sizeof(*census->next));
	census->prev = tm_big_alloc(n, sizeof(*census->prev));
	base->graph.nodes = n;
	census->collecting = true;
	if (!py_types_begin(census, err) || !py_collector_begin(census, err))
		return false;
	heap_blocks_stream(&census->blocks, census->mem, true, classify, census,
			   &census->lost);
	census->collecting = false;
	py_collector_prove(census);
	tm_big_free(census->next);
	tm_big_free(census->prev);
	census->next = census->prev = NULL;
	py_claims_apply(census);
	return true;
}
