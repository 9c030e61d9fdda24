/*
 * Which functions allocate, by name: the C library's and C++'s, those of known allocators,
 * and those under their prefixes. Private to src/inject.
 */
#ifndef TM_INJECT_FAMILY_H
#define TM_INJECT_FAMILY_H

#include <stdbool.h>

#include "recorder/abi.h"

struct inject_family {
	const char *name;
	enum tm_recorder_kind kind;
	const char *nothrow; /* TM_HOOK_NEW: its variant's name */
};

/* NULL: none of them. Static. */
const struct inject_family *inject_family_of(const char *name);
/* Nobody calls something else so: it may be a local symbol. */
bool inject_is_unmistakable(const char *name);

enum { INJECT_NAME_LEN = 128 };

/* As its source has it: gcc renames what is local, and the same function still, when it
 * divides a program that is optimized as a whole (-flto). Clones that lack arguments have
 * other suffixes, and are none of ours. */
const char *inject_whole_name(const char *name, char ret[INJECT_NAME_LEN]);

#endif
