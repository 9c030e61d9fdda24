/* Command lines for people: cut to what distinguishes them. */
#ifndef TM_REPORT_COMMAND_H
#define TM_REPORT_COMMAND_H

#include <stddef.h>

/*
 * `n` command lines (words with blanks between them), as they can stand below
 * each other: what multiprocessing hands to `python -c` is named after its
 * function, what all have in common is shown in the first only, and none is longer
 * than a few lines. malloc'ed, each of them and the array.
 */
char **report_cut_commands(const char *const *commands, size_t n);
void report_free_commands(char **commands, size_t n);

#endif
