#include "session/core_maps.h"

#include <elf.h>

#include "base/alloc.h"

static void add_region(struct tm_maps *maps, size_t *cap, tm_addr start,
		       tm_addr end, uint32_t flags)
{
	maps->regions = tm_grow(maps->regions, cap, maps->n + 1,
				sizeof(*maps->regions));
	maps->regions[maps->n++] = (struct tm_region){
		.start = start, .end = end, .path = "",
		.readable = flags & PF_R, .writable = flags & PF_W,
		.executable = flags & PF_X,
	};
}

/* Both lists ascend; what the mappings have besides the segments is clean, or
 * it would have been written. */
static void add_regions(const struct tm_core_file *file, struct tm_maps *maps)
{
	size_t cap = 0, k = 0;

	for (size_t i = 0; i <= file->nsegments; i++) {
		const struct tm_core_segment *segment = &file->segments[i];
		tm_addr limit = i < file->nsegments ? segment->start : UINT64_MAX;

		for (; k < file->nmappings && file->mappings[k].start < limit; k++)
			if (i == 0 || file->mappings[k].start >= segment[-1].end)
				add_region(maps, &cap, file->mappings[k].start,
					   file->mappings[k].end < limit
						   ? file->mappings[k].end : limit,
					   PF_R);
		if (i < file->nsegments)
			add_region(maps, &cap, segment->start, segment->end,
				   segment->flags);
	}
}

static void name_regions(const struct tm_core_file *file, struct tm_maps *maps)
{
	size_t k = 0;

	for (size_t i = 0; i < maps->n; i++) {
		struct tm_region *region = &maps->regions[i];

		if (file->vdso && region->start == file->vdso)
			region->path = "[vdso]";
		if (file->stack >= region->start && file->stack < region->end)
			region->path = "[stack]";
		while (k < file->nmappings && file->mappings[k].end <= region->start)
			k++;
		if (k == file->nmappings ||
		    file->mappings[k].start > region->start)
			continue;
		region->path = file->mappings[k].path;
		region->offset = file->mappings[k].offset +
				 (region->start - file->mappings[k].start);
		/* Which one is not known, but that it has one is: files are
		 * compared by their build-ids. */
		region->inode = region->path[0] == '/';
	}
}

void tm_core_maps(const struct tm_core_file *file, struct tm_maps *ret)
{
	*ret = (struct tm_maps){ 0 };
	add_regions(file, ret);
	name_regions(file, ret);
}
