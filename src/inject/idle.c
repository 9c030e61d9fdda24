/*
 * A module that is unloaded takes its patched functions with it, and leaves the near area
 * that served them; there is room for few of those.
 */
#include <string.h>

#include "inject/private.h"
#include "remote/map.h"

static bool is_clear(struct tm_injection *in, struct tm_stop *stop,
		     const struct tm_recorder_range *near)
{
	const struct tm_range range = { near->address, near->address + near->size };
	const struct inject_clear what = { .ranges = &range, .n = 1 };

	return inject_clear_of(in, stop, &what);
}

static void forget(struct tm_injection *in, uint32_t area)
{
	struct tm_recorder_code *head = &in->head;

	head->nnear--;
	memmove(&head->near[area], &head->near[area + 1],
		(head->nnear - area) * sizeof(head->near[0]));
	head->nallocators = 0;
	for (uint32_t i = 0; i < head->nnear; i++)
		head->nallocators += inject_near_allocates(in, i);
}

/* The head last: should we be killed, it still has what is not mapped any more, which
 * is seen the next time. */
bool inject_unmap_idle_nears(struct tm_injection *in, struct tm_remote *remote,
			     const struct tm_maps *maps, struct tm_err *err)
{
	for (uint32_t i = in->head.nnear; i-- > 0;) {
		const struct tm_recorder_range near = in->head.near[i];

		if (inject_near_is_mapped(in, maps, i)) {
			if (!inject_near_is_idle(in, maps, i) || !is_clear(in, remote->stop, &near))
				continue;
			if (!tm_remote_unmap(remote, near.address, near.size, err))
				return false;
		}
		forget(in, i);
		if (!inject_write_head(in, remote->host->tid, err))
			return false;
	}
	return true;
}
