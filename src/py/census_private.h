/* What the files that read objects share. Private to src/py. */
#ifndef TM_PY_CENSUS_PRIVATE_H
#define TM_PY_CENSUS_PRIVATE_H

#include "base/map.h"
#include "heap/blocks.h"
#include "heap/census.h"
#include "py/objects.h"

/* Include/object.h: bits of tp_flags. */
#define PY_TYPE_MANAGED_WEAKREF (1u << 3)  /* 3.12 on */
#define PY_TYPE_MANAGED_DICT (1u << 4)     /* 3.11 on */
#define PY_TYPE_INLINE_VALUES (1u << 2)    /* 3.13 on */
#define PY_TYPE_HEAP (1u << 9)
#define PY_TYPE_READY (1u << 12)
#define PY_TYPE_HAS_GC (1u << 14)
#define PY_TYPE_IS_TYPE (1u << 31)

enum py_kind {
	PY_KIND_OPAQUE, PY_KIND_TYPE, PY_KIND_PLAIN, PY_KIND_STR, PY_KIND_LIST,
	PY_KIND_TUPLE, PY_KIND_DICT, PY_KIND_SET, PY_KIND_BYTEARRAY,
	PY_KIND_WEAKREF, PY_KIND_FRAME, PY_KIND_GENERATOR,
	PY_KIND_COROUTINE, PY_KIND_CODE,
	PY_KIND_MODULE, PY_KIND_DEQUE, PY_KIND_ODICT, PY_KIND_LINK,
	PY_KIND_FUNCTION, PY_KIND_MEMORYVIEW, PY_KIND_MANAGEDBUFFER,
	PY_KIND_CONTEXTVAR, PY_KIND_PARTIAL,
	PY_KIND_ARRAY, PY_KIND_NDARRAY, PY_KIND_DATETIME, PY_KIND_DECIMAL,
};

struct py_type {
	tm_addr at, base;
	tm_addr name;            /* tp_name */
	uint32_t node;           /* its block; 0: in an image */
	uint32_t kind;           /* enum py_kind */
	uint32_t flags;
	uint32_t basicsize, itemsize;
	uint32_t own;            /* where the words begin that its kind does not know */
	uint32_t slots;          /* from here on a class statement made the words: each is
				    a reference, or the list of weak ones */
	uint32_t weaklist;       /* tp_weaklistoffset, if positive */
	uint32_t memory;         /* of an opaque one: the word that leads to its own */
	int32_t dict;            /* tp_dictoffset */
	uint8_t offset;          /* of instances in their blocks */
	bool fixed;              /* all instances have the same size */
};

/* What private memory is used for, and the `aux` of each. */
enum py_use {
	PY_USE_BYTES,            /* no references */
	PY_USE_ITEMS,            /* aux: how many words */
	PY_USE_KEYS,             /* a dict's table; aux 1: its references are not
				    counted (interned strings) */
	PY_USE_VALUES,           /* aux: where the values begin; their table of keys
				    << PY_VALUES_TABLE, with PY_VALUES_ATTRIBUTES if
				    they are an instance's */
	PY_USE_SET,              /* aux: how many entries */
	PY_USE_DEQUE,            /* aux: items [aux & 0xff, aux >> 8) of a block */
	PY_USE_NODE,             /* of an OrderedDict: a key */
	PY_USE_WORDS,            /* any word of it */
};

enum {
	PY_VALUES_TABLE = 9, PY_VALUES_AT = (1 << PY_VALUES_TABLE) - 1,
	PY_VALUES_ATTRIBUTES = 1 << (31 - PY_VALUES_TABLE), /* of the table */
};

struct py_claim {
	uint32_t owner, buffer;
	uint32_t aux;
	uint16_t use, off;       /* enum py_use; where it points to in the block */
};

/* Words that may be references, in an object or a buffer. */
struct py_words {
	uint64_t off;            /* from the start of the object or buffer */
	uint64_t n;
	uint32_t stride;         /* bytes */
	uint8_t level;           /* 1: exact; 2: may be a reference */
	uint8_t how;             /* enum heap_edge_kind */
	uint32_t value;          /* of the first; ascends with INDEX, FIELD, ... */
	bool kin;                /* only objects of the same type count */
	uint32_t table;          /* that has the keys of values, see py_shared(); 0: each
				    comes before its value */
};

/* A table of keys that dicts share. */
struct py_shared {
	tm_addr at;
	uint32_t n;
	uint32_t *keys;          /* py_key() of each; NULL: not asked for yet */
};

/* What is to be read of one object. */
struct py_plan {
	struct py_words words[12];
	unsigned nwords;
	uint32_t skip[6];        /* offsets of words that are not references */
	unsigned nskip;
	tm_addr code;            /* of a frame: whose locals it has; 0: none */
};

