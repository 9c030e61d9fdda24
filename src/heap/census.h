/*
 * What a heap holds at one instant: a node a used block (node 0: the root of
 * all), what is in it, and who refers to whom. Made by reading a process or a
 * core (py/objects.h), or by loading a file; whoever analyses it cannot tell
 * which. Knows no Python: what a type, an attribute or a key is called comes
 * through the tables and the functions below.
 *
 * A census is read by one thread at a time, as its functions may read memory
 * and keep what they found.
 */
#ifndef TM_HEAP_CENSUS_H
#define TM_HEAP_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "heap/graph.h"

/* What is in a block. */
enum heap_kind {
	HEAP_RAW,     /* memory of native code, or of unknown owners */
	HEAP_OBJECT,  /* `info` is its type */
	HEAP_BUFFER,  /* private memory of an object: `info` is its owner's node */
	HEAP_DEAD,    /* an object on a free list of the interpreter: `info` is its
			 type. Not in the graph: no edges lead from or to it */
};

/* Bits of heap_node.flags, beside the kind. */
enum {
	HEAP_KIND = 3,
	HEAP_OFFSET_SHIFT = 2,       /* three bits: the object is 0, 16, ... 64 bytes */
	HEAP_OFFSET = 7 << 2,        /* after the start of its block */
	HEAP_IMMORTAL = 1 << 5,
	HEAP_ESTIMATED = 1 << 6,     /* its size is computed, not read */
	HEAP_TRACKED = 1 << 7,       /* by the collector */
	HEAP_ROOT_HELD = 1 << 8,     /* an edge from node 0 leads to it */
	HEAP_GARBAGE = 1 << 9,       /* an object or buffer that no root leads to */
	/* More references are counted than were found ("no visible holder"): */
	HEAP_HOLDER_SHIFT = 10,
	HEAP_HOLDER = 3 << 10,       /* enum heap_holder */
	/* The allocator's debug hooks have 16 bytes at its start, or twice as many;
	 * the offset includes them. */
	HEAP_HEADED = 1 << 12,
	HEAP_HEADED_TWICE = 1 << 14,
};

enum heap_holder {
	HEAP_HELD,            /* all its references were found */
	HEAP_HOLDER_NONE,     /* none was */
	HEAP_HOLDER_INSIDE,   /* none, but words that point into it */
	HEAP_HOLDER_SURPLUS,  /* some, and it counts more */
};

#define HEAP_NO_TYPE UINT32_MAX

/* Names of the words of an object's body. */
struct heap_field {
	uint32_t offset;  /* from the object */
	const char *name;
};

struct heap_type {
	const char *name;     /* "Session"; qualified name without the module */
	const char *module;   /* "shop"; "builtins" */
	uint64_t address;     /* of the type object */
	uint32_t base;        /* index of the type that it is derived from, or none */
	uint32_t flags;       /* tp_flags */
	uint32_t basicsize, itemsize;
	const struct heap_field *fields; /* ascending by offset */
	uint32_t nfields;
	const char *const *attributes; /* by number: those of instances */
	uint32_t nattributes;
};

enum heap_root_kind {
	HEAP_ROOT_MODULE,     /* `name`: the module; node: its dict */
	HEAP_ROOT_FRAME,      /* `name`: "thread 4711: handle()" */
	HEAP_ROOT_STATE,      /* of an interpreter or thread: `name` says which field */
	HEAP_ROOT_STATIC,     /* `name`: "static data of libfoo.so" */
	HEAP_ROOT_NATIVE,     /* malloc'ed memory of native code, by itself alive */
	HEAP_ROOT_STACK,      /* `name`: "C stack of thread 4711" */
	HEAP_ROOT_IMMORTAL,   /* never freed */
};

/* One edge from node 0: roots[i] describes edge graph.row[0] + i. */
struct heap_root {
	enum heap_root_kind kind;
	const char *name;     /* of the census, shared by many roots; never NULL */
	const char *local;    /* of HEAP_ROOT_FRAME: the variable; else NULL */
};

/* How an edge leads from an object: `how[edge]`, kind << 28 | value. */
enum heap_edge_kind {
	HEAP_EDGE_WORD,       /* value: offset / 8 in the block, not an object's */
	HEAP_EDGE_FIELD,      /* value: offset / 8 in the object: type.fields */
	HEAP_EDGE_INDEX,      /* [value] */
	HEAP_EDGE_VALUE,      /* value: the key, see heap_census_key() */
	HEAP_EDGE_KEY,        /* it is a dict's key */
	HEAP_EDGE_MEMBER,     /* of a set */
	HEAP_EDGE_ATTRIBUTE,  /* value: number in type.attributes */
	HEAP_EDGE_LOCAL,      /* value: the variable's name, likewise */
	HEAP_EDGE_TYPE,       /* the instance's type */
	HEAP_EDGE_DICT,       /* the instance's __dict__ */
	HEAP_EDGE_BUFFER,     /* private memory, an implementation detail */
	HEAP_EDGE_ROOT,       /* value: number of the root */
};

enum { HEAP_EDGE_SHIFT = 28, HEAP_EDGE_MAX = (1 << 28) - 1 };

/* So many static keys at most; an interpreter has some thousands. */
enum { HEAP_STATIC_KEYS = 1 << 20 };

static inline enum heap_edge_kind heap_edge_kind(uint32_t how)
{
	return (enum heap_edge_kind)(how >> HEAP_EDGE_SHIFT);
}

static inline uint32_t heap_edge_value(uint32_t how)
{
	return how & HEAP_EDGE_MAX;
}

