/*
 * A thread may be in a function that a hook has called, and stay there. The
 * hook's frame is ended by two instructions, "leave; ret"; those of the program
 * do as well as ours. They must be where they are for as long as the program
 * runs: in the program itself or in the C library, not in what dlclose() may
 * take away.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"
#include "inject/private.h"

static bool stays(const struct tm_maps *maps, const struct tm_region *region)
{
	const char *base = strrchr(region->path, '/');

	if (!base || !region->executable || !region->readable || !region->inode ||
	    strncmp(region->path, "/memfd:", 7) == 0)
		return false;
	/* The program is what is mapped lowest, or what the kernel mapped. */
	return strcmp(region->path, maps->regions[0].path) == 0 ||
	       strncmp(base, "/libc.", 6) == 0 || strncmp(base, "/libc-", 6) == 0 ||
	       strncmp(base, "/ld-", 4) == 0;
}

static tm_addr find_leave(struct tm_injection *in)
{
	static const uint8_t leave_ret[] = { 0xc9, 0xc3 };
	enum { LIMIT = 4 << 20 };
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	TM_GUARD(tm_free_ptr) uint8_t *bytes = tm_malloc(LIMIT);
	struct tm_err ignored;

	if (!tm_maps_read(in->process.pid, &maps, &ignored))
		return 0;
	for (size_t i = 0; i < maps.n; i++) {
		const struct tm_region *region = &maps.regions[i];
		size_t len = (size_t)(region->end - region->start);
		const uint8_t *hit;

		if (!stays(&maps, region))
			continue;
		len = tm_mem_read_some(in->mem, region->start, bytes,
				       len < LIMIT ? len : LIMIT);
		hit = memmem(bytes, len, leave_ret, sizeof(leave_ret));
		if (hit)
			return region->start + (tm_addr)(hit - bytes);
	}
	return 0;
}

/* The processor compares return addresses with copies of its own. */
static bool has_shadow_stack(const struct tm_injection *in)
{
	char path[64], line[256];
	TM_GUARD(tm_file_close) FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)in->process.pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "x86_Thread_features:", 20) == 0)
			return strstr(line, "shstk") != NULL;
	return false;
}

bool inject_can_leave(struct tm_injection *in)
{
	if (!in->leave && !has_shadow_stack(in))
		in->leave = find_leave(in);
	return in->leave != 0;
}

bool inject_leave(struct tm_injection *in, const struct inject_calls *calls,
		  struct tm_err *err)
{
	for (size_t i = 0; i < calls->n; i++)
		if (!inject_poke(in, calls->tid[i], calls->at[i], &in->leave,
				 sizeof(in->leave), err))
			return false;
	if (calls->n)
		tm_log("%zu calls return past us", calls->n);
	return true;
}
