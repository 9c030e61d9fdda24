/*
 * The objects of a process at one instant, shared between the threads of the
 * view: counted references. Types are there from the beginning; the rest is
 * asked of the heap, by the worker alone.
 */
#ifndef TUI_OBJECTS_H
#define TUI_OBJECTS_H

#include <stdatomic.h>

#include "heap/ask.h"

struct objects {
	atomic_int refs;
	struct tm_heap *heap;
	uint64_t pause_ns;            /* for how long the target was stopped */
	struct tm_heap_groups *types;
};

/* Takes the heap over, which has references and names. NULL with *err; also for
 * NULL, with *err as it is. */
struct objects *objects_create(struct tm_heap *heap, struct tm_err *err);
struct objects *objects_get(struct objects *objects); /* NULL is fine, also below */
void objects_put(struct objects *objects);

enum objects_about {
	OBJECTS_RETAINED,   /* what goes with all objects of a type */
	OBJECTS_HOLDERS,    /* of a type */
	OBJECTS_INSTANCES,  /* of a type, held along one path */
	OBJECTS_ABOUT,
};

struct objects_query {
	struct objects *objects;  /* NULL: no query */
	enum objects_about about;
	char *type;
	uint32_t pattern;         /* of a path in the answer of HOLDERS */
};

/* One of the results is there, or *err. */
struct objects_answer {
	struct objects_query query;
	struct tm_heap_groups *types;
	struct tm_heap_refs *holders;
	struct tm_heap_instances *instances;
	struct tm_err err;
};

void objects_query_deinit(struct objects_query *query);
/* Takes over what the query holds. */
void objects_answer_init(struct objects_answer *ret, struct objects_query *query);
void objects_answer_deinit(struct objects_answer *answer);

#endif
