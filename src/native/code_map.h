/*
 * Functions that a process has generated, with their lines where these are told: what
 * the readers of perf_map.h and jitdump.h have found. Private to src/native.
 */
#ifndef TM_NATIVE_CODE_MAP_H
#define TM_NATIVE_CODE_MAP_H

#include "base/intern.h"
#include "native/symbols.h"

/* Code from `at` on, up to the next line of its function. */
struct code_line {
	tm_addr at;
	uint32_t lineno;
	uint32_t file;       /* in texts */
};

struct code_entry {
	tm_addr start, end;
	uint64_t when;       /* the later one is right where two overlap */
	uint32_t name;       /* in texts */
	uint32_t line, nlines; /* in lines */
};

/* A zeroed struct is empty. */
struct code_map {
	struct code_entry *entries;
	size_t n, cap;
	bool sorted;         /* by start */
	struct code_line *lines;
	size_t nlines, cap_lines;
	struct tm_intern texts;
	struct tm_intern places;       /* name, file and line of frames */
	struct tm_code_frame **frames; /* by place */
	size_t nframes, cap_frames;
};

void code_map_free(struct code_map *map); /* works as a guard */
/* Forget all functions. */
void code_map_clear(struct code_map *map);

/* `name` is replaced by the number of this text. False: it is empty, or there are too many. */
bool code_map_add(struct code_map *map, struct code_entry entry, const char *name, size_t len);
/* The caller says which lines an entry has: the last ones. False: too many. */
bool code_map_add_line(struct code_map *map, struct code_line line, const char *file,
		       size_t len);

/* The function at `at`; NULL if none is known. The frame lives as long as the map. */
const struct tm_code_frame *code_map_find(struct code_map *map, tm_addr at);

#endif
