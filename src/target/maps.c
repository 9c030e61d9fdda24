#include "target/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/buf.h"
#include "base/search.h"

void tm_maps_free(struct tm_maps *maps)
{
	free(maps->regions);
	free(maps->text);
	*maps = (struct tm_maps){ 0 };
}

/* Private memory of MAP_HUGETLB is a file of the kernel's, too, and called so. */
static void name_as_memory(struct tm_region *region)
{
	if (region->shared || strcmp(region->path, "/anon_hugepage (deleted)") != 0)
		return;
	region->path = "";
	region->inode = 0;
}

static bool parse_line(char *line, struct tm_region *ret)
{
	char perms[5];
	int path_at = -1;

	if (sscanf(line,
		   "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %" SCNx32 ":%" SCNx32
		   " %" SCNu64 " %n", &ret->start, &ret->end, perms,
		   &ret->offset, &ret->dev_major, &ret->dev_minor, &ret->inode,
		   &path_at) < 7 || path_at < 0 || strlen(perms) != 4 ||
	    ret->start >= ret->end)
		return false;
	ret->readable = perms[0] == 'r';
	ret->writable = perms[1] == 'w';
	ret->executable = perms[2] == 'x';
	ret->shared = perms[3] == 's';
	ret->path = line + path_at;
	name_as_memory(ret);
	return true;
}

/* The text is read in pieces while the process runs: a mapping that grew in
 * between can reach back over the previous ones. */
static bool behind_last(const struct tm_maps *maps, struct tm_region *region)
{
	tm_addr end = maps->n > 0 ? maps->regions[maps->n - 1].end : 0;

	if (region->start < end) {
		region->offset += end - region->start;
		region->start = end;
	}
	return region->start < region->end;
}

bool tm_maps_parse(char *text, struct tm_maps *ret, struct tm_err *err)
{
	size_t cap = 0;
	char *line = text;

	*ret = (struct tm_maps){ .text = text };
	while (*line) {
		char *end = strchr(line, '\n');

		if (end)
			*end = '\0';
		ret->regions = tm_grow(ret->regions, &cap, ret->n + 1,
				       sizeof(*ret->regions));
		if (!parse_line(line, &ret->regions[ret->n])) {
			tm_err_set(err, TM_ERR_CORRUPT, "maps",
				   "unreadable line: %.80s", line);
			tm_maps_free(ret);
			return false;
		}
		ret->n += behind_last(ret, &ret->regions[ret->n]);
		if (!end)
			break;
		line = end + 1;
	}
	return true;
}

bool tm_maps_read(pid_t pid, struct tm_maps *ret, struct tm_err *err)
{
	TM_GUARD(tm_fd_close) int fd = -1;
	struct tm_buf buf = { 0 };
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return tm_err_os(err, errno, "", "cannot open %s", path);
	do {
		n = read(fd, tm_buf_room(&buf, 65536), 65536);
		if (n > 0)
			buf.len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0) {
		int saved = errno;

		tm_buf_free(&buf);
		return tm_err_os(err, saved, "", "cannot read %s", path);
	}
	if (buf.len == 0) {
		tm_buf_free(&buf);
		return tm_err_set(err, TM_ERR_GONE, "",
				  "the process has no memory (it has exited)");
	}
	*tm_buf_room(&buf, 1) = '\0';
	return tm_maps_parse(buf.data, ret, err);
}

const struct tm_region *tm_maps_find(const struct tm_maps *maps, tm_addr at)
{
	size_t lo = TM_LOWER_BOUND(maps->n, i, maps->regions[i].end <= at);

	if (lo < maps->n && maps->regions[lo].start <= at)
		return &maps->regions[lo];
	return NULL;
}

bool tm_maps_have(const struct tm_maps *maps, const char *part)
{
	for (size_t i = 0; i < maps->n; i++)
		if (strstr(maps->regions[i].path, part))
			return true;
	return false;
}

uint64_t tm_maps_writable_bytes(const struct tm_maps *maps)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < maps->n; i++)
		if (maps->regions[i].writable)
			sum += maps->regions[i].end - maps->regions[i].start;
	return sum;
}

static bool begins(const char *path, const char *with)
{
	return strncmp(path, with, strlen(with)) == 0;
}

struct tm_range *tm_maps_memory(const struct tm_maps *maps, size_t *ret_n)
{
	struct tm_range *ranges = tm_calloc(maps->n + 1, sizeof(*ranges));
	size_t n = 0;

	for (size_t i = 0; i < maps->n; i++) {
		const struct tm_region *region = &maps->regions[i];

		/* Shared anonymous memory is a file of the kernel's, called so. */
		if (region->inode == 0 || begins(region->path, "/memfd:") ||
		    begins(region->path, "/dev/zero"))
			ranges[n++] = (struct tm_range){ region->start, region->end };
	}
	*ret_n = n;
	return ranges;
}
