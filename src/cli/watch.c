#include "cli/watch.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "cli/message.h"

bool cli_watch_due(const struct cli_watch_opts *opts,
		   struct cli_watched *watched, uint64_t traced)
{
	bool was_above = watched->above, due = false;

	if (!watched->has_base) {
		watched->has_base = true;
		watched->base = traced;
	}
	watched->above = opts->above && traced > opts->above;
	if (!opts->growth && !opts->above)
		due = true;
	if (opts->growth && traced > watched->base &&
	    (double)(traced - watched->base) >= opts->growth * (double)watched->base)
		due = true;
	if (watched->above && !was_above)
		due = true;
	if (due)
		watched->base = traced;
	return due;
}

char *cli_watch_path(const struct cli_watch_opts *opts,
		     const struct tm_codec *codec, const struct tm_meta *meta)
{
	time_t seconds = (time_t)(meta->taken_at / 1000);
	struct tm utc = { 0 };
	char when[32];

	gmtime_r(&seconds, &utc);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%S", &utc);
	return tm_asprintf("%s/%d-%s.%03dZ%s", opts->dump_dir, (int)meta->pid,
			   when, (int)(meta->taken_at % 1000), codec->suffix);
}

bool cli_watch_is_ours(const char *name, pid_t pid, const char *suffix)
{
	static const char shape[] = "00000000T000000.000Z";
	char prefix[16];
	size_t len = (size_t)snprintf(prefix, sizeof(prefix), "%d-", (int)pid);

	if (strncmp(name, prefix, len) != 0)
		return false;
	name += len;
	for (size_t i = 0; shape[i]; i++)
		if (shape[i] == '0' ? !isdigit((unsigned char)name[i])
				    : name[i] != shape[i])
			return false;
	return strcmp(name + sizeof(shape) - 1, suffix) == 0;
}

static int compare_names(const void *pa, const void *pb)
{
	return strcmp(*(char *const *)pa, *(char *const *)pb);
}

/* Names sort as their times do. */
static char **list_files(DIR *dir, pid_t pid, const char *suffix, size_t *ret_n)
{
	char **names = NULL;
	size_t n = 0, cap = 0;
	struct dirent *entry;

	while ((entry = readdir(dir))) {
		if (!cli_watch_is_ours(entry->d_name, pid, suffix))
			continue;
		names = tm_grow(names, &cap, n + 1, sizeof(*names));
		names[n++] = tm_strdup(entry->d_name);
	}
	if (n)
		qsort(names, n, sizeof(*names), compare_names);
	*ret_n = n;
	return names;
}

void cli_watch_expire(const struct cli_watch_opts *opts,
		      const struct tm_codec *codec, pid_t pid)
{
	TM_GUARD(tm_dir_close) DIR *dir = opts->keep ? opendir(opts->dump_dir) : NULL;
	char **names;
	size_t n;

	if (!dir)
		return;
	names = list_files(dir, pid, codec->suffix, &n);
	for (size_t i = 0; i < n; i++) {
		if (i + opts->keep < n &&
		    unlinkat(dirfd(dir), names[i], 0) != 0 && errno != ENOENT)
			cli_note("%s: cannot remove: %s", names[i], strerror(errno));
		free(names[i]);
	}
	free(names);
}
