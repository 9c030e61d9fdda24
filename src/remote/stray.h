/*
 * What a tmattach that was killed has left in a target: mappings that are
 * recognised by what they begin with.
 */
#ifndef TM_REMOTE_STRAY_H
#define TM_REMOTE_STRAY_H

#include "base/range.h"
#include "remote/remote.h"
#include "target/maps.h"

struct tm_stray_kind {
	/* Is it one that regions[i] is the beginning of? Then all of it. */
	bool (*is_one)(void *ctx, const struct tm_maps *maps, size_t i, struct tm_range *ret);
	void *ctx;
};

/* Up to `max` of them; returns how many. To remove them, look in maps that
 * were read in the same stop: another tmattach may have swept, and something
 * else may be there now. */
size_t tm_stray_find(const struct tm_maps *maps, const struct tm_stray_kind *kind,
		     struct tm_range *ret, size_t max);

/* Unmap these; no thread may be in one. */
bool tm_stray_unmap(struct tm_remote *remote, const struct tm_range *strays, size_t n,
		    struct tm_err *err) TM_MUST_CHECK;

#endif
