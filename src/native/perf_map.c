#include "native/perf_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/intern.h"
#include "base/search.h"
#include "native/elf_file.h"
#include "target/process.h"

enum { MAX_FILE = 256 << 20, MAX_ENTRIES = 4 << 20, OVERLAPS = 64 };

struct entry {
	tm_addr start, end;
	uint32_t line; /* the later one is right where two overlap */
	uint32_t name;
};

struct perf_map {
	pid_t pid;
	char path[64];
	struct entry *entries; /* by start */
	size_t n, cap;
	struct tm_intern names;
	struct tm_code_frame **frames; /* of names, by id */
	size_t nframes, frames_cap;
	struct stat seen; /* of what was read last */
};

void perf_map_destroy(struct perf_map *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->nframes; i++)
		free(map->frames[i]);
	free(map->frames);
	free(map->entries);
	tm_intern_free(&map->names);
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

static uint32_t name_id(struct perf_map *map, const char *name, size_t len)
{
	uint32_t id = tm_intern(&map->names, name, len);
	struct tm_code_frame *frame;

	if (id < map->nframes)
		return id;
	frame = tm_calloc(1, sizeof(*frame));
	frame->function = map->names.items[id].bytes;
	map->frames = tm_grow(map->frames, &map->frames_cap, map->nframes + 1,
			      sizeof(*map->frames));
	map->frames[map->nframes++] = frame;
	return id;
}

/* "START SIZE name", numbers in hex; anything else is passed over. */
static void add_line(struct perf_map *map, char *line, uint32_t number)
{
	char *at = line;
	tm_addr start = strtoull(at, &at, 16);
	uint64_t size = *at == ' ' ? strtoull(at, &at, 16) : 0;
	size_t len;

	if (!size || *at != ' ' || size > UINT64_MAX - start || map->n == MAX_ENTRIES)
		return;
	len = strlen(++at);
	if (len == 0)
		return;
	map->entries = tm_grow(map->entries, &map->cap, map->n + 1, sizeof(*map->entries));
	map->entries[map->n++] = (struct entry){
		start, start + size, number, name_id(map, at, len),
	};
}

static int by_start(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a->line > b->line) - (a->line < b->line);
}

static void parse(struct perf_map *map, char *text)
{
	uint32_t number = 0;

	map->n = 0;
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		add_line(map, line, number++);
	}
	if (map->n > 0)
		qsort(map->entries, map->n, sizeof(*map->entries), by_start);
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
		map->n = 0;
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

const struct tm_code_frame *perf_map_find(const struct perf_map *map, tm_addr at)
{
	const struct entry *found = NULL;
	size_t steps = 0, i = TM_LOWER_BOUND(map->n, k, map->entries[k].start <= at);
	for (; i > 0 && steps < OVERLAPS; i--, steps++) {
		const struct entry *entry = &map->entries[i - 1];

		if (at < entry->end && (!found || entry->line > found->line))
			found = entry;
	}
	return found ? map->frames[found->name] : NULL;
}
