/*
 * The heap of a CPython: which objects are alive, who holds them, what each
 * holder retains. Needs no tracing. A tm_heap is one instant of a process or a
 * core (tm_session_heap()), or what a .tmh file kept of one.
 *
 * Sizes are bytes that an object occupies in the allocator, its private buffers
 * included; not sys.getsizeof(). A heap is used by one thread at a time. Results
 * own their text and outlive the heap, unless they say otherwise. Not part of the
 * library yet.
 */
#ifndef TM_HEAP_ASK_H
#define TM_HEAP_ASK_H

#include "tmattach/model.h"

struct tm_heap;
struct tm_session;

struct tm_heap_opts {
	bool references; /* who refers to whom: for all but counts by type */
	bool names;      /* and what the references are called */
	bool lines;      /* where objects were allocated, if tracemalloc traces */
	bool values;     /* and, with names, which str and bytes are equal */
	const char *expression; /* what will be looked for: with names, the keys
				   in it are read, too; may be NULL */
};

/* With names, the heap does not need the session any more. */
struct tm_heap *tm_session_heap(struct tm_session *session,
				const struct tm_heap_opts *opts,
				struct tm_err *err) TM_MUST_CHECK;
void tm_heap_destroy(struct tm_heap *heap); /* NULL is fine */

/* pid, runtime, command, taken_at, pause_ns; the rest is 0. Borrowed. */
const struct tm_meta *tm_heap_meta(const struct tm_heap *heap);

/* What was proved while it was read. */
struct tm_heap_proof {
	uint64_t objects;     /* alive */
	uint64_t tracked;     /* of them, by the collector */
	uint64_t listed;      /* by its lists: equal to `tracked` */
	uint64_t unexplained; /* objects that count more references than were found */
	uint64_t ambiguous;   /* and those that count fewer */
	uint64_t blocks;      /* used blocks of the allocators */
	uint64_t estimated;   /* of them, those whose size is computed, not read: their
				 allocator cannot be walked, and not all of its blocks
				 are known */
	bool references;      /* false: they were not read; `unexplained` and
				 `ambiguous` are not known */
};
struct tm_heap_proof tm_heap_proof(const struct tm_heap *heap);

/* ---- files ------------------------------------------------------------------- */

/* Do these first bytes of a file (8 are enough) begin a .tmh file? */
bool tm_heap_is(const void *head, size_t len);

/* "-" is stdin. Every byte of the file is hostile. */
struct tm_heap *tm_heap_load(const char *path, struct tm_err *err) TM_MUST_CHECK;

enum tm_heap_format {
	TM_HEAP_TMH,
	TM_HEAP_DEVTOOLS, /* .heapsnapshot, which Chrome's DevTools read */
};

/*
 * Write a file, as safely as tm_snapshot_save() does. It holds names of types,
 * attributes and variables, the keys of small dicts and a few of large ones, no
 * other value. The heap must have references and names.
 */
bool tm_heap_save(struct tm_heap *heap, const char *path, enum tm_heap_format format,
		  struct tm_err *err) TM_MUST_CHECK;

/*
 * A snapshot whose traces are the objects that a root leads to, and whose
 * tracebacks are their shortest paths: the root oldest, the object's type last.
 * For the formats of profilers. The heap must have references and names.
 */
struct tm_snapshot *tm_heap_profile(struct tm_heap *heap,
				    struct tm_err *err) TM_MUST_CHECK;

/* ---- what is alive ------------------------------------------------------------- */

enum tm_heap_key {
	TM_HEAP_TYPE,   /* "shop.Session"; types of builtins by name alone */
	TM_HEAP_MODULE, /* the module that defines the type */
	TM_HEAP_ROOT,   /* the root that dominates it */
};

enum tm_heap_which {
	TM_HEAP_ALIVE,
	TM_HEAP_GARBAGE,   /* objects that no root leads to */
	TM_HEAP_NO_HOLDER, /* that count more references than any holder explains;
			      TM_ERR_UNSUPPORTED if sizes are estimated */
};

struct tm_heap_query {
	enum tm_heap_key key;
	enum tm_heap_which which;
	bool retained;
	bool line;          /* by type and the line that has allocated them */
	size_t limit;       /* of this many groups, the first ones; 0: of all */
	const char *type;   /* patterns of fnmatch; NULL: all */
	const char *module;
	uint64_t min_size;  /* groups of at least this many bytes */
};

struct tm_heap_group {
	const char *name;
	uint64_t count, size;
	uint64_t retained;   /* what would be freed if the group went away */
	int64_t count_diff, size_diff;
	const char *filename; /* with `line`: where they were allocated; NULL: not known */
	uint32_t lineno;
};

struct tm_heap_groups {
	struct tm_heap_group *items; /* as sorted as tracemalloc's statistics are */
	size_t n;
	uint64_t count, size;        /* of all items */
	bool is_diff;
	struct tm_heap_query query;
};

/* TM_ERR_USAGE: the query needs references, the heap was read without. */
struct tm_heap_groups *tm_heap_group(struct tm_heap *heap,
				     const struct tm_heap_query *query,
				     struct tm_err *err) TM_MUST_CHECK;
