#include "session/where.h"

#include "py/object.h"
#include "session/rest.h"
#include "session/sample.h"
#include "trace/tracemalloc.h"

struct where {
	struct tm_session *session;
	tm_addr address;
	struct tm_builder *builder;
	struct tm_meta meta;
	uint64_t paused_ns;
	bool found;
	/* Where domains are mixed: those that there are. */
	const struct tm_snapshot *domains;
};

/* The block at the address itself, or the one that the object there is in. */
static bool look_up(struct where *where, struct tm_err *err)
{
	struct tm_session *session = where->session;
	const struct py_runtime *runtime = &session->runtime;
	tm_addr block;

	if (!tm_tracemalloc_lookup_any(session->mem, runtime, where->address,
				       where->builder, &where->found, err))
		return false;
	if (where->found ||
	    !py_object_block(session->mem, runtime, where->address, &block) ||
	    block == where->address)
		return true;
	return tm_tracemalloc_lookup(session->mem, runtime, block, 0,
				     where->builder, &where->found, err);
}

static bool look_up_mixed(struct where *where, struct tm_err *err)
{
	struct tm_session *session = where->session;
	const struct tm_snapshot *domains = where->domains;
	uint32_t last = 0;

	for (size_t i = 0; i < domains->nsites && !where->found; i++) {
		uint32_t domain = domains->sites[i].domain;

		if (domain != last &&
		    !tm_tracemalloc_lookup(session->mem, &session->runtime,
					   where->address, domain,
					   where->builder, &where->found, err))
			return false;
		last = domain;
	}
	return true;
}

static bool at_rest(struct where *where,
		    bool (*look)(struct where *where, struct tm_err *err),
		    struct tm_err *err)
{
	struct tm_session *session = where->session;
	struct tm_stop stop = { 0 };
	bool ok;

	ok = tm_stop_at_rest(session, &stop, &where->paused_ns, err) &&
	     tm_take_meta(session, session->mem, &where->meta, err) &&
	     look(where, err);
	where->paused_ns += tm_stop_release(&stop);
	tm_stop_guard(&stop);
	return ok;
}

/* A snapshot tells which domains there are. */
static bool search_mixed(struct where *where, struct tm_err *err)
{
	struct tm_snapshot *domains = tm_sample(where->session, err);
	bool ok;

	if (!domains)
		return false;
	where->paused_ns += domains->meta.pause_ns;
	where->domains = domains;
	ok = at_rest(where, look_up_mixed, err);
	tm_snapshot_destroy(domains);
	return ok;
}

struct tm_snapshot *tm_where(struct tm_session *session, uint64_t address,
			     struct tm_err *err)
{
	struct where where = {
		.session = session, .address = address,
		.builder = tm_builder_create(),
	};
	bool ok = at_rest(&where, look_up, err);

	if (ok && !where.found &&
	    tm_tracemalloc_mixes_domains(session->mem, &session->runtime))
		ok = search_mixed(&where, err);
	where.meta.pause_ns = where.paused_ns;
	if (ok)
		return tm_builder_finish(where.builder, &where.meta, err);
	tm_builder_destroy(where.builder);
	tm_attach_explain(session, err);
	return NULL;
}
