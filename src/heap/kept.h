/*
 * What is kept of the memory of a process that is about to go: literals of keys,
 * how full containers are, which strings are equal. The census answers from it
 * afterwards, as one that was loaded from a file does.
 */
#ifndef TM_HEAP_KEPT_H
#define TM_HEAP_KEPT_H

#include "heap/census.h"

/* A longer literal is left away. */
enum { HEAP_KEY_LIMIT = 200, HEAP_KEEP = 2 };

/*
 * Read from the census what can be printed: the keys of dicts with few items, a few
 * of the others', those of objects of which there are few, and those that several dicts
 * have; names of variables. With
 * `values`, also which str and bytes are equal, and how they begin. The census has
 * references and names.
 */
struct heap_keep {
	bool values;
	const char *expression; /* keys that it names are kept, too; may be NULL */
};

void heap_census_keep(struct heap_census *census, const struct heap_keep *what);

struct heap_values;
/* Its values, if they were kept; else NULL. */
const struct heap_values *heap_kept_values(const struct heap_census *census);

/* By node: HEAP_KEEP where its literal is worth keeping. Freed with tm_big_free(). */
uint8_t *heap_keys_to_keep(const struct heap_census *census);

#endif
