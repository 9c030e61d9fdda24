/*
 * Which module the code of a recorded stack belonged to, by what the recorder noted
 * when modules came and went (recorder/abi_loader.h).
 */
#ifndef TM_TRACE_RECORDER_MODULES_H
#define TM_TRACE_RECORDER_MODULES_H

#include "mem/mem.h"
#include "recorder/abi.h"

struct tm_recorder_modules {
	bool watched;          /* what comes and goes is noted */
	uint32_t ninitial;
	uint32_t missed;       /* modules that found no record */
	uint64_t started_ns;
	size_t n;              /* numbers 1 .. n */
	struct tm_recorder_loaded *modules;
	char **names;          /* "": unknown */
};

/* Of a table with this head. TM_ERR_CORRUPT. */
bool tm_recorder_modules_read(struct tm_mem *mem, tm_addr at,
			      const struct tm_recorder_table *table,
			      struct tm_recorder_modules *ret, struct tm_err *err) TM_MUST_CHECK;
void tm_recorder_modules_free(struct tm_recorder_modules *modules); /* works as a guard */

enum tm_recorder_owner {
	TM_OWNER_MODULE,  /* the one with number *ret */
	TM_OWNER_NOBODY,  /* no module: generated code */
	TM_OWNER_PRESENT, /* whoever is mapped there: nothing else is known of the place */
	TM_OWNER_LOST,    /* one of several */
};

/* Who the code of this word of a stack belonged to; `word` is a return address. */
enum tm_recorder_owner tm_recorder_owner(const struct tm_recorder_modules *modules,
					 uint64_t word, size_t *ret);

#endif
