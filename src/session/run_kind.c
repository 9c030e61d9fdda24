#include "session/run_kind.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "mem/mem.h"
#include "target/maps.h"

static const char *const launchers[] = {
	"env", "sh", "bash", "dash", "ksh", "zsh", "busybox", "nice", "ionice", "nohup",
	"setsid", "setpriv", "stdbuf", "chroot", "taskset", "chrt", "numactl", "unshare",
	"nsenter",
};

static bool executable(pid_t pid, char ret[PATH_MAX])
{
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	len = readlink(link, ret, PATH_MAX - 1);
	ret[len > 0 ? len : 0] = '\0';
	return len > 0;
}

bool run_lacks_rights(pid_t pid)
{
	struct stat file, process;
	char link[64];

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	if (stat(link, &file) != 0 || !(file.st_mode & S_ISUID))
		return false;
	snprintf(link, sizeof(link), "/proc/%d", (int)pid);
	return stat(link, &process) == 0 && process.st_uid != 0 &&
	       process.st_uid != file.st_uid;
}

bool run_is_launcher(pid_t pid)
{
	char path[PATH_MAX];
	const char *name;

	if (!executable(pid, path))
		return false;
	name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	for (size_t i = 0; i < sizeof(launchers) / sizeof(launchers[0]); i++)
		if (strcmp(name, launchers[i]) == 0)
			return true;
	return false;
}

static bool holds_name(struct tm_mem *mem, const struct tm_region *region)
{
	static const char name[] = "Py_Initialize";
	enum { MOST = 64 << 20 };
	size_t len = region->end - region->start < MOST ? region->end - region->start : MOST;
	TM_GUARD(tm_free_ptr) char *bytes = tm_malloc(len);

	len = tm_mem_read_some(mem, region->start, bytes, len);
	return memmem(bytes, len, name, sizeof(name) - 1) != NULL;
}

bool run_names_python(pid_t pid)
{
	TM_GUARD(tm_mem_guard) struct tm_mem *mem = NULL;
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	char path[PATH_MAX];
	struct tm_err err;

	mem = tm_mem_proc(pid, &err);
	if (!mem || !executable(pid, path) || !tm_maps_read(pid, &maps, &err))
		return false;
	for (size_t i = 0; i < maps.n; i++)
		if (maps.regions[i].readable && !maps.regions[i].writable &&
		    strcmp(maps.regions[i].path, path) == 0 && holds_name(mem, &maps.regions[i]))
			return true;
	return false;
}
