/*
 * Paths that differ in an index or a key only are one pattern: `shop.store[*]`.
 * Patterns are numbered and share their beginnings; 0 is the empty one. A step
 * that repeats, as along a linked list, is folded, and a pattern has at most
 * HEAP_PATTERN_STEPS steps, so there are few of them however deep the heap is.
 */
#ifndef TM_HEAP_PATTERNS_H
#define TM_HEAP_PATTERNS_H

#include "base/intern.h"
#include "base/map.h"
#include "heap/census.h"
#include "heap/paths.h"

enum { HEAP_PATTERN_STEPS = 64 };

struct heap_pattern {
	uint32_t before;  /* the pattern without the last step */
	uint32_t step;    /* what kind of step; see patterns.c */
	uint32_t start;   /* the last step of one path of this pattern, */
	uint64_t edge;    /* as an edge and the node it starts from */
	uint32_t depth;
	uint32_t named;   /* how many patterns with one step more name a key */
	bool varies;      /* [*] stands for more than one index or key */
	bool repeats;
};

struct heap_patterns {
	struct heap_census *census;
	struct heap_pattern *items;
	size_t n, cap;
	struct tm_map numbers;   /* (before, step) -> pattern */
	struct tm_map keys;      /* node of a key -> text */
	struct tm_intern texts;  /* of steps */
	uint32_t *of;            /* by node: pattern + 1 of its path; or NULL */
};

/* The census must have names, and outlive it. */
void heap_patterns_init(struct heap_patterns *ret, struct heap_census *census);
void heap_patterns_deinit(struct heap_patterns *self);

/* The pattern that follows `before` along an edge from `start`. */
uint32_t heap_patterns_step(struct heap_patterns *self, uint32_t before,
			    uint32_t start, uint64_t edge);

/* The pattern of a node's path, which is kept. The node must be reached. */
uint32_t heap_patterns_of(struct heap_patterns *self, const struct heap_paths *paths,
			  uint32_t node);

/* As Python writes it. */
void heap_patterns_text(struct heap_patterns *self, uint32_t pattern,
			struct tm_buf *ret);

/* Its last step alone; a root by its kind, too: "module shop". */
void heap_patterns_step_text(struct heap_patterns *self, uint32_t pattern,
			     struct tm_buf *ret);

/* One step, as it is written after `dict_before`: is it the __dict__ of an object
 * or module? ".k" rather than "['k']". */
void heap_step_text(struct heap_census *census, uint32_t start, uint64_t edge,
		    bool namespace, struct tm_buf *ret);

#endif
