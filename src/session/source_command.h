/* The text of `python -c TEXT` in a command line. */
#ifndef TM_SESSION_SOURCE_COMMAND_H
#define TM_SESSION_SOURCE_COMMAND_H

#include <stddef.h>

/*
 * Borrowed from the words (the interpreter's own name is the first), which are
 * read as CPython 3.7 to 3.15 reads its options; NULL where it runs something
 * else.
 */
const char *tm_command_text(const char *const *words, size_t n);

#endif
