#include "py/object.h"
#include "session/look.h"
#include "session/meta.h"
#include "session/tracer.h"
#include "session/traces.h"
#include "trace/tracemalloc.h"

struct where {
	struct tm_session *session;
	tm_addr address;
	struct tm_builder *builder;
	struct tm_meta meta;
	bool found;
	/* If domains share one table: those that occur in it. */
	const struct tm_snapshot *domains;
};

/* The block at the address itself, or the one that the object there is in. */
static bool look_up_any(struct where *where, struct tm_mem *mem, struct tm_err *err)
{
	const struct py_runtime *runtime = &where->session->runtime;
	tm_addr block;

	if (!tm_tracemalloc_lookup_any(mem, runtime, where->address,
				       where->builder, &where->found, err))
		return false;
	if (where->found || !py_object_block(mem, runtime, where->address, &block) ||
	    block == where->address)
		return true;
	return tm_tracemalloc_lookup(mem, runtime, block, 0, where->builder,
				     &where->found, err);
}

static bool look_up_mixed(struct where *where, struct tm_mem *mem, struct tm_err *err)
{
	const struct tm_snapshot *domains = where->domains;
	uint32_t last = 0;

	for (size_t i = 0; i < domains->nsites && !where->found; i++) {
		uint32_t domain = domains->sites[i].domain;

		if (domain != last &&
		    !tm_tracemalloc_lookup(mem, &where->session->runtime,
					   where->address, domain,
					   where->builder, &where->found, err))
			return false;
		last = domain;
	}
	return true;
}

static bool look_up(void *ctx, const struct tm_instant *instant, struct tm_err *err)
{
	struct where *where = ctx;

	return tm_meta_take(where->session, instant->mem, &where->meta, err) &&
	       (where->domains ? look_up_mixed : look_up_any)(where, instant->mem, err);
}

/* A snapshot shows which domains there are. */
static bool search_mixed(struct where *where, struct tm_look *look, struct tm_err *err)
{
	struct tm_snapshot *domains = tm_traces(where->session, err);
	bool ok;

	if (!domains)
		return false;
	look->paused_ns += domains->meta.pause_ns;
	where->domains = domains;
	ok = tm_look_at(where->session, look, err);
	tm_snapshot_destroy(domains);
	return ok;
}

static bool search(struct where *where, struct tm_err *err)
{
	struct tm_session *session = where->session;
	struct tm_look look = {
		.how = TM_LOOK_HELD, .at_rest = tm_meta_at_rest,
		.read = look_up, .ctx = where,
	};
	bool ok = tm_look_at(session, &look, err);

	if (ok && !where->found &&
	    tm_tracemalloc_mixes_domains(session->mem, &session->runtime))
		ok = search_mixed(where, &look, err);
	where->meta.pause_ns = look.paused_ns;
	return ok || tm_subject_explain(session, err);
}

struct tm_snapshot *tm_where(struct tm_session *session, uint64_t address,
			     struct tm_err *err)
{
	struct where where = {
		.session = session, .address = address, .builder = tm_builder_create(),
	};

	if (search(&where, err))
		return tm_builder_finish(where.builder, &where.meta, err);
	tm_builder_destroy(where.builder);
	return NULL;
}

struct tm_snapshot *tm_session_where(struct tm_session *session, uint64_t address,
				     struct tm_err *err)
{
	const struct tm_backend *backend = tm_tracer(session, err);

	return backend ? backend->where(session, address, err) : NULL;
}
