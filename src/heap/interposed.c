#include "heap/interposed.h"

#include <string.h>

#include "base/guard.h"
#include "image/image.h"

static bool is_libc(const char *path)
{
	const char *name = strrchr(path, '/');

	/* Until 2.33 the loader has one of its own, for itself. */
	return name && (strncmp(name, "/libc.", 6) == 0 ||
			strncmp(name, "/libc-", 6) == 0 ||
			strncmp(name, "/ld-", 4) == 0 || strncmp(name, "/ld.", 4) == 0);
}

const char *heap_interposed(struct tm_mem *mem, const struct tm_maps *maps)
{
	for (size_t i = 0; i < maps->n; i++) {
		const struct tm_region *region = &maps->regions[i];
		TM_GUARD(tm_image_free) struct tm_image image = { 0 };
		struct tm_symbol found;
		struct tm_err err;

		if (region->offset != 0 || !region->readable ||
		    region->path[0] != '/' || is_libc(region->path) ||
		    (i > 0 && strcmp(region[-1].path, region->path) == 0))
			continue;
		if (tm_image_read(mem, region, &image, &err) &&
		    tm_image_dynsym(&image, "malloc", &found))
			return region->path;
	}
	return NULL;
}