/* What the answer's last line says. */
struct heap_proof {
	uint64_t tracked;     /* objects found that the collector tracks */
	uint64_t listed;      /* what its lists hold; equal, or something is wrong */
	uint64_t unexplained; /* objects with more references than were found */
	uint64_t ambiguous;   /* more found than are counted */
	uint64_t blocks;      /* used blocks */
	uint64_t estimated;   /* of them, those with a computed size */
	uint64_t objects;     /* alive */
	uint64_t dead;        /* on free lists */
	uint64_t garbage;     /* objects no root leads to */
};

/* Where objects were allocated. */
struct heap_line {
	const char *filename; /* in the census's strings */
	uint32_t lineno;
};

struct heap_allocated {
	struct heap_line *lines;
	size_t n, cap;
	uint32_t *line_of;    /* by node: the number of its line + 1; 0: not known */
};

struct heap_census;

struct heap_census_ops {
	/* Where block `node` begins, and its size in bytes with the allocator's
	 * share; of node 0, 0. */
	uint64_t (*address)(const struct heap_census *census, uint32_t node);
	uint64_t (*size)(const struct heap_census *census, uint32_t node);
	/* The node whose block holds `at`; 0: none. */
	uint32_t (*find)(const struct heap_census *census, uint64_t at);
	/*
	 * The literal of an object that is a key: 'k', 5, ('a', 3), as Python
	 * writes it. False: it is another type's, or gone. A str in quotes.
	 */
	bool (*key)(struct heap_census *census, uint32_t node, struct tm_buf *ret);
	/*
	 * The value of a str or bytes: for --values and --duplicates. At most
	 * `limit` bytes of UTF-8 or raw; *len is what it has in all. False: it
	 * is not one, or gone. NULL: values are not known (a file without them).
	 */
	bool (*value)(struct heap_census *census, uint32_t node, size_t limit,
		      struct tm_buf *ret, uint64_t *len);
	/* Items in use and allocated, of containers that keep room: for --slack.
	 * False: it is none. May be NULL. */
	bool (*room)(struct heap_census *census, uint32_t node, uint64_t *used,
		     uint64_t *allocated, uint32_t *item_size);
	void (*destroy)(struct heap_census *census);
};

/* Arrays are made by tm_big_alloc() (base/big.h) and belong to the census;
 * strings are in its arena. */
struct heap_census {
	const struct heap_census_ops *ops;
	struct heap_graph graph;   /* graph.nodes is valid without edges, too */
	uint32_t *info;            /* per node, see enum heap_kind */
	uint16_t *flags;           /* per node */
	uint32_t *how;             /* per edge; NULL: was not asked for */
	struct heap_type *types;
	uint32_t ntypes;
	struct heap_root *roots;   /* as many as edges of node 0, if there are edges */
	uint32_t nroots;
	/* Literals of keys that are static objects of the interpreter: those have no
	 * blocks. Made by tm_grow(). */
	const char **static_keys;
	uint32_t nstatic_keys, static_keys_cap;
	struct heap_proof proof;
	struct tm_arena strings;
	struct heap_allocated *allocated; /* where objects were allocated; NULL: was not
				      asked for */
	struct heap_kept *kept;    /* what was read while its memory was there (heap/kept.h) */
};

void heap_census_destroy(struct heap_census *census); /* NULL is fine */
/* Frees what the fields own, for an implementation of destroy(). */
void heap_census_deinit(struct heap_census *census);

/* Make census->allocated, which belongs to it. */
void heap_census_need_allocated(struct heap_census *census);

static inline enum heap_kind heap_node_kind(const struct heap_census *census,
					    uint32_t node)
{
	return (enum heap_kind)(census->flags[node] & HEAP_KIND);
}

/* What debug hooks have put before the user's part of a block. */
static inline uint32_t heap_block_head(const struct heap_census *census, uint32_t node)
{
	const uint16_t flags = census->flags[node];

	return flags & HEAP_HEADED_TWICE ? 32 : flags & HEAP_HEADED ? 16 : 0;
}

/* Where the object is in its block. */
static inline uint32_t heap_object_offset(const struct heap_census *census,
					  uint32_t node)
{
	return ((census->flags[node] & HEAP_OFFSET) >> HEAP_OFFSET_SHIFT) * 16;
}

/* The object that a node belongs to: itself, or a buffer's owner; 0: none. */
uint32_t heap_census_owner(const struct heap_census *census, uint32_t node);
/* Its type; HEAP_NO_TYPE: raw memory. A buffer's is its owner's. */
uint32_t heap_census_type(const struct heap_census *census, uint32_t node);
/*
 * The literal of a key as HEAP_EDGE_VALUE and HEAP_EDGE_LOCAL give it: a node;
 * graph.nodes + i: static_keys[i]; 0: unknown. False: it is not known. Any
 * number may be asked for.
 */
bool heap_census_key(struct heap_census *census, uint32_t key, struct tm_buf *ret);
/* A static key more; its number as above, 0: there are too many. `literal` lives
 * as long as the census, whose nodes are all there. */
uint32_t heap_census_add_key(struct heap_census *census, const char *literal);
/*
 * The edge as Python writes it after the expression of its start: ".cache",
 * "['k']", "[3]", ".__class__"; "" for buffers; an internal word is in angle
 * brackets: "<+24>". Needs `how`. Edges of node 0 give the root: "shop".
 */
void heap_edge_text(struct heap_census *census, uint32_t from, uint64_t edge,
		    struct tm_buf *ret);

#endif
