#include "base/big.h"
#include "base/load.h"
#include "py/census_private.h"
#include "py/dict.h"

enum {
	DEQUE_DATA = 8,
};

/* ---- words ------------------------------------------------------------------------------- */

/* `key`: the word before it. */
static uint32_t how_of(struct py_census *census, const struct py_words *words, uint64_t i,
		       tm_addr key)
{
	uint64_t value = words->value;

	if (!census->names)
		return 0;
	switch ((enum heap_edge_kind)words->how) {
	case HEAP_EDGE_VALUE:
		if (words->table)
			value = py_shared_key(census, words->table, words->value + i);
		else
			value = py_key(census, key);
		break;
	case HEAP_EDGE_LOCAL:
		value = py_local(census, census->code, words->value + i);
		break;
	case HEAP_EDGE_INDEX:
	case HEAP_EDGE_FIELD:
	case HEAP_EDGE_ATTRIBUTE:
	case HEAP_EDGE_WORD:
		value += i;
		break;
	case HEAP_EDGE_KEY:
	case HEAP_EDGE_MEMBER:
	case HEAP_EDGE_TYPE:
	case HEAP_EDGE_DICT:
	case HEAP_EDGE_BUFFER:
	case HEAP_EDGE_ROOT:
		break;
	}
	return (uint32_t)words->how << HEAP_EDGE_SHIFT |
	       (uint32_t)(value < HEAP_EDGE_MAX ? value : HEAP_EDGE_MAX);
}

/* The words of a range that are in this piece. */
static void scan(struct py_census *census, const struct heap_piece *piece,
		 const struct py_words *words)
{
	uint64_t first = 0, end = piece->off + piece->len;

	/* What may be left over leads to nothing that is not known otherwise. */
	if (census->outside && words->level >= PY_LEVEL_RAW)
		return;
	if (piece->off > words->off)
		first = (piece->off - words->off + words->stride - 1) / words->stride;
	for (uint64_t i = first; i < words->n; i++) {
		uint64_t off = words->off + i * words->stride;
		const char *entry = piece->bytes + (off - piece->off);
		enum py_level level = (enum py_level)words->level;
		uint64_t value;
		uint32_t node;

		if (off + 8 > end || off < piece->off)
			break;
		value = tm_load_u64(entry, 0);
		if (value & 7)
			continue;
		node = py_resolve(census, value);
		/* Lists in C that are empty begin and end with their owner, which they
		 * do not hold: believed last. */
		if (node == piece->number && level != PY_LEVEL_EXACT)
			level = PY_LEVEL_ROOT;
		if (node && (!words->kin || census->base.info[node] ==
					    census->base.info[piece->number]))
			py_edge_add(census, node, level,
				    how_of(census, words, i,
					   off > piece->off ? tm_load_u64(entry - 8, 0)
							    : census->last));
	}
}

/* References are aligned, as their blocks are: so no word stands in two pieces, and
 * the one before it is in its piece or is census->last. */
static void add_words(struct py_census *census, struct py_words words)
{
	if (words.off % 8 == 0 &&
	    census->nranges < sizeof(census->ranges) / sizeof(census->ranges[0]))
		census->ranges[census->nranges++] = words;
}

static void range(struct py_census *census, uint64_t off, uint64_t n, uint32_t stride,
		  enum py_level level, enum heap_edge_kind how, uint32_t value)
{
	add_words(census, (struct py_words){
		.off = off, .n = n, .stride = stride, .level = (uint8_t)level,
		.how = (uint8_t)how, .value = value,
	});
}

/* ---- buffers ------------------------------------------------------------------------------- */

static void begin_keys(struct py_census *census, const struct heap_piece *piece,
		       uint64_t shift)
{
	struct py_keys keys;

	if (piece->len < shift ||
	    !py_keys_parse(&census->runtime.layout->dict, piece->bytes + shift, piece->len - shift, &keys))
		return;
	range(census, shift + keys.entries + keys.key, keys.n, keys.stride,
	      PY_LEVEL_EXACT, HEAP_EDGE_KEY, 0);
	range(census, shift + keys.entries + keys.key + 8, keys.n, keys.stride,
	      PY_LEVEL_EXACT, HEAP_EDGE_VALUE, 0);
}

