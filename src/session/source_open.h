/* The file system as another process sees it. */
#ifndef TM_SESSION_SOURCE_OPEN_H
#define TM_SESSION_SOURCE_OPEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct tm_fs_view {
	pid_t pid;   /* 0: our own */
	int root_fd; /* O_PATH; -1 when pid is 0 or the process is out of reach */
};

void tm_fs_view_init(struct tm_fs_view *view, pid_t pid);
void tm_fs_view_deinit(struct tm_fs_view *view);

/* When a file changed last, in nanoseconds since the epoch. */
struct tm_file_times {
	int64_t written; /* its bytes */
	/* It, its mode or owner, or a symbolic link on the way to it: it may be
	 * another file than it was. */
	int64_t placed;
};

/*
 * Open a regular file for reading; -1 if there is none. Never opens anything
 * else: a device or a FIFO could block or act upon being opened.
 */
int tm_fs_view_open(const struct tm_fs_view *view, const char *path,
		    struct tm_file_times *ret);

#endif
