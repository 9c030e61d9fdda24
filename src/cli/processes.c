#include "cli/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "cli/number.h"

static size_t read_proc(pid_t pid, const char *file, char *buf, size_t size)
{
	TM_GUARD(tm_fd_close) int fd = -1;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

/* "PID (NAME) STATE PARENT ...", where NAME may hold anything. */
static bool read_stat(struct cli_process *process)
{
	char text[512], *end, *name;
	int parent;

	if (!read_proc(process->pid, "stat", text, sizeof(text)))
		return false;
	name = strchr(text, '(');
	end = strrchr(text, ')');
	if (!name || !end || end < name ||
	    sscanf(end + 1, " %*c %d", &parent) != 1)
		return false;
	process->parent = parent;
	*end = '\0';
	snprintf(process->comm, sizeof(process->comm), "%s", name + 1);
	return true;
}

/* Where the main thread has ended before the others, ask one of them. */
static size_t read_cmdline(pid_t pid, char *buf, size_t size)
{
	TM_GUARD(tm_dir_close) DIR *dir = NULL;
	struct dirent *entry;
	char path[64];
	size_t len = read_proc(pid, "cmdline", buf, size);
	uint64_t tid;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = len ? NULL : opendir(path);
	while (dir && !len && (entry = readdir(dir)))
		if (cli_number(entry->d_name, INT32_MAX, &tid) && (pid_t)tid != pid)
			len = read_proc((pid_t)tid, "cmdline", buf, size);
	return len;
}

/* NULL where it may not be seen. A file that was replaced has its old name. */
static char *read_exe(pid_t pid)
{
	static const char deleted[] = " (deleted)";
	const size_t more = sizeof(deleted) - 1;
	char path[64], exe[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	len = readlink(path, exe, sizeof(exe) - 1);
	if (len <= 0)
		return NULL;
	exe[len] = '\0';
	if ((size_t)len > more && strcmp(exe + len - more, deleted) == 0)
		exe[(size_t)len - more] = '\0';
	return tm_strdup(exe);
}

static void add_process(struct cli_processes *list, pid_t pid)
{
	struct cli_process process = { .pid = pid };
	char cmdline[4096];

	if (!read_stat(&process))
		return;
	process.len = read_cmdline(pid, cmdline, sizeof(cmdline));
	process.cmdline = tm_malloc(process.len + 1);
	memcpy(process.cmdline, cmdline, process.len + 1);
	process.exe = process.len ? read_exe(pid) : NULL;
	list->items = tm_grow(list->items, &list->cap, list->n + 1,
			      sizeof(*list->items));
	list->items[list->n++] = process;
}

static int compare_pids(const void *pa, const void *pb)
{
	const struct cli_process *a = pa, *b = pb;

	return (a->pid > b->pid) - (a->pid < b->pid);
}

void cli_processes_read(struct cli_processes *ret)
{
	TM_GUARD(tm_dir_close) DIR *dir = opendir("/proc");
	struct dirent *entry;
	uint64_t pid;

	*ret = (struct cli_processes){ 0 };
	while (dir && (entry = readdir(dir)))
		if (cli_number(entry->d_name, INT32_MAX, &pid))
			add_process(ret, (pid_t)pid);
	if (ret->n)
		qsort(ret->items, ret->n, sizeof(*ret->items), compare_pids);
}

void cli_processes_free(struct cli_processes *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].cmdline);
		free(list->items[i].exe);
	}
	free(list->items);
	*list = (struct cli_processes){ 0 };
}

const struct cli_process *cli_processes_find(const struct cli_processes *list,
					     pid_t pid)
{
	struct cli_process key = { .pid = pid };

	return list->n ? bsearch(&key, list->items, list->n, sizeof(key),
				 compare_pids) : NULL;
}

bool cli_process_descends(const struct cli_processes *list, pid_t pid,
			  pid_t ancestor)
{
	/* A list read while pids are reused may hold a ring. */
	for (size_t i = 0; i < list->n; i++) {
		const struct cli_process *process = cli_processes_find(list, pid);

		if (!process || process->parent == 0)
			return false;
		if (process->parent == ancestor)
			return true;
		pid = process->parent;
	}
	return false;
}

const char *cli_process_command(struct cli_process *process)
{
	for (size_t i = 0; i + 1 < process->len; i++)
		if (process->cmdline[i] == '\0')
			process->cmdline[i] = ' ';
	return process->cmdline;
}
