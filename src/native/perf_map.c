#include "native/perf_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "native/code_map.h"
#include "native/elf_file.h"
#include "target/process.h"

enum { MAX_FILE = 256 << 20 };

struct perf_map {
	pid_t pid;
	char path[64];
	struct code_map code;
	struct stat seen; /* of what was read last */
};

void perf_map_destroy(struct perf_map *map)
{
	if (!map)
		return;
	code_map_free(&map->code);
	free(map);
}

/* Anybody may write to /tmp: it must be the process' own, or root's. */
static bool is_its_own(const struct perf_map *map, const struct stat *st)
{
	struct stat process;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)map->pid);
	return S_ISREG(st->st_mode) && st->st_size <= MAX_FILE &&
	       stat(path, &process) == 0 &&
	       (st->st_uid == 0 || st->st_uid == process.st_uid);
}

/* "START SIZE name", numbers in hex; anything else is passed over. */
static void add_line(struct perf_map *map, char *line, uint32_t number)
{
	char *at = line;
	tm_addr start = strtoull(at, &at, 16);
	uint64_t size = *at == ' ' ? strtoull(at, &at, 16) : 0;

	if (size && *at == ' ' && size <= UINT64_MAX - start)
		code_map_add(&map->code, (struct code_entry){
			.start = start, .end = start + size, .when = number,
		}, at + 1, strlen(at + 1));
}

static void parse(struct perf_map *map, char *text)
{
	uint32_t number = 0;

	code_map_clear(&map->code);
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		add_line(map, line, number++);
	}
}

/* A line that is being written is not complete: it has no end yet. */
static void read_all(struct perf_map *map, int fd, size_t size)
{
	TM_GUARD(tm_free_ptr) char *text = tm_malloc(size + 1);
	size_t len = 0;
	ssize_t n = 1;

	while (len < size && (n = pread(fd, text + len, size - len, (off_t)len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	parse(map, text);
}

void perf_map_refresh(struct perf_map *map)
{
	TM_GUARD(tm_fd_close) int fd = native_open_in_root(map->pid, map->path);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0 || !is_its_own(map, &st)) {
		code_map_clear(&map->code);
		map->seen = (struct stat){ 0 };
		return;
	}
	if (st.st_ino == map->seen.st_ino && st.st_size == map->seen.st_size &&
	    st.st_mtim.tv_sec == map->seen.st_mtim.tv_sec &&
	    st.st_mtim.tv_nsec == map->seen.st_mtim.tv_nsec)
		return;
	map->seen = st;
	read_all(map, fd, (size_t)st.st_size);
}

struct perf_map *perf_map_create(pid_t pid)
{
	struct perf_map *map = tm_calloc(1, sizeof(*map));
	pid_t inner = tm_process_inner_pid(pid);

	map->pid = pid;
	snprintf(map->path, sizeof(map->path), "/tmp/perf-%d.map", (int)(inner ? inner : pid));
	perf_map_refresh(map);
	return map;
}

const struct tm_code_frame *perf_map_find(struct perf_map *map, tm_addr at)
{
	return code_map_find(&map->code, at);
}
