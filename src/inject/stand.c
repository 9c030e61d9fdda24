/*
 * Stopping a target in which another tmattach may have been at work since it was looked
 * at. Between two stops it can start, refresh or stop a recorder as we can: what was read
 * before is a guess, and by a wrong one the program's own memory would be written to. So
 * each stop begins with finding the recorder again.
 */
#include "base/guard.h"
#include "inject/private.h"
#include "inject/words.h"

static const struct tm_region *code_region(const struct tm_injection *in,
					   const struct tm_maps *maps)
{
	const struct tm_region *region = tm_maps_find(maps, in->code);

	return region && region->start == in->code &&
	       inject_is_ours(region, TM_RECORDER_CODE_NAME) ? region : NULL;
}

bool inject_know_code(struct tm_injection *in, struct tm_err *err)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	const struct tm_region *region;

	if (!tm_maps_read(in->process.pid, &maps, err))
		return false;
	region = code_region(in, &maps);
	in->code_inode = region ? region->inode : 0;
	return true;
}

/* What the head knows may be more or less by now. */
static bool take_head(struct tm_injection *in)
{
	const bool has_table = in->head.table;
	struct tm_recorder_code head;

	if (tm_mem_read_some(in->mem, in->code, &head, sizeof(head)) != sizeof(head) ||
	    head.magic != TM_RECORDER_CODE_MAGIC || head.version != TM_RECORDER_VERSION ||
	    head.nnear > TM_RECORDER_MAX_NEAR || head.gate != in->head.gate ||
	    head.size != in->head.size)
		return false;
	if (!has_table || head.table != in->head.table)
		head.table = head.table_size = 0;
	in->head = head;
	return true;
}

static bool is_there(struct tm_injection *in, const struct tm_maps *maps)
{
	const struct tm_region *region = code_region(in, maps);

	return region && region->inode == in->code_inode && take_head(in);
}

bool inject_stand(struct tm_injection *in, struct tm_stop *ret, struct tm_maps *ret_maps,
		  struct tm_err *err)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };

	if (!tm_stop_all(&in->process, INJECT_STOP_MS, ret, err) ||
	    !tm_stop_keeps_program(ret, err) ||
	    !tm_maps_read(in->process.pid, &maps, err))
		return false;
	if (in->code && !is_there(in, &maps))
		return tm_err_set(err, TM_ERR_NOT_TRACED, in->process.object,
				  "another tmattach has removed the recorder meanwhile");
	if (ret_maps) {
		*ret_maps = maps;
		maps = (struct tm_maps){ 0 };
	}
	return true;
}

bool inject_near_is_mapped(const struct tm_injection *in, const struct tm_maps *maps,
			   uint32_t area)
{
	const struct tm_region *region;

	if (area >= in->head.nnear)
		return false;
	region = tm_maps_find(maps, in->head.near[area].address);
	return region && region->start == in->head.near[area].address &&
	       inject_is_ours(region, TM_RECORDER_NEAR_NAME);
}

static bool hooks_something(struct tm_injection *in)
{
	for (unsigned i = 0; i < TM_PY_WORDS; i++)
		if (inject_word_state(in, &in->head.py_words[i]) == INJECT_WORD_OURS)
			return true;
	return inject_any_patched(in);
}

bool inject_is_alone(const struct tm_injection *in, const struct tm_maps *maps,
		     struct tm_err *err)
{
	for (size_t i = 0; i < maps->n; i++) {
		struct tm_injection other = { .process = in->process, .mem = in->mem };

		if (maps->regions[i].start == in->code || !inject_read_head(&other, &maps->regions[i]))
			continue;
		if (hooks_something(&other))
			return tm_err_set(err, TM_ERR_USAGE, in->process.object,
					  "another tmattach has started a recorder in it meanwhile");
	}
	return true;
}
