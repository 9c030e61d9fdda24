#include "control/stray.h"

#include <stddef.h>
#include <string.h>

#include "base/guard.h"
#include "base/log.h"
#include "control/drain.h"
#include "mem/scan.h"
#include "remote/stray.h"

enum { MAX_STRAYS = 64, MAX_LEN = 1 << 24 };

/* ---- finding them ----------------------------------------------------------------- */

/* Where the arguments of a mapping are. */
static tm_addr args_of(struct tm_range mapping)
{
	return mapping.end - CONTROL_CODE_SIZE - CONTROL_ARGS_SIZE;
}

static bool read_head(struct tm_mem *mem, struct tm_range mapping, struct control_head *ret)
{
	return tm_mem_read_some(mem, args_of(mapping), ret, sizeof(*ret)) == sizeof(*ret) &&
	       memcmp(ret->magic, CONTROL_MAGIC, sizeof(ret->magic)) == 0;
}

/* The head before the code page that ends there. */
static bool head_before(struct tm_mem *mem, tm_addr end, struct tm_range *ret)
{
	struct control_head head;

	ret->end = end;
	if (!read_head(mem, *ret, &head) || head.start + head.len != end ||
	    head.len > MAX_LEN || head.len % TM_PAGE)
		return false;
	ret->start = head.start;
	return true;
}

/* Killed between making it and writing to it. */
static bool never_used(struct tm_mem *mem, const struct tm_region *region,
		       struct tm_range *ret)
{
	*ret = (struct tm_range){ region->start, region->end };
	return region->end - region->start == CONTROL_MAPPING_SIZE &&
	       tm_mem_is_blank(mem, *ret);
}

static bool is_anyones(void *ctx, const struct tm_maps *maps, size_t i, struct tm_range *ret)
{
	const struct tm_region *region = &maps->regions[i];

	return !region->path[0] && !region->inode && !region->shared && region->executable &&
	       region->readable && !region->writable &&
	       (head_before(ctx, region->start + CONTROL_CODE_SIZE, ret) ||
		head_before(ctx, region->end, ret) || never_used(ctx, region, ret));
}

static bool is_stray(void *ctx, const struct tm_maps *maps, size_t i, struct tm_range *ret)
{
	struct control_head head;

	return is_anyones(ctx, maps, i, ret) &&
	       (!read_head(ctx, *ret, &head) || control_owner_is_dead(&head));
}

bool control_has_any(const struct control_target *target, const struct tm_maps *maps)
{
	const struct tm_stray_kind kind = { is_anyones, target->mem };
	struct tm_range found;

	return tm_stray_find(maps, &kind, &found, 1) > 0;
}

/* Its tmattach lives, and keeps others out of tracemalloc (drain.h). */
static bool drains(const struct control_target *target, struct tm_range mapping)
{
	struct control_head head;

	return read_head(target->mem, mapping, &head) && head.taken.table &&
	       !control_owner_is_dead(&head);
}

/* `own`: the start of the one that does not count, or 0. */
static size_t in_use(const struct control_target *target, const struct tm_stop *stop,
		     const struct tm_maps *maps, tm_addr own)
{
	const struct tm_stray_kind kind = { is_anyones, target->mem };
	struct tm_range found[MAX_STRAYS];
	size_t n = tm_stray_find(maps, &kind, found, MAX_STRAYS), nused = 0;

	for (size_t i = 0; i < n; i++)
		nused += found[i].start != own && (control_stands_in(stop, found[i]) ||
						   drains(target, found[i]));
	return nused;
}

bool control_is_in_use(const struct control_target *target, const struct tm_stop *stop,
		       const struct control_mapping *own, bool *ret, struct tm_err *err)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };

	*ret = false;
	if (!tm_maps_read(target->process->pid, &maps, err))
		return false;
	*ret = in_use(target, stop, &maps, own->start) > 0;
	return true;
}

/* ---- taking them out ---------------------------------------------------------------- */

/* A thread is in it: all it may do is end. */
static void withdraw(const struct control_target *target, const struct tm_stop *stop,
		     struct tm_range mapping)
{
	static const uint32_t withdrawn = CONTROL_WITHDRAWN;
	const tm_addr at = args_of(mapping) + offsetof(struct control_head, state);
	struct control_head head;
	struct tm_err err;

	if (read_head(target->mem, mapping, &head) &&
	    (head.state == CONTROL_NEW || head.state == CONTROL_WAITING) &&
	    !control_write(target, tm_stop_any(stop), at, &withdrawn, sizeof(withdrawn), &err))
		tm_log("control: %s: %s", err.object, err.cause);
}

static bool unmap(const struct control_target *target, struct tm_stop *stop,
		  const struct tm_range *strays, size_t n)
{
	struct tm_remote remote;
	struct tm_err err;
	bool ok = n == 0 || tm_remote_begin(stop, target->insn, &remote, &err);

	if (ok && n > 0) {
		ok = tm_stray_unmap(&remote, strays, n, &err);
		tm_remote_end(&remote);
	}
	if (!ok)
		tm_log("control: %s: %s", err.object, err.cause);
	return ok;
}

/* Those with no thread in them come to the front; returns how many. */
static size_t sort_out(const struct tm_stop *stop, struct tm_range *strays, size_t n)
{
	size_t nfree = 0;

	for (size_t i = 0; i < n; i++) {
		struct tm_range stray = strays[i];

		if (control_stands_in(stop, stray))
			continue;
		strays[i] = strays[nfree];
		strays[nfree++] = stray;
	}
	return nfree;
}

/* What they have taken from the allocators is put back; those where that was possible
 * come to the front. */
static size_t recover(const struct control_target *target, const struct tm_stop *stop,
		      const struct tm_maps *maps, struct tm_range *strays, size_t n)
{
	struct control_head head;
	size_t ndone = 0;

	for (size_t i = 0; i < n; i++) {
		struct tm_range stray = strays[i];

		if (read_head(target->mem, stray, &head) &&
		    !control_drain_recover(target, stop, maps, &head.taken))
			continue;
		strays[i] = strays[ndone];
		strays[ndone++] = stray;
	}
	return ndone;
}

size_t control_sweep(const struct control_target *target, struct tm_stop *stop)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	const struct tm_stray_kind kind = { is_stray, target->mem };
	struct tm_range strays[MAX_STRAYS];
	struct tm_err err;
	size_t n, nfree, nused;

	if (!tm_maps_read(target->process->pid, &maps, &err))
		return 0;
	nused = in_use(target, stop, &maps, 0);
	n = tm_stray_find(&maps, &kind, strays, MAX_STRAYS);
	nfree = sort_out(stop, strays, n);
	nfree = recover(target, stop, &maps, strays, nfree);
	if (!unmap(target, stop, strays, nfree))
		nfree = 0;
	for (size_t i = nfree; i < n; i++) {
		withdraw(target, stop, strays[i]);
		nused += !control_stands_in(stop, strays[i]);
	}
	tm_log("control: %zu strays, %zu left, %zu in use", n, n - nfree, nused);
	return nused;
}
