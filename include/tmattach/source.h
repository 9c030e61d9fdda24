/*
 * Source text as a process sees it: what linecache.getline(...).strip() would
 * return inside it, for tm_traceback_format().
 *
 * Absolute names are looked up under the root of the process, relative ones
 * under its working directory, then along its sys.path; symbolic links, absolute
 * ones too, never lead out of that root. A name may lead into a zip archive. What
 * is in no file is read out of the process: the lines in its linecache (cells of
 * a notebook, code typed at a prompt), and those of `python -c'. "<string>" is
 * taken for the latter, though exec() calls its code so, too: as linecache does
 * since 3.13.
 *
 * Only regular files are read, each once, up to a bound. The text of one that
 * was written after the process had started is not what ran: a mark takes its
 * place, "(file changed since the process started)". Where the file is older
 * but was moved there later, or had its mode or owner changed, the mark follows
 * the text. What linecache had read before the change needs none.
 * For one thread at a time.
 */
#ifndef TMATTACH_SOURCE_H
#define TMATTACH_SOURCE_H

#include "tmattach/format.h"
#include "tmattach/process.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* exported by the library */

/* The session's own, which belong to it. */
const struct tm_source_lines *tm_session_source_lines(struct tm_session *session);

/*
 * Without a session: of the process now running as `pid`. Absolute names can
 * still be looked up after it has ended. 0: as this process sees them. Never
 * fails; if the process may not be examined, there are no lines.
 */
struct tm_source_lines *tm_source_lines_create(pid_t pid);
void tm_source_lines_destroy(struct tm_source_lines *lines); /* NULL is fine */

/* For a snapshot that was taken then (ms after the epoch; 0: not known): files
 * that changed later are marked after their text. */
void tm_source_lines_since(struct tm_source_lines *lines, int64_t ms);

/* Lines of files may be asked for by the names that these mappings give them,
 * too. They must stay as long as `lines`. */
void tm_source_lines_rename(struct tm_source_lines *lines,
			    const struct tm_mapping *mappings, size_t n);

/*
 * A whole file as UTF-8, indentation and line ends kept; NULL if it cannot be
 * read, or is not what ran. Valid until the next call on `lines`.
 */
const char *tm_source_lines_text(struct tm_source_lines *lines,
				 struct tm_text filename, size_t *ret_len);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
