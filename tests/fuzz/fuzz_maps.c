/* The text of a maps file: a process chooses the names in it. */
#include <stdlib.h>
#include <string.h>

#include "target/maps.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* What everybody relies on. */
static void check(const struct tm_maps *maps)
{
	for (size_t i = 0; i < maps->n; i++) {
		const struct tm_region *region = &maps->regions[i];

		if (region->start >= region->end || strlen(region->path) > 1 << 20 ||
		    (i > 0 && region->start < region[-1].end) ||
		    tm_maps_find(maps, region->start) != region ||
		    tm_maps_find(maps, region->end - 1) != region)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char *text = malloc(size + 1);
	struct tm_err err = { 0 };
	struct tm_maps maps;

	memcpy(text, data, size);
	text[size] = '\0';
	if (tm_maps_parse(text, &maps, &err)) {
		check(&maps);
		tm_maps_free(&maps);
	} else if (err.kind == TM_ERR_NONE || !err.cause[0]) {
		abort();
	}
	return 0;
}
