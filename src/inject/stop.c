#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"
#include "inject/private.h"

enum { MAX_DRAINS = 400 };

static size_t code_ranges(const struct tm_injection *in, struct tm_range *ret)
{
	size_t n = 0;

	ret[n++] = (struct tm_range){ in->code, in->code + in->head.size };
	for (uint32_t i = 0; i < in->head.nnear; i++)
		ret[n++] = (struct tm_range){
			in->head.near[i].address,
			in->head.near[i].address + in->head.near[i].size,
		};
	return n;
}

enum progress { FAILED, AGAIN, DONE };

/* With all threads stopped and none in our code: unmap it. */
static enum progress unmap(struct tm_injection *in, struct tm_stop *stop,
			   const struct inject_calls *calls, struct tm_err *err)
{
	struct tm_remote remote;
	bool done;

	if (!inject_begin(in, stop, &remote, err))
		return err->kind == TM_ERR_BUSY ? AGAIN : FAILED;
	done = inject_leave(in, calls, err);
	/* Nothing leads into our code any more: the others may go on. */
	if (done)
		tm_stop_keep(stop, remote.host);
	done = done && inject_unmap_all(in, &remote, err);
	tm_remote_end(&remote);
	return done ? DONE : FAILED;
}

static enum progress drain(struct tm_injection *in, bool unwind,
			   struct tm_err *err)
{
	TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
	TM_GUARD(tm_free_ptr) struct inject_calls *calls = tm_calloc(1, sizeof(*calls));
	struct tm_range ranges[TM_RECORDER_MAX_NEAR + 1];
	struct inject_clear what = {
		.ranges = ranges, .n = code_ranges(in, ranges), .unwind = unwind,
	};

	if (!tm_stop_all(&in->process, INJECT_STOP_MS, &stop, err))
		return FAILED;
	/* Again each time: a step that failed half way is made good. */
	if (!inject_restore(in, &stop, err))
		return FAILED;
	what.calls = inject_can_leave(in) ? calls : NULL;
	if (!inject_clear_of(in, &stop, &what))
		return AGAIN;
	return unmap(in, &stop, calls, err);
}

bool inject_remove(struct tm_injection *in, bool *ret_left, struct tm_err *err)
{
	const uint32_t off = 0;
	enum progress progress = AGAIN;

	if (in->head.gate && !inject_poke(in, 0, in->head.gate, &off, sizeof(off), err))
		return false;
	/* Now, not while the target stands still. */
	inject_can_leave(in);
	for (unsigned tries = 0; progress == AGAIN && tries < MAX_DRAINS; tries++) {
		if (tries)
			inject_pause(tries);
		progress = drain(in, inject_unwinds(tries), err);
		tm_log("drain %u: %d", tries, progress);
	}
	if (ret_left)
		*ret_left = progress == AGAIN;
	return progress != FAILED;
}

bool tm_inject_stop(struct tm_injection *in, bool *ret_left, struct tm_err *err)
{
	bool ok = inject_remove(in, ret_left, err);

	tm_inject_close(in);
	return ok;
}