/*
 * Those in use are exact. What follows them may be in use, too, as 3.11 on counts
 * those that were set, in whichever order; until 3.10 it is slack.
 */
static void begin_values(struct py_census *census, const struct heap_piece *piece,
			 uint32_t aux)
{
	const uint32_t at = aux & PY_VALUES_AT;
	uint32_t table = aux >> PY_VALUES_TABLE & (PY_VALUES_ATTRIBUTES - 1);
	uint64_t n = at < piece->size ? (piece->size - at) / 8 : 0;
	enum heap_edge_kind how;
	uint64_t used = py_shared_length(census, table);
	unsigned first = census->nranges;

	if (census->layout->values == PY_VALUES_INLINE && at >= 8 && at <= piece->len) {
		uint64_t capacity = tm_load_u8(piece->bytes, at - 8);

		used = tm_load_u8(piece->bytes, at - 7);
		n = capacity < n ? capacity : n;
	} else if (census->layout->values != PY_VALUES_NONE && at >= 8 && at <= piece->len) {
		/* Before them stand a byte for each, how many are used, and how many
		 * bytes these are. */
		uint8_t before = tm_load_u8(piece->bytes, at - 1);

		n = before >= 2 && before - 2u < n ? before - 2u : n;
		n = table && used < n ? used : n;
		used = tm_load_u8(piece->bytes, at - 2);
	} else {
		n = used < n ? used : n;
	}
	used = used < n ? used : n;
	/* In a dict they have its keys, in an instance its type's attributes. */
	if (aux >> PY_VALUES_TABLE & PY_VALUES_ATTRIBUTES)
		table = 0;
	how = table ? HEAP_EDGE_VALUE : HEAP_EDGE_ATTRIBUTE;
	range(census, at, used, 8, PY_LEVEL_EXACT, how, 0);
	range(census, at + used * 8, n - used, 8, PY_LEVEL_BODY, how, (uint32_t)used);
	for (; first < census->nranges; first++)
		census->ranges[first].table = table;
}

static void begin_buffer(struct py_census *census, const struct heap_piece *piece)
{
	const uint32_t aux = census->refs[piece->number];
	const uint64_t shift = heap_block_head(&census->base, piece->number);

	switch ((enum py_use)census->found[piece->number]) {
	case PY_USE_BYTES:
		break;
	case PY_USE_ITEMS:
		range(census, shift + py_list_items(census), aux, 8, PY_LEVEL_EXACT,
		      HEAP_EDGE_INDEX, 0);
		break;
	case PY_USE_KEYS:
		/* Interned strings that nothing refers to any more are found by their dict. */
		if (aux == 0 || census->outside)
			begin_keys(census, piece, shift);
		break;
	case PY_USE_VALUES:
		begin_values(census, piece, aux);
		break;
	case PY_USE_SET:
		range(census, shift, aux, 16, PY_LEVEL_EXACT, HEAP_EDGE_MEMBER, 0);
		break;
	case PY_USE_DEQUE:
		range(census, shift + DEQUE_DATA + (aux & 0xff) * 8,
		      (aux >> 8) - (aux & 0xff), 8, PY_LEVEL_EXACT, HEAP_EDGE_MEMBER, 0);
		break;
	case PY_USE_NODE:
		range(census, shift, 1, 8, PY_LEVEL_EXACT, HEAP_EDGE_KEY, 0);
		break;
	case PY_USE_WORDS:
		range(census, 0, piece->size / 8, 8, PY_LEVEL_OWNED, HEAP_EDGE_WORD, 0);
		break;
	}
}

/* ---- objects ------------------------------------------------------------------------------- */

static void add_buffers(struct py_census *census, uint32_t node)
{
	while (census->at_claim < census->nclaims &&
	       census->claims[census->at_claim].owner < node)
		census->at_claim++;
	for (; census->at_claim < census->nclaims &&
	       census->claims[census->at_claim].owner == node; census->at_claim++) {
		uint32_t buffer = census->claims[census->at_claim].buffer;

		if (heap_node_kind(&census->base, buffer) == HEAP_BUFFER &&
		    census->base.info[buffer] == node)
			py_edge_add(census, buffer, PY_LEVEL_SURE,
				    (uint32_t)HEAP_EDGE_BUFFER << HEAP_EDGE_SHIFT);
	}
}

