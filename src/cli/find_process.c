#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "cli/message.h"
#include "cli/number.h"
#include "cli/source.h"

struct match {
	pid_t pid;
	char *command;
};

struct matches {
	struct match *items;
	size_t n;
	size_t cap;
};

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

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/*
 * What Python runs: the word behind its options, or behind -m. NULL for -c
 * and for no Python. -W and -X are the options with a word of their own.
 */
static const char *script_of(const char *cmdline, size_t len)
{
	const char *word = cmdline, *end = cmdline + len;

	if (strncmp(base_name(word), "python", 6) != 0)
		return NULL;
	for (word += strlen(word) + 1; word < end; word += strlen(word) + 1) {
		if (word[0] != '-')
			return word;
		if (strcmp(word, "-c") == 0)
			return NULL;
		if (strcmp(word, "-W") == 0 || strcmp(word, "-X") == 0)
			word += strlen(word) + 1;
		if (word >= end)
			break;
	}
	return NULL;
}

static bool is_called(const char *name, const char *comm, const char *cmdline,
		      size_t len)
{
	const char *script = script_of(cmdline, len);

	return strcmp(name, comm) == 0 ||
	       strcmp(name, base_name(cmdline)) == 0 ||
	       (script && (strcmp(name, script) == 0 ||
			   strcmp(name, base_name(script)) == 0));
}

static void consider(pid_t pid, const char *name, struct matches *ret)
{
	char comm[64], cmdline[4096];
	size_t len = read_proc(pid, "cmdline", cmdline, sizeof(cmdline));

	comm[0] = '\0';
	read_proc(pid, "comm", comm, sizeof(comm));
	comm[strcspn(comm, "\n")] = '\0';
	/* Kernel threads and zombies have no command line. */
	if (len == 0 || pid == getpid() || !is_called(name, comm, cmdline, len))
		return;
	for (size_t i = 0; i + 1 < len; i++)
		if (cmdline[i] == '\0')
			cmdline[i] = ' ';
	ret->items = tm_grow(ret->items, &ret->cap, ret->n + 1,
			     sizeof(*ret->items));
	ret->items[ret->n++] = (struct match){ pid, tm_strdup(cmdline) };
}

static void find_matches(const char *name, struct matches *ret)
{
	TM_GUARD(tm_dir_close) DIR *dir = opendir("/proc");
	struct dirent *entry;
	uint64_t pid;

	while (dir && (entry = readdir(dir)))
		if (cli_number(entry->d_name, INT32_MAX, &pid))
			consider((pid_t)pid, name, ret);
}

static void free_matches(struct matches *matches)
{
	for (size_t i = 0; i < matches->n; i++)
		free(matches->items[i].command);
	free(matches->items);
}

int cli_find_process(const char *name, pid_t *ret)
{
	TM_GUARD(free_matches) struct matches found = { 0 };
	struct tm_err err;

	find_matches(name, &found);
	if (found.n == 1) {
		*ret = found.items[0].pid;
		return CLI_DONE;
	}
	if (found.n == 0) {
		tm_err_set(&err, TM_ERR_GONE, name, "no process has this name");
		return cli_error(&err, CLI_ABOUT_PROCESS);
	}
	tm_err_set(&err, TM_ERR_USAGE, name, "%zu processes have this name; "
		   "choose one by its PID", found.n);
	cli_error(&err, CLI_ABOUT_PROCESS);
	for (size_t i = 0; i < found.n; i++)
		cli_note("%7d %.200s", (int)found.items[i].pid,
			 found.items[i].command);
	return CLI_USAGE;
}
