/*
 * The files that the lines on the screen come from: read as each source sees
 * them, with the names of their Python functions. For one thread.
 */
#ifndef TUI_LINE_FILES_H
#define TUI_LINE_FILES_H

#include <sys/types.h>

#include "lines.h"

struct line_files;

/* Source i is pids[i]; 0: our own view of the files. */
struct line_files *line_files_create(const pid_t *pids, size_t n);
void line_files_destroy(struct line_files *files);

/* From now on, source i (or a new one after the last) is this process. */
void line_files_source(struct line_files *files, size_t i, pid_t pid);

/*
 * Fill in text and function of each line, as `source` sees the file; where
 * there is no such source (SIZE_MAX), as the first that can read it does.
 */
void line_files_find(struct line_files *files, struct line_list *list,
		     size_t source);

#endif
