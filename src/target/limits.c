#include "target/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/guard.h"
#include "target/maps.h"

/* The next number on the line, or "unlimited". */
static bool take_number(char **at, uint64_t *ret)
{
	static const char unlimited[] = "unlimited";
	char *end;

	*at += strspn(*at, " ");
	if (strncmp(*at, unlimited, strlen(unlimited)) == 0) {
		*at += strlen(unlimited);
		*ret = UINT64_MAX;
		return true;
	}
	*ret = strtoull(*at, &end, 10);
	if (end == *at)
		return false;
	*at = end;
	return true;
}

bool tm_limit_read(pid_t pid, const char *name, struct tm_limit *ret)
{
	TM_GUARD(tm_file_close) FILE *file = NULL;
	char path[64], line[256];
	size_t len = strlen(name);

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		char *at = line + len;

		if (strncmp(line, name, len) == 0 && *at == ' ')
			return take_number(&at, &ret->soft) &&
			       take_number(&at, &ret->hard);
	}
	return false;
}

static bool is_limited(pid_t pid, const char *name)
{
	struct tm_limit limit;

	return tm_limit_read(pid, name, &limit) && limit.soft != UINT64_MAX;
}

static bool has_descriptor(pid_t pid, uint64_t fd)
{
	char path[64];

	/* A link whose target we do not follow. */
	snprintf(path, sizeof(path), "/proc/%d/fd/%" PRIu64, (int)pid, fd);
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool hint_descriptor(const struct tm_process *process, struct tm_err *err)
{
	struct tm_limit limit;
	uint64_t want;

	if (!tm_limit_read(process->pid, "Max open files", &limit))
		return false;
	want = limit.soft;
	/* The limit may have been lowered below what was open by then. */
	while (has_descriptor(process->pid, want))
		want++;
	want++;
	return tm_err_hint(err, "all its descriptors are in use, and one is needed for a moment; "
			   "this allows one more%s: prlimit --pid %d --nofile=%" PRIu64 "%s",
			   want <= limit.hard ? "" : " (as root)", (int)process->leader,
			   want, want <= limit.hard ? ":" : "");
}

static bool has_all_mappings(pid_t pid)
{
	TM_GUARD(tm_file_close) FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct tm_err ignored;
	uint64_t most;

	return file && fscanf(file, "%" SCNu64, &most) == 1 &&
	       tm_maps_read(pid, &maps, &ignored) && maps.n + 1 >= most;
}

static bool hint_memory(const struct tm_process *process, struct tm_err *err)
{
	if (has_all_mappings(process->pid))
		return tm_err_hint(err, "it has as many mappings as a process may have; "
				   "sysctl vm.max_map_count raises that");
	if (is_limited(process->pid, "Max address space"))
		return tm_err_hint(err, "its address space is limited (RLIMIT_AS); this lifts it: "
				   "prlimit --pid %d --as=unlimited", (int)process->leader);
	if (is_limited(process->pid, "Max data size"))
		return tm_err_hint(err, "its data is limited (RLIMIT_DATA); this lifts it: "
				   "prlimit --pid %d --data=unlimited", (int)process->leader);
	return false;
}

bool tm_limit_hint(const struct tm_process *process, int sys_errno,
		   struct tm_err *err)
{
	switch (sys_errno) {
	case EMFILE:
		return hint_descriptor(process, err);
	case ENFILE:
		return tm_err_hint(err, "the machine has no descriptor left; sysctl fs.file-max raises that");
	case ENOMEM:
		return hint_memory(process, err);
	case EAGAIN:
		return tm_err_hint(err, "it locks whatever it maps (mlockall) and may lock no more; "
				   "this lifts it: prlimit --pid %d --memlock=unlimited",
				   (int)process->leader);
	default:
		return false;
	}
}

bool tm_limit_file_size(uint64_t end)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) != 0 || end <= limit.rlim_cur;
}