struct py_object {
	const char *bytes;       /* from the object on; `len` of them are there, */
	size_t len;
	const char *before;      /* and `head` before it */
	size_t head;
	uint64_t room;           /* from the object to the end of its block */
	tm_addr at;              /* its body, see py_body() */
	uint32_t node;
};

/* Who looks for memory that is in no block; the functions have it as their first. */
struct py_outside {
	/* An address that no block holds. */
	void (*word)(struct py_outside *self, tm_addr at);
	/* As py_claim(), of the object that is being planned. `node`: the block that
	 * holds it, 0: none does. False: claim it. */
	bool (*claim)(struct py_outside *self, uint32_t node, tm_addr at, enum py_use use,
		      uint32_t aux);
	/* Is it the data of an image? */
	bool (*is_static)(const struct py_outside *self, tm_addr at);
};

enum { PY_TYPE_CACHE = 4096 };

struct py_census {
	struct heap_census base;
	struct tm_mem *mem;
	bool own_mem;
	const struct tm_maps *maps;
	struct py_runtime runtime;
	const struct py_object_layout *layout;
	struct heap_blocks blocks;
	uint32_t gc_head;
	uint32_t front;          /* of an object's header before what other builds have */

	/* Types, by their address. */
	struct py_type *types;
	size_t ntypes, cap_types;
	struct tm_map type_map;  /* address -> index, or NOT_A_TYPE */
	struct { tm_addr at; uint32_t index; } type_cache[PY_TYPE_CACHE];
	tm_addr type_type;
	struct py_shared *tables;
	size_t ntables, cap_tables;
	struct tm_map table_map; /* address -> index */
	struct tm_map key_map;   /* address of a static object -> its number as a key */

	/* While it is made. */
	uint32_t *refs;          /* per node: counted references; of buffers: aux */
	uint32_t *found;         /* references found; of buffers: enum py_use */
	bool collecting;         /* plans make claims */
	bool names;              /* base.how is wanted */
	uint32_t *next, *prev;   /* the collector's lists: nodes, or FIRST_HEAD + i */
	tm_addr *heads;          /* of these lists, of all interpreters, ascending */
	size_t nheads, cap_heads;
	size_t ninterpreters;
	struct py_claim *claims; /* ascending by owner */
	uint32_t nclaims, cap_claims, at_claim;
	uint64_t cap_edges;
	const struct py_arena_list *arenas;
	const struct py_c_stack *stacks; /* ascending */
	size_t nstacks;
	const char **stack_names;
	/* The block whose pieces come. */
	struct py_words ranges[16];
	unsigned nranges;
	tm_addr code;
	uint64_t last;           /* word of the piece before */
	struct { tm_addr code, names; uint64_t n; } locals; /* looked at last */
	size_t cap_roots;
	uint64_t lost;           /* bytes that could not be read */
	tm_addr planned;         /* the object whose plan is made, */
	const struct py_type *planned_type; /* and its type, until another is learnt */
	struct py_outside *outside; /* NULL, or who is told what leads out of the blocks */
};

/* In flags: what remains when a block turns out to be of another kind. */
#define PY_HEADS (HEAP_HEADED | HEAP_HEADED_TWICE)
/* In flags, while edges are found: words point into it. */
#define PY_POINTED_INTO (1u << 13)

#define PY_NO_TYPE UINT32_MAX
#define PY_FIRST_HEAD 0xffff0000u /* nodes are less than HEAP_MAX_NODES */

/*
 * A free-threaded build has 16 bytes more in front of each object, and all that follows
 * them as other builds have it: offsets in objects are from there on. Of the object at
 * this address.
 */
static inline tm_addr py_body(const struct py_census *census, tm_addr at)
{
	return at + census->front;
}

/* Where the items of a list begin: there, their number comes before them
 * (_PyListArray, Objects/listobject.c). */
static inline uint32_t py_list_items(const struct py_census *census)
{
	return census->front ? 8 : 0;
}

/* Where the items of a tuple begin. */
static inline uint32_t py_tuple_items(const struct py_census *census)
{
	return 16u + census->runtime.layout->sequence.tuple_items;
}

/* ---- objects.c ---- */
/* An empty one; as py_census_make() takes them. */
struct py_census *py_census_create(struct tm_mem *mem, const struct tm_maps *maps,
				   const struct py_runtime *runtime,
				   const struct py_arena_list *arenas,
				   struct heap_blocks *blocks);

/* ---- types.c ---- */
/* Index of the type at this address; PY_NO_TYPE: there is none. */
uint32_t py_type_index(struct py_census *census, tm_addr at);
bool py_types_begin(struct py_census *census, struct tm_err *err);

/* ---- kinds.c ---- */
/* Where the references of an object are; and, if census->collecting, claim its
 * private memory. Of the object itself no more than `len` bytes are examined. */
void py_plan_object(struct py_census *census, const struct py_type *type,
		    const struct py_object *object, struct py_plan *ret);

