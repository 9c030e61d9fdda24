#include "target/stat.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/guard.h"

ssize_t target_slurp(const char *path, char *buf, size_t size)
{
	TM_GUARD(tm_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t got = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	while (got < size - 1 && (n = read(fd, buf + got, size - 1 - got)) > 0)
		got += (size_t)n;
	buf[got] = '\0';
	return (ssize_t)got;
}

static bool read_at(const char *path, struct target_stat *ret)
{
	char text[2048], *open_paren, *close_paren, *at;

	if (target_slurp(path, text, sizeof(text)) <= 0)
		return false;
	/* The name may contain anything, ')' too: the last one ends it. */
	open_paren = strchr(text, '(');
	close_paren = strrchr(text, ')');
	if (!open_paren || !close_paren || close_paren[1] != ' ')
		return false;
	*close_paren = '\0';
	snprintf(ret->name, sizeof(ret->name), "%s", open_paren + 1);
	at = close_paren + 2;
	ret->state = *at;
	at += 1;
	for (int field = STAT_STATE + 1; field <= STAT_FIELDS; field++)
		ret->values[field] = strtoull(at, &at, 10);
	return true;
}

bool target_stat_read(pid_t pid, struct target_stat *ret)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	return read_at(path, ret);
}

bool target_stat_read_thread(pid_t pid, pid_t tid, struct target_stat *ret)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	return read_at(path, ret);
}

bool target_stat_is_dead(const struct target_stat *stat)
{
	return stat->state == 'Z' || stat->state == 'X';
}

pid_t target_stat_living(pid_t pid, struct target_stat *ret)
{
	TM_GUARD(tm_dir_close) DIR *dir = NULL;
	struct dirent *entry;
	char path[96];
	pid_t found = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		pid_t tid = (pid_t)atoi(entry->d_name);
		struct target_stat stat;

		if (tid <= 0 || (found && tid > found) ||
		    !target_stat_read_thread(pid, tid, &stat) ||
		    target_stat_is_dead(&stat) || stat.values[STAT_FLAGS] & PF_EXITING)
			continue;
		found = tid;
		*ret = stat;
	}
	return found;
}
