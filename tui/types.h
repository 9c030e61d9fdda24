/*
 * The types on the page of objects: which are shown, in which order, against
 * which baseline; and the type that was looked into.
 */
#ifndef TUI_TYPES_H
#define TUI_TYPES_H

#include "objects.h"

enum type_sort {
	TYPE_SIZE, TYPE_COUNT, TYPE_SIZE_DIFF, TYPE_COUNT_DIFF, TYPE_RETAINED, TYPE_NAME,
};

struct types {
	struct objects *objects;         /* NULL: none yet */
	struct tm_heap_groups *retained; /* its types with what they retain; NULL: not
					    computed */
	struct tm_heap_groups *since;    /* against the baseline; NULL: there is none */
	uint32_t *rows;                  /* in the shown groups */
	size_t n;

	enum type_sort sort;
	bool reverse, with_retained;
	char filter[512], filter_before[512]; /* the second while it is typed */

	char *looked_at;                 /* a type; NULL: none */
	struct tm_heap_refs *holders;    /* of it; NULL: on their way */
	size_t path;                     /* one of its paths */
	struct tm_heap_instances *instances;
	struct tm_err err;               /* why one of them does not come */
};

/* Show these objects (NULL: none), and forget what belongs to others. `marked`:
 * the baseline, or NULL. The row of a type is found again by types_row_of(). */
void types_show(struct types *types, struct objects *objects,
		const struct tm_heap_groups *marked);
/* Filter and order have changed. */
void types_arrange(struct types *types);
/* Takes what it is about. */
void types_answer(struct types *types, struct objects_answer *answer,
		  const struct tm_heap_groups *marked);
void types_deinit(struct types *types);

/* The groups that rows stand for; NULL without objects. */
const struct tm_heap_groups *types_shown(const struct types *types);
const struct tm_heap_group *types_row(const struct types *types, size_t row);
/* SIZE_MAX: it is not shown. */
size_t types_row_of(const struct types *types, const char *name);

/* Look into a type, or along a path of it: what was seen before is forgotten. */
void types_look_at(struct types *types, const char *name);
void types_look_along(struct types *types, size_t path);

#endif
