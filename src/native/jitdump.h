/*
 * Names and lines of code that a process has generated, from the file that its compiler
 * writes for perf: jit-NUMBER.dump, which it has mapped so that perf learns of it (perf's
 * jitdump-specification.txt). Private to src/native.
 */
#ifndef TM_NATIVE_JITDUMP_H
#define TM_NATIVE_JITDUMP_H

#include "native/code_map.h"

struct jitdump;

struct jitdump *jitdump_create(void);
void jitdump_destroy(struct jitdump *dump); /* NULL is fine */

/* Is this the path of one? */
bool jitdump_is(const char *path);
/* Read what was added since the last time. `fd` is one of those files; several may be
 * read into one. */
void jitdump_refresh(struct jitdump *dump, int fd);
/* The function at `at`; NULL if none is known. The frame lives as long as `dump`. */
const struct tm_code_frame *jitdump_find(struct jitdump *dump, tm_addr at);

/* The records in these bytes, which follow the header: how many bytes they took. What is
 * behind is not complete yet, or no record. For tests. */
size_t jitdump_parse(struct jitdump *dump, const void *bytes, size_t len);

#endif
