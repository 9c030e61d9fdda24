#include "target/headroom.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/guard.h"

/* Names as in the kernel's admin-guide/cgroup-v2 and cgroup-v1/memory. */
struct hierarchy {
	const char *mount, *limit, *usage, *droppable;
};

static const struct hierarchy v2 = {
	"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file ",
};
static const struct hierarchy v1 = {
	"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
	"total_inactive_file ",
};

enum { PATH_SIZE = 4096 };

/* The number after `key` at the beginning of a line ("" for a file that is
 * one); false if there is none, as in "max". */
static bool read_number(const struct hierarchy *h, const char *group,
			const char *name, const char *key, uint64_t *ret)
{
	TM_GUARD(tm_file_close) FILE *file = NULL;
	char path[PATH_SIZE + 128], line[256];
	size_t len = strlen(key);

	snprintf(path, sizeof(path), "%s%s/%s", h->mount, group, name);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, key, len) == 0)
			return sscanf(line + len, "%" SCNu64, ret) == 1;
	return false;
}

static uint64_t left_in(const struct hierarchy *h, const char *group)
{
	uint64_t limit, usage, droppable = 0;

	if (!read_number(h, group, h->limit, "", &limit) ||
	    !read_number(h, group, h->usage, "", &usage))
		return UINT64_MAX;
	if (read_number(h, group, "memory.stat", h->droppable, &droppable))
		usage -= droppable < usage ? droppable : usage;
	return usage < limit ? limit - usage : 0;
}

/* Of this group and of all around it; `group` is overwritten. */
static uint64_t least_left(const struct hierarchy *h, char *group)
{
	uint64_t least = UINT64_MAX;

	for (;;) {
		uint64_t left = left_in(h, group);
		char *slash = strrchr(group, '/');

		if (left < least)
			least = left;
		if (!slash)
			return least;
		*slash = '\0';
	}
}

/* A line of /proc/PID/cgroup is ID:CONTROLLERS:PATH; v2's is 0::PATH. */
static const struct hierarchy *hierarchy_of(const char *controllers)
{
	char copy[256], *save = NULL;

	if (!*controllers)
		return &v2;
	snprintf(copy, sizeof(copy), "%s", controllers);
	for (char *word = strtok_r(copy, ",", &save); word;
	     word = strtok_r(NULL, ",", &save))
		if (strcmp(word, "memory") == 0)
			return &v1;
	return NULL;
}

uint64_t tm_process_headroom(pid_t pid)
{
	TM_GUARD(tm_file_close) FILE *file = NULL;
	char line[PATH_SIZE], path[64];
	uint64_t least = UINT64_MAX;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		const struct hierarchy *h;
		char *controllers = strchr(line, ':'), *group;
		uint64_t left;

		group = controllers ? strchr(controllers + 1, ':') : NULL;
		/* Above our own root there is nothing to read. */
		if (!group || group[1] != '/' || strstr(group, "/../"))
			continue;
		*group++ = '\0';
		group[strcspn(group, "\n")] = '\0';
		h = hierarchy_of(controllers + 1);
		left = h ? least_left(h, group) : UINT64_MAX;
		if (left < least)
			least = left;
	}
	return least;
}
