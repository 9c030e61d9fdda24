#include "tmattach/process.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/guard.h"

/* The kilobytes of one mapping. */
struct mapping {
	uint64_t rss, pss, shared, anonymous;
};

/* "Shared_Dirty:   12 kB" (Documentation/filesystems/proc.rst). */
static void take_line(const char *line, struct mapping *now)
{
	uint64_t n;

	if (sscanf(line, "Rss: %" SCNu64, &n) == 1)
		now->rss = n;
	else if (sscanf(line, "Pss: %" SCNu64, &n) == 1)
		now->pss = n;
	else if (sscanf(line, "Shared_Clean: %" SCNu64, &n) == 1 ||
		 sscanf(line, "Shared_Dirty: %" SCNu64, &n) == 1)
		now->shared += n;
	else if (sscanf(line, "Anonymous: %" SCNu64, &n) == 1)
		now->anonymous = n;
}

/* Where some of its pages are of a file it is not known which are shared. */
static void add_mapping(struct tm_shared *ret, const struct mapping *now)
{
	ret->rss += now->rss * 1024;
	ret->pss += now->pss * 1024;
	if (now->anonymous == now->rss)
		ret->inherited += now->shared * 1024;
}

bool tm_shared_read(pid_t pid, struct tm_shared *ret)
{
	TM_GUARD(tm_file_close) FILE *file = NULL;
	struct mapping now = { 0 };
	struct tm_shared sum = { 0 };
	char line[512], path[64];

	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		/* A line of a new mapping begins with its addresses in small letters. */
		if ((line[0] >= '0' && line[0] <= '9') || (line[0] >= 'a' && line[0] <= 'f')) {
			add_mapping(&sum, &now);
			now = (struct mapping){ 0 };
		} else {
			take_line(line, &now);
		}
	}
	add_mapping(&sum, &now);
	if (!file || sum.rss == 0)
		return false;
	*ret = sum;
	return true;
}