/* What came and went from the older heap to this; `query` as for one. */
struct tm_heap_groups *tm_heap_diff(struct tm_heap *older, struct tm_heap *heap,
				    const struct tm_heap_query *query,
				    struct tm_err *err) TM_MUST_CHECK;
/* The same from groups that were made before, of which no heap is left. What the
 * newer ones retain is kept. */
struct tm_heap_groups *tm_heap_groups_since(const struct tm_heap_groups *older,
					    const struct tm_heap_groups *groups);
void tm_heap_groups_destroy(struct tm_heap_groups *groups); /* NULL is fine */

/* ---- who holds it ---------------------------------------------------------------- */

struct tm_heap_step {
	uint64_t address;  /* of the object that the reference leads from; 0: a root */
	const char *type;
	const char *edge;  /* ".cache", "['k']", "[3]" */
};

/* Where objects were allocated. */
struct tm_heap_line {
	const char *filename;
	uint32_t lineno;
	uint64_t count;    /* so many of them */
};

/* Paths that differ in indices and keys only. */
struct tm_heap_path {
	uint64_t count, size;        /* of the objects at their ends */
	const char *expression;      /* "shop.cache.store[*].user" */
	const char *root;            /* "module shop" */
	struct tm_heap_step *steps;  /* of one of them; the first are left out
					where there are very many */
	size_t nsteps;
	uint64_t address;            /* the end of that one */
	uint32_t pattern;            /* for tm_heap_instances() */
	struct tm_heap_line *lines;  /* where they were allocated, as far as it is
					known, the most common first */
	size_t nlines;
};

struct tm_heap_refs {
	const char *what;  /* as it was asked for */
	bool known;        /* false: no object, no type and no expression */
	uint64_t count, size, retained;
	struct tm_heap_path *paths;  /* the most common first */
	size_t n;
	char **types;      /* what a class name without its module meant: */
	size_t ntypes;     /* "shop.Session"; else none */
};

/*
 * `what`: a type ("shop.Session"), an address as id() gives it, an expression that
 * begins with a module, or, if it is none of these, the name of classes of any
 * module ("Session"): then of all of them. For each object one shortest path from the roots,
 * module first; objects that no root leads to are counted and have none.
 * With `down` the paths lead from the objects to what they hold, and the retained
 * size is their part. The heap must have references and names.
 */
struct tm_heap_refs *tm_heap_refs(struct tm_heap *heap, const char *what, bool down,
				  struct tm_err *err) TM_MUST_CHECK;
void tm_heap_refs_destroy(struct tm_heap_refs *refs); /* NULL is fine */

struct tm_heap_instance {
	uint64_t address;        /* what id() gives */
	uint64_t size, retained;
	const char *expression;  /* its own path: "shop.cache.store['k'].user" */
};

struct tm_heap_instances {
	struct tm_heap_instance *items; /* those that retain most first */
	size_t n;
	uint64_t count;                 /* of all, also of those beyond the limit */
};

/* The objects of one path of what tm_heap_refs(heap, what, false) answered; 0: no
 * limit. */
struct tm_heap_instances *tm_heap_instances(struct tm_heap *heap, const char *what,
					    uint32_t pattern, size_t limit,
					    struct tm_err *err) TM_MUST_CHECK;
void tm_heap_instances_destroy(struct tm_heap_instances *instances); /* NULL is fine */

/* ---- what stands out --------------------------------------------------------------- */

struct tm_heap_suspect {
	const char *expression, *type, *root;
	uint64_t address, retained;
	/* Below it, the object in which it accumulates; the same one where no
	 * other has most of it. */
	const char *point, *point_type;
	uint64_t point_address, point_retained;
	/* Most of what that one dominates directly is of this type; NULL: nothing. */
	const char *inside;
	uint64_t inside_count, inside_retained;
};

struct tm_heap_suspects {
	struct tm_heap_suspect *items; /* those that retain most first */
	size_t n;
	uint64_t size;                 /* of all objects, and of memory they can retain */
};

/* The objects below no other that retain at least this share of all. */
struct tm_heap_suspects *tm_heap_suspects(struct tm_heap *heap, double share,
					  struct tm_err *err) TM_MUST_CHECK;
void tm_heap_suspects_destroy(struct tm_heap_suspects *suspects);

/* What could be saved: equal strings, or room that containers keep. */
struct tm_heap_waste {
	const char *type;
	const char *value;     /* of equal ones, as Python writes it, cut off; NULL:
				  was not asked for */
	uint64_t count, size;  /* of all of them */
	uint64_t wasted;       /* of that, what is not needed */
};

struct tm_heap_wastes {
	struct tm_heap_waste *items; /* by what is wasted */
	size_t n;
	uint64_t count, size, wasted;
};

/* str and bytes of equal value, each value an item. TM_ERR_UNSUPPORTED: the heap
 * is that of a file, which has no values. */
struct tm_heap_wastes *tm_heap_duplicates(struct tm_heap *heap, bool values,
					  struct tm_err *err) TM_MUST_CHECK;
/* Lists, dicts and the like with room to spare, each type an item. */
struct tm_heap_wastes *tm_heap_slack(struct tm_heap *heap,
				     struct tm_err *err) TM_MUST_CHECK;
void tm_heap_wastes_destroy(struct tm_heap_wastes *wastes);

#endif
