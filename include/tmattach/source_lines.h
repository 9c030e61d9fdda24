/*
 * Source text as a process sees it: what linecache.getline(...).strip() would
 * return inside it, for tm_traceback_format() and the reports.
 *
 * Absolute names are looked up under the root of the process, relative ones
 * under its working directory; symbolic links, absolute ones too, never lead
 * out of that root. Only regular files are read, each once, up to a bound.
 */
#ifndef TMATTACH_SOURCE_LINES_H
#define TMATTACH_SOURCE_LINES_H

#include <sys/types.h>

#include "tmattach/model.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* exported by the library */

/*
 * Bound to the process now running as `pid`: works on after its exit, as far
 * as absolute names go. 0: this process' own view. Never fails; where the
 * process may not be looked at, there are no lines. Not for several threads.
 */
struct tm_source_lines *tm_source_lines_create(pid_t pid);
void tm_source_lines_destroy(struct tm_source_lines *lines); /* NULL is fine */

/*
 * A whole file as UTF-8, indentation and line ends kept; NULL if it cannot be
 * read. Borrowed until the next call on `lines`.
 */
const char *tm_source_lines_text(struct tm_source_lines *lines,
				 struct tm_text filename, size_t *ret_len);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
