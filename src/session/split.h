/*
 * What the anonymous pages of a process are: each mapping's, by what is in it. Private to
 * src/session.
 */
#ifndef TM_SESSION_SPLIT_H
#define TM_SESSION_SPLIT_H

#include "heap/glibc.h"
#include "session/extents.h"
#include "session/look.h"

/* Where allocators have their memory, as far as that is known. */
struct tm_split {
	struct tm_extents heaps;  /* malloc's */
	struct tm_extents free;   /* and what of them is free */
	struct tm_extents arenas; /* pymalloc's */
};

void tm_split_clear(struct tm_split *split);
void tm_split_free(struct tm_split *split);
/* For who reads malloc's heaps: adds them. */
struct heap_visit tm_split_visit(struct tm_split *split);

/* Of a process or its copy: the parts of ret->anonymous that are not pymalloc's. */
/* `heap`: malloc's, where ret->has_malloc. */
void tm_split_read(struct tm_split *split, const struct heap_glibc *heap,
		   const struct tm_instant *instant, const struct tm_maps *maps,
		   struct tm_memory *ret);

#endif
