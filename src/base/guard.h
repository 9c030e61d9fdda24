/*
 * Scope guards: `TM_GUARD(tm_fd_close) int fd = open(...)` runs the inverse
 * at every exit of the scope. Each guard accepts the "nothing" value (-1 or
 * NULL); take ownership away with tm_fd_take() or by setting it to NULL.
 */
#ifndef TM_BASE_GUARD_H
#define TM_BASE_GUARD_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TM_GUARD(fn) __attribute__((cleanup(fn)))

static inline void tm_fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline int tm_fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void tm_file_close(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void tm_dir_close(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* For any malloc'ed pointer: declare it as `TM_GUARD(tm_free_ptr) char *p`. */
static inline void tm_free_ptr(void *p)
{
	free(*(void **)p);
}

#endif
