#include "session/where.h"

#include "py/object.h"
#include "session/rest.h"
#include "trace/tracemalloc.h"

/* The block at the address itself, or the one that the object there is in. */
static bool look_up(struct tm_session *session, tm_addr address,
		    struct tm_builder *builder, struct tm_err *err)
{
	const struct py_runtime *runtime = &session->runtime;
	bool found = false;
	tm_addr block;

	if (!tm_tracemalloc_lookup_any(session->mem, runtime, address, builder,
				       &found, err))
		return false;
	if (found || !py_object_block(session->mem, runtime, address, &block) ||
	    block == address)
		return true;
	return tm_tracemalloc_lookup(session->mem, runtime, block, 0, builder,
				     &found, err);
}

struct tm_snapshot *tm_where(struct tm_session *session, uint64_t address,
			     struct tm_err *err)
{
	struct tm_builder *builder = tm_builder_create();
	struct tm_stop stop = { 0 };
	struct tm_meta meta = { 0 };
	bool ok;

	ok = tm_stop_at_rest(session, &stop, &meta.pause_ns, err);
	if (ok) {
		uint64_t paused = meta.pause_ns;

		ok = tm_take_meta(session, session->mem, &meta, err) &&
		     look_up(session, address, builder, err);
		meta.pause_ns = paused + tm_stop_release(&stop);
	}
	tm_stop_guard(&stop);
	if (ok)
		return tm_builder_finish(builder, &meta, err);
	tm_builder_destroy(builder);
	tm_attach_explain(session, err);
	return NULL;
}