static void add_type(struct py_census *census, const struct py_type *type)
{
	if (type->node && heap_node_kind(&census->base, type->node) == HEAP_OBJECT &&
	    !(census->base.flags[type->node] & HEAP_IMMORTAL))
		py_edge_add(census, type->node,
			    census->layout->types_counted ? PY_LEVEL_EXACT : PY_LEVEL_BODY,
			    (uint32_t)HEAP_EDGE_TYPE << HEAP_EDGE_SHIFT);
}

/* Ranges are kept from the start of the block; words to skip split one. */
static void add_range(struct py_census *census, const struct py_plan *plan,
		      struct py_words words, uint32_t offset)
{
	/* Fields are named by where they are in the object. */
	if (words.how == HEAP_EDGE_FIELD)
		words.value += census->front / 8;
	for (unsigned i = 0; i < plan->nskip && words.stride == 8; i++) {
		uint64_t skipped = plan->skip[i];
		uint64_t before = (skipped - words.off) / 8;

		if (skipped < words.off || before >= words.n)
			continue;
		range(census, words.off + offset, before, 8, (enum py_level)words.level,
		      (enum heap_edge_kind)words.how, words.value);
		words.off += (before + 1) * 8;
		words.value += (uint32_t)before + 1;
		words.n -= before + 1;
	}
	words.off += offset;
	add_words(census, words);
}

static void begin_object(struct py_census *census, const struct heap_piece *piece)
{
	const struct py_type *type = &census->types[census->base.info[piece->number]];
	const uint32_t head = heap_object_offset(&census->base, piece->number);
	const uint32_t shift = heap_block_head(&census->base, piece->number);
	const uint32_t offset = head + census->front;
	struct py_plan plan;
	struct py_object object = {
		.bytes = piece->bytes + offset, .len = piece->len - offset,
		.before = piece->bytes + shift, .head = head - shift,
		.room = piece->size - offset,
		.at = piece->at + offset, .node = piece->number,
	};

	if (shift)
		object.room = __builtin_bswap64(tm_load_u64(piece->bytes, shift - 16)) +
			      shift - offset;
	py_plan_object(census, type, &object, &plan);
	census->code = plan.code;
	add_buffers(census, piece->number);
	add_type(census, type);
	for (unsigned i = 0; i < plan.nwords; i++)
		add_range(census, &plan, plan.words[i], offset);
}

/* ---- all blocks ------------------------------------------------------------------------------ */

void py_block_begin(struct py_census *census, const struct heap_piece *piece)
{
	census->nranges = 0;
	switch (heap_node_kind(&census->base, piece->number)) {
	case HEAP_RAW:
		range(census, 0, piece->size / 8, 8, PY_LEVEL_RAW, HEAP_EDGE_WORD, 0);
		break;
	case HEAP_BUFFER:
		begin_buffer(census, piece);
		break;
	case HEAP_OBJECT:
		begin_object(census, piece);
		break;
	case HEAP_DEAD:
		break;
	}
}

void py_block_scan(struct py_census *census, const struct heap_piece *piece)
{
	for (unsigned i = 0; i < census->nranges; i++)
		scan(census, piece, &census->ranges[i]);
	if (piece->len >= 8)
		census->last = tm_load_u64(piece->bytes, piece->len - 8);
}

/* Later pieces are not asked for where no range reaches into them. */
static bool add_edges(void *ctx, const struct heap_piece *piece)
{
	struct py_census *census = ctx;

	if (piece->off == 0) {
		census->base.graph.row[piece->number] = census->base.graph.edges;
		py_block_begin(census, piece);
	}
	py_block_scan(census, piece);
	return true;
}

void py_edges(struct py_census *census)
{
	struct heap_graph *graph = &census->base.graph;

	heap_blocks_stream(&census->blocks, census->mem, false, add_edges, census,
			   &census->lost);
	graph->row[graph->nodes] = graph->edges;
	tm_big_free(census->claims);
	census->claims = NULL;
}
