#include "control/stray.h"

#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"

enum { MAX_STRAYS = 64, MAX_LEN = 1 << 24 };

/* ---- finding them ----------------------------------------------------------------- */

/* The head before the code page `code`. */
static bool head_at(struct tm_mem *mem, tm_addr code, struct control_mapping *ret)
{
	const tm_addr args = code - CONTROL_ARGS_SIZE;
	struct control_head head;
	struct tm_err err;

	if (!tm_mem_read(mem, args, &head, sizeof(head), &err) ||
	    memcmp(head.magic, CONTROL_MAGIC, sizeof(head.magic)) != 0 ||
	    head.start + head.len != code + CONTROL_CODE_SIZE ||
	    head.len > MAX_LEN || head.len % TM_PAGE || !control_owner_is_dead(&head))
		return false;
	*ret = (struct control_mapping){
		.start = head.start, .len = head.len, .args = args, .code = code,
	};
	return true;
}

/* Killed between making it and writing to it. */
static bool never_used(struct tm_mem *mem, const struct tm_region *region,
		       struct control_mapping *ret)
{
	uint64_t len = region->end - region->start;
	TM_GUARD(tm_free_ptr) unsigned char *bytes = NULL;

	if (len != CONTROL_MAPPING_SIZE)
		return false;
	bytes = tm_malloc(len);
	if (tm_mem_read_some(mem, region->start, bytes, len) != len ||
	    bytes[0] || memcmp(bytes, bytes + 1, len - 1) != 0)
		return false;
	*ret = (struct control_mapping){ .start = region->start, .len = len };
	return true;
}

static bool is_stray(struct tm_mem *mem, const struct tm_region *region,
		     struct control_mapping *ret)
{
	if (region->path[0] || region->inode || region->shared ||
	    !region->executable || !region->readable || region->writable)
		return false;
	return head_at(mem, region->start, ret) ||
	       head_at(mem, region->end - CONTROL_CODE_SIZE, ret) ||
	       never_used(mem, region, ret);
}

bool control_has_strays(const struct control_target *target,
			const struct tm_maps *maps)
{
	struct control_mapping found;

	for (size_t i = 0; i < maps->n; i++)
		if (is_stray(target->mem, &maps->regions[i], &found))
			return true;
	return false;
}

/* ---- taking them out ---------------------------------------------------------------- */

/* A thread stands in it: it shall do nothing but end. */
static void withdraw(const struct control_target *target,
		     const struct control_mapping *mapping)
{
	static const uint32_t withdrawn = CONTROL_WITHDRAWN;
	struct control_head head;
	struct tm_err err;

	if (mapping->args &&
	    tm_mem_read(target->mem, mapping->args, &head, sizeof(head), &err) &&
	    (head.state == CONTROL_NEW || head.state == CONTROL_WAITING) &&
	    !control_write(target, mapping->args + offsetof(struct control_head, state),
			   &withdrawn, sizeof(withdrawn), &err))
		tm_log("control: %s: %s", err.object, err.cause);
}

size_t control_sweep(const struct control_target *target, struct tm_stop *stop)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct tm_err err;
	size_t left = 0, seen = 0;

	/* They are looked for anew: another tmattach may have swept, and
	 * something else may stand there. */
	if (!tm_maps_read(target->process->pid, &maps, &err))
		return 0;
	for (size_t i = 0; i < maps.n && seen < MAX_STRAYS; i++) {
		struct control_mapping found;
		bool busy = false;

		if (!is_stray(target->mem, &maps.regions[i], &found))
			continue;
		seen++;
		if (!control_unmap(target, stop, &found, &busy, &err) || busy) {
			withdraw(target, &found);
			left++;
		}
	}
	tm_log("control: %zu strays, %zu left", seen, left);
	return left;
}
