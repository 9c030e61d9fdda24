#include "image/loaded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"

enum { MAX_LINK_MAPS = 1 << 16, MAX_NAMESPACES = 64 };

/* <link.h>, in the memory of another process. */
struct link_map_head {
	uint64_t addr, name, ld, next, prev;
};

struct debug_head {
	uint32_t version, pad;
	uint64_t map, brk, state, ldbase;
	uint64_t next; /* of another namespace, from version 2 on */
};

void tm_loaded_free(struct tm_loaded *loaded)
{
	free(loaded->dynamics);
	free(loaded->links);
	*loaded = (struct tm_loaded){ 0 };
}

static bool starts_image(const struct tm_region *region)
{
	return region->offset == 0 && region->readable && region->inode &&
	       region->path[0] == '/';
}

/* AT_PHDR of the auxiliary vector. */
static tm_addr find_program(pid_t pid)
{
	TM_GUARD(tm_file_close) FILE *file = NULL;
	Elf64_auxv_t pair;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
	file = pid ? fopen(path, "re") : NULL;
	while (file && fread(&pair, sizeof(pair), 1, file) == 1)
		if (pair.a_type == AT_PHDR)
			return pair.a_un.a_val;
	return 0;
}

/* ---- the loader's list -------------------------------------------------------- */

static void add(struct tm_loaded *loaded, tm_addr link, tm_addr dynamic)
{
	loaded->dynamics = tm_grow(loaded->dynamics, &loaded->cap, loaded->n + 1,
				   sizeof(*loaded->dynamics));
	loaded->links = tm_grow(loaded->links, &loaded->links_cap, loaded->n + 1,
				sizeof(*loaded->links));
	loaded->links[loaded->n] = link;
	loaded->dynamics[loaded->n++] = dynamic;
}

/* The list may be changed while it is read: each must know its predecessor. */
static void take_link_maps(struct tm_mem *mem, tm_addr at, struct tm_loaded *ret)
{
	struct link_map_head map;
	tm_addr previous = 0;
	struct tm_err err;

	while (at && ret->n < MAX_LINK_MAPS &&
	       tm_mem_read(mem, at, &map, sizeof(map), &err) && map.prev == previous) {
		if (map.ld)
			add(ret, at, map.ld);
		previous = at;
		at = map.next;
	}
}

/* struct r_debug, and those of further namespaces (dlmopen). */
static bool take_debug(struct tm_mem *mem, tm_addr at, struct tm_loaded *ret)
{
	struct debug_head head = { 0 };
	size_t len = offsetof(struct debug_head, next);
	struct tm_err err;

	for (int i = 0; at && i < MAX_NAMESPACES; i++, at = head.next) {
		if (!tm_mem_read(mem, at, &head, len, &err) || head.version == 0 ||
		    head.version > 64)
			break;
		take_link_maps(mem, head.map, ret);
		if (i == 0) {
			ret->debug = at;
			ret->brk = head.brk;
		}
		head.next = 0;
		if (head.version > 1 &&
		    !tm_mem_u64(mem, at + len, &head.next, &err))
			break;
	}
	return ret->n > 0;
}

/* In the program's dynamic section, or by the names that glibc's and musl's
 * loader have for it. A file that is only mapped holds zeroes there. */
static bool take_list_of(struct tm_mem *mem, const struct tm_image *image,
			 struct tm_loaded *ret)
{
	struct tm_symbol symbol;
	struct tm_err err;
	tm_addr at = 0;

	if (take_debug(mem, image->debug, ret))
		return true;
	if (tm_image_dynsym(image, "_r_debug", &symbol))
		at = symbol.address;
	else if (!tm_image_dynsym(image, "_dl_debug_addr", &symbol) ||
		 !tm_mem_u64(mem, symbol.address, &at, &err))
		return false;
	return take_debug(mem, at, ret);
}

void tm_loaded_read(struct tm_mem *mem, const struct tm_maps *maps, pid_t pid,
		    struct tm_loaded *ret)
{
	*ret = (struct tm_loaded){ .maps = maps, .program = find_program(pid) };
	/* The program itself first: mostly that is all there is to read. */
	for (int program = 1; program >= 0; program--)
		for (size_t i = 0; i < maps->n; i++) {
			TM_GUARD(tm_image_free) struct tm_image image = { 0 };
			struct tm_err err;

			if (!starts_image(&maps->regions[i]) ||
			    !tm_image_read(mem, &maps->regions[i], &image, &err))
				continue;
			if (!ret->program)
				ret->program = image.whole.start;
			if (tm_loaded_has_program(ret, &image) == (program == 1) &&
			    take_list_of(mem, &image, ret)) {
				tm_log("%zu images are loaded", ret->n);
				return;
			}
		}
}

/* ---- asking ------------------------------------------------------------------- */

static bool holds(const struct tm_range *range, tm_addr at)
{
	return at >= range->start && at < range->end;
}

bool tm_loaded_has_program(const struct tm_loaded *loaded,
			   const struct tm_image *image)
{
	return holds(&image->whole, loaded->program) &&
	       tm_image_is_executable(image, loaded->maps);
}

bool tm_image_is_executable(const struct tm_image *image,
			    const struct tm_maps *maps)
{
	for (size_t i = 0; i < image->nsegments; i++) {
		const struct tm_region *region;

		if (!(image->flags[i] & PF_X))
			continue;
		region = tm_maps_find(maps, image->segments[i].start);
		return region && region->executable;
	}
	return false;
}

/*
 * glibc before 2.35 does not list what is in other namespaces, and a static
 * program has no list. Where glibc has loaded something it has relocated the
 * dynamic section.
 */
bool tm_loaded_has(const struct tm_loaded *loaded, const struct tm_image *image)
{
	if (tm_loaded_has_program(loaded, image))
		return true;
	for (size_t i = 0; i < loaded->n; i++)
		if (image->dynamic && loaded->dynamics[i] == image->dynamic)
			return true;
	return image->relocated && tm_image_is_executable(image, loaded->maps);
}