/* ---- claims.c ---- */
/* The block at `at` belongs to the object `owner`. */
void py_claim(struct py_census *census, uint32_t owner, tm_addr at, enum py_use use,
	      uint32_t aux);
/* Blocks become buffers. */
void py_claims_apply(struct py_census *census);
void py_claim_deque(struct py_census *census, const struct py_object *object);
void py_claim_nodes(struct py_census *census, const struct py_object *object);
void py_claim_keys(struct py_census *census, uint32_t owner, tm_addr keys,
		   bool may_be_interned);

/* ---- keys.c ---- */
/* Number of the table of keys at this address; 0: there is none. */
uint32_t py_shared(struct py_census *census, tm_addr keys);
uint32_t py_shared_length(const struct py_census *census, uint32_t table);
/* The key of its value `i`, as py_key(). */
uint32_t py_shared_key(struct py_census *census, uint32_t table, uint64_t i);
/* The key at this address, as heap_census_key() takes it; 0: it has no literal. */
uint32_t py_key(struct py_census *census, tm_addr at);
void py_keys_free(struct py_census *census);

/* ---- classify.c ---- */
/* Does an object begin with these two words that somebody holds? `refs`: how many, as
 * far as they are counted. Not in free-threaded builds. */
bool py_is_alive(struct py_census *census, const char *object, uint32_t *ret_refs);
/* How long debug hooks' words are that end where `end` points to: 0, or 16; and how many
 * bytes were asked for. */
uint32_t py_hook_before(const char *end, uint64_t *ret_size);
bool py_classify(struct py_census *census, struct tm_err *err);

/* ---- references.c ---- */
/* How certain an edge is. */
enum py_level {
	PY_LEVEL_SURE,           /* not counted as a reference: buffers, names of roots */
	PY_LEVEL_EXACT,          /* a reference */
	PY_LEVEL_BODY,           /* a word of an object */
	PY_LEVEL_OWNED,          /* a word of memory that is an object's, as a module's
				    state */
	PY_LEVEL_RAW,            /* a word of memory of unknown owners */
	PY_LEVEL_ROOT,           /* a word of static data or a stack */
	PY_LEVELS,
};
enum { PY_LEVEL_SHIFT = 28 };    /* in graph.to, until they are certified */

/* The node whose object is at `at`, or whose raw memory holds it; 0: none.
 * Notes words that point into objects. */
uint32_t py_resolve(struct py_census *census, tm_addr at);
/* The node of the object that is there; 0: none is. */
uint32_t py_object_node(struct py_census *census, tm_addr at);
void py_edge_add(struct py_census *census, uint32_t to, enum py_level level, uint32_t how);
/* One edge from node 0; `name` lives as long as the census. */
void py_root_note(struct py_census *census, enum heap_root_kind kind, const char *name,
		  const char *local);
void py_root(struct py_census *census, enum heap_root_kind kind, const char *name,
	     const char *local, uint32_t node, enum py_level level);

/* ---- edges.c ---- */
/* The edges of all blocks. Those of node 0 have been added. */
void py_edges(struct py_census *census);

/* By pieces: where the references of a block are, when its first comes; then each that
 * is in this piece. */
void py_block_begin(struct py_census *census, const struct heap_piece *piece);
void py_block_scan(struct py_census *census, const struct heap_piece *piece);

/* ---- typed_size.c ---- */
/* What types say: 0: they do not. */
uint64_t py_typed_object_size(const struct py_census *census, const struct py_type *type,
			      tm_addr at);
/* Of the object's memory that is at `at`; *ret_before: so much is before that. */
uint64_t py_typed_buffer_size(const struct py_census *census, tm_addr object,
			      const struct py_type *type, tm_addr at, enum py_use use,
			      uint32_t aux, uint32_t *ret_before);

/* ---- certify.c ---- */
/* Drop edges that the counts of their targets do not confirm; report holders. */
void py_certify(struct py_census *census);
/* ---- garbage.c ---- */
/* What no root leads to; and which roots memory of C has. */
void py_garbage(struct py_census *census);

/* ---- roots.c ---- */
void py_roots_add(struct py_census *census);
/* Those of static data and stacks. */
void py_words_of_roots(struct py_census *census);
/* ---- named.c ---- */
/* Roots that have names: modules, locals of running frames. */
void py_named_roots(struct py_census *census);

/* ---- names.c ---- */
/* The text of a str, in the census's arena; NULL: there is none. */
const char *py_text(struct py_census *census, tm_addr str);
/* The str that names local number `i` of a code object, as py_key(). */
uint32_t py_local(struct py_census *census, tm_addr code, uint64_t i);
void py_names(struct py_census *census);

/* ---- literals.c ---- */
/* As the operation `key`, of an object anywhere. */
bool py_literal(const struct py_census *census, const struct py_type *type, tm_addr at,
		struct tm_buf *ret);

/* ---- census_ops.c ---- */
extern const struct heap_census_ops py_census_ops;

#endif
