#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/search.h"
#include "mem/core_file.h"

struct mem_core {
	struct tm_mem mem;
	const struct tm_core_file *core;
};

/* The first segment that ends after `at`: the one that holds it, or the
 * next; NULL if all are below. */
static const struct tm_core_segment *next_segment(const struct tm_core_file *core,
						  tm_addr at)
{
	size_t lo = TM_LOWER_BOUND(core->nsegments, i, core->segments[i].end <= at);

	return lo < core->nsegments ? &core->segments[lo] : NULL;
}

static const struct tm_core_mapping *find_mapping(const struct tm_core_file *core,
						  tm_addr at)
{
	size_t lo = TM_LOWER_BOUND(core->nmappings, i, core->mappings[i].end <= at);

	return lo < core->nmappings && core->mappings[lo].start <= at
		? &core->mappings[lo] : NULL;
}

/* A mapping shows zeros from the end of its file to the end of that page. */
static size_t read_mapped(const struct tm_core_mapping *mapping, tm_addr at,
			  char *buf, size_t len)
{
	size_t got, rest;

	if (mapping->fd < 0)
		return 0;
	if (len > mapping->end - at)
		len = (size_t)(mapping->end - at);
	got = tm_mem_pread(mapping->fd, buf, len, mapping->offset + (at - mapping->start));
	if (got == 0)
		return 0;
	rest = (size_t)(-(at + got) % TM_PAGE);
	if (rest > len - got)
		rest = len - got;
	memset(buf + got, 0, rest);
	return got + rest;
}

/* The bytes at `at` up to the next border of any kind. Debuggers leave clean
 * mappings of files out altogether, the kernel writes empty segments. */
static size_t read_piece(const struct tm_core_file *core, tm_addr at, char *buf,
			 size_t len)
{
	const struct tm_core_segment *segment = next_segment(core, at);
	const struct tm_core_mapping *mapping = find_mapping(core, at);
	bool inside = segment && segment->start <= at;
	tm_addr border = inside ? segment->end : segment ? segment->start : UINT64_MAX;
	tm_addr off;

	if (len > border - at)
		len = (size_t)(border - at);
	off = inside ? at - segment->start : 0;
	if (inside && off < segment->filesz) {
		if (len > segment->filesz - off)
			len = (size_t)(segment->filesz - off);
		return tm_mem_pread(core->fd, buf, len, segment->offset + off);
	}
	if (!mapping || (inside && segment->flags & PF_W))
		return 0;
	return read_mapped(mapping, at, buf, len);
}

bool tm_core_holds(const struct tm_core_file *core, tm_addr at)
{
	const struct tm_core_segment *segment = next_segment(core, at);

	return segment && segment->start <= at &&
	       at - segment->start < segment->filesz;
}

static size_t core_read(struct tm_mem *mem, tm_addr at, void *buf, size_t len)
{
	const struct tm_core_file *core = ((struct mem_core *)mem)->core;
	size_t got = 0;

	while (got < len) {
		size_t n = read_piece(core, at + got, (char *)buf + got, len - got);

		if (n == 0)
			break;
		got += n;
	}
	return got;
}

static void core_destroy(struct tm_mem *mem)
{
	free(mem);
}

static const struct tm_mem_ops core_ops = {
	.read = core_read,
	.destroy = core_destroy,
};

struct tm_mem *tm_mem_core(const struct tm_core_file *core)
{
	struct mem_core *self = tm_calloc(1, sizeof(*self));

	self->mem.ops = &core_ops;
	self->core = core;
	return &self->mem;
}

void tm_core_back(struct tm_core_file *core, const char *path, int fd)
{
	for (size_t i = 0; i < core->nmappings; i++)
		if (strcmp(core->mappings[i].path, path) == 0)
			core->mappings[i].fd = fd;
}
