/*
 * A thread may be in a function that a hook has called, and stay there. The
 * hook's frame is ended by instructions (tm_frame_end) of which those of the
 * program do as well as ours. They must be where they are for as long as the program
 * runs: in the program itself or in the C library, not in what dlclose() may
 * take away.
 */
#include "base/guard.h"
#include "base/log.h"
#include "image/loaded.h"
#include "inject/private.h"
#include "mem/scan.h"

static tm_addr find_in_image(struct tm_injection *in, const struct tm_loaded *loaded,
			     const struct tm_image *image)
{
	enum { LIMIT = 4 << 20 };
	tm_addr at = 0;

	if (!tm_loaded_has_program(loaded, image) &&
	    !(tm_image_is_libc(image) && tm_loaded_has(loaded, image)))
		return 0;
	for (size_t i = 0; i < image->nsegments && !at; i++)
		if (image->flags[i] & PF_X)
			at = tm_mem_find(in->mem, image->segments[i], LIMIT, tm_frame_end,
					 tm_frame_end_len);
	return at;
}

static tm_addr find_leave(struct tm_injection *in)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	TM_GUARD(tm_loaded_free) struct tm_loaded loaded = { 0 };
	struct tm_err ignored;
	tm_addr at = 0;

	if (!tm_maps_read(in->process.pid, &maps, &ignored))
		return 0;
	tm_loaded_read(in->mem, &maps, in->process.pid, &loaded);
	for (size_t i = 0; i < maps.n && !at; i++) {
		TM_GUARD(tm_image_free) struct tm_image image = { 0 };

		if (inject_may_be_image(&maps.regions[i]) &&
		    tm_image_read(in->mem, &maps.regions[i], &image, &ignored))
			at = find_in_image(in, &loaded, &image);
	}
	return at;
}

bool inject_can_leave(struct tm_injection *in)
{
	if (!in->leave && !tm_cpu_guards_returns(in->process.pid))
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
