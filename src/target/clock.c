#include "target/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/guard.h"

/* What a file of namespaces says of children is only true of the process if they are in
 * its own. Linux before 5.6 has none. */
static bool is_in_its_childrens(const char *proc)
{
	char path[64], own[64] = "", children[64] = "";

	snprintf(path, sizeof(path), "%s/ns/time", proc);
	if (readlink(path, own, sizeof(own) - 1) < 0)
		return errno == ENOENT;
	snprintf(path, sizeof(path), "%s/ns/time_for_children", proc);
	return readlink(path, children, sizeof(children) - 1) > 0 && strcmp(own, children) == 0;
}

/* By how much its clock is ahead of the machine's: time_namespaces(7). */
static bool offset_of(const char *proc, int64_t *ret)
{
	TM_GUARD(tm_file_close) FILE *file = NULL;
	char path[64], line[256];
	int64_t s, ns;

	*ret = 0;
	snprintf(path, sizeof(path), "%s/timens_offsets", proc);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "monotonic %" SCNd64 " %" SCNd64, &s, &ns) == 2) {
			*ret = s * (int64_t)TM_NS_PER_S + ns;
			return is_in_its_childrens(proc);
		}
	return false;
}

bool tm_process_clock(pid_t pid, uint64_t *ret_ns)
{
	struct timespec now;
	int64_t ours, its;
	char proc[32];

	snprintf(proc, sizeof(proc), "/proc/%d", (int)pid);
	if (!offset_of("/proc/self", &ours) || !offset_of(proc, &its) ||
	    clock_gettime(CLOCK_MONOTONIC_COARSE, &now) != 0)
		return false;
	*ret_ns = (uint64_t)now.tv_sec * TM_NS_PER_S + (uint64_t)now.tv_nsec - (uint64_t)ours +
		  (uint64_t)its;
	return true;
}
