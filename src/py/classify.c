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

/* Free-threaded builds: Include/object.h, pycore_gc.h; pycore_mimalloc.h. */
enum {
	GC_BITS = 11, REF_LOCAL = 12, REF_SHARED = 16, /* PyObject */
	BIT_TRACKED = 1, BIT_DEFERRED = 64,
	SHARED_SHIFT = 2,            /* of its count: two flags come before it */
	HEAP_OBJECTS = 1, HEAP_GC = 2, HEAP_GC_PRE = 3, /* tags: of what, with 16 bytes before */
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

/*
 * The thread that made it counts its references apart from the others. What lives long
 * (functions, types, modules) counts one that nobody has, so that only the collector
 * frees it: _PyObject_SetDeferredRefcount(), 3.13.
 */
static bool read_split_refs(const char *object, struct candidate *ret)
{
	const uint32_t local = tm_load_u32(object, REF_LOCAL);
	const bool deferred = (tm_load_u8(object, GC_BITS) & BIT_DEFERRED) != 0;
	const int64_t refs = (int64_t)local - deferred +
		((int64_t)tm_load_u64(object, REF_SHARED) >> SHARED_SHIFT);

	ret->immortal = local == UINT32_MAX;
	ret->dead = !ret->immortal && refs == 0;
	ret->refs = (uint32_t)refs;
	return ret->immortal || (refs >= 0 && refs < UINT32_MAX);
}

bool py_is_alive(struct py_census *census, const char *object, uint32_t *ret_refs)
{
	struct candidate candidate = { 0 };

	if (!read_refs(census, object, &candidate) || candidate.dead)
		return false;
	*ret_refs = candidate.refs;
	return true;
}

/* The bytes that are lost at most, as far as they do not depend on the size. */
enum { ROUNDED = 16 };

/* mimalloc has four sizes for each power of two. */
static uint64_t rounded(const struct py_census *census, uint64_t need)
{
	return census->front ? ROUNDED + need / 4 : ROUNDED;
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
	return !type->fixed || !exact || room - need < rounded(census, need);
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

/* The heap that its block is of says what can be in it. */
static bool is_split_object(struct py_census *census, const char *data, size_t len,
			    uint64_t room, uint8_t tag, struct candidate *ret)
{
	const uint32_t offset = tag == HEAP_GC_PRE ? 16 : 0, body = offset + census->front;
	const struct py_type *type;
	const char *object = data + offset;

	if (tag < HEAP_OBJECTS || tag > HEAP_GC_PRE || body + 16 > len)
		return false;
	*ret = (struct candidate){ .offset = offset };
	ret->type = py_type_index(census, tm_load_u64(data, body + OB_TYPE));
	if (ret->type == PY_NO_TYPE || !read_split_refs(object, ret))
		return false;
	type = &census->types[ret->type];
	if (type->offset != offset || !(type->flags & PY_TYPE_HAS_GC) != (tag < HEAP_GC))
		return false;
	ret->tracked = tag >= HEAP_GC && tm_load_u8(object, GC_BITS) & BIT_TRACKED;
	/* One that is tracked is not freed: its threads have not met to add their counts. */
	ret->dead &= !ret->tracked;
	return fits(census, type, data + body, len - body, room - body, !ret->tracked);
}

/* As the collector counts them: it goes through the blocks of its heaps. */
static void count_listed(struct py_census *census, const char *data, size_t len, uint8_t tag)
{
	const size_t at = tag == HEAP_GC_PRE ? 16 + GC_BITS : GC_BITS;

	if (census->front && tag >= HEAP_GC && at < len)
		census->base.proof.listed += tm_load_u8(data, at) & BIT_TRACKED;
}

static bool find_object(struct py_census *census, const char *data, size_t len,
			uint64_t room, bool exact, struct candidate *ret)
{
	const uint32_t offsets[] = { 0, census->gc_head, census->gc_head + 16 };
	struct candidate candidate = { 0 };
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
	struct candidate candidate = { 0 };
	struct py_object object;
	uint32_t body;

	if (shift)
		census->base.flags[piece->number] |=
			shift > HOOK_HEAD ? HEAP_HEADED_TWICE : HEAP_HEADED;
	if (len > room)
		len = (size_t)room;
	count_listed(census, data, len, piece->tag);
	if (!(census->front ? is_split_object(census, data, len, room, piece->tag, &candidate)
			    : find_object(census, data, len, room,
					  shift || piece->number < census->blocks.nsmall,
					  &candidate)))
		return true;
	take(census, piece->number, shift, &candidate);
	if (candidate.dead)
		return true;
	body = candidate.offset + census->front;
	object = (struct py_object){
		.bytes = data + body, .len = len - body,
		.before = data, .head = candidate.offset, .room = room - body,
		.at = piece->at + shift + body, .node = piece->number,
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
