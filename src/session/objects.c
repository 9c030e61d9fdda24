#include "session/objects.h"

#include <string.h>

#include "base/clock.h"
#include "base/guard.h"
#include "base/log.h"
#include "heap/allocated.h"
#include "heap/glibc.h"
#include "heap/interposed.h"
#include "py/objects.h"
#include "session/blocks.h"
#include "session/c_stacks.h"
#include "session/core.h"
#include "session/look.h"
#include "session/meta.h"
#include "session/tracer.h"
#include "trace/block_lines.h"

enum { TRIES = 10, MAX_WAIT_MS = 200 };

/* One census on its way. */
struct taking {
	struct tm_session *session;
	struct tm_look look;
	const struct tm_census_opts *opts;
	struct heap_census *ret;
	bool again;                  /* another instant may do */
	struct tm_err why;
	bool traced;                 /* and by which lines is wanted */
	struct tm_c_stacks stacks;
};

/* The instant is not good: say so, and let the look end without an error. */
static bool not_now(struct taking *taking, const char *cause)
{
	taking->again = true;
	tm_err_set(&taking->why, TM_ERR_BUSY, taking->session->object, "%s", cause);
	tm_err_hint(&taking->why, "try again");
	return true;
}

/* Which line has allocated each block, by tracemalloc's table of the same instant. */
static bool add_lines(struct taking *taking, struct tm_mem *mem, struct tm_err *err)
{
	TM_GUARD(tm_block_lines_free) struct tm_block_lines lines = { 0 };
	struct tm_session *session = taking->session;

	if (!tm_block_lines_read(mem, &session->runtime,
				 tm_maps_writable_bytes(&session->maps), &lines, err))
		return false;
	heap_census_need_allocated(taking->ret);
	for (size_t i = 0; i < lines.nlines; i++)
		heap_allocated_line(taking->ret, lines.lines[i].filename,
				    lines.lines[i].lineno);
	for (size_t i = 0; i < lines.n; i++)
		heap_allocated_add(taking->ret, lines.blocks[i].at, lines.blocks[i].line);
	return true;
}

static bool is_cut_short(const struct tm_session *session)
{
	return session->core && session->core->file.truncated;
}

/* What is missing of a core can be holders; where it was more, it has been refused. */
static void note_loss(const struct tm_session *session)
{
	if (is_cut_short(session))
		tm_subject_note(session, "the core file is cut short: what it lacks may hold "
				"objects, too");
}

/*
 * Objects were missing. Blocks of more than 512 bytes come from malloc: if that is not
 * glibc's, no other instant is better.
 */
static bool is_foreign(struct taking *taking, struct tm_mem *mem, struct tm_err *err)
{
	const struct tm_maps *maps = &taking->session->maps;
	const char *path = heap_interposed(mem, maps);
	const char *slash = path ? strrchr(path, '/') : NULL;
	struct heap_glibc heap;

	if (is_cut_short(taking->session))
		return false;
	if (!path && heap_glibc_find(mem, maps, &heap))
		return false;
	tm_err_set(err, TM_ERR_UNSUPPORTED, taking->session->object,
		   "its large blocks come from %s, which is not read yet",
		   slash ? slash + 1 : "a malloc that is not glibc's");
	tm_err_hint(err, "%swith tracing on, `stats' shows where its memory comes from",
		    path ? "start it without that library (LD_PRELOAD); or, " : "");
	return true;
}

static bool take_stacks(void *ctx, const struct tm_instant *instant, struct tm_err *err)
{
	struct taking *taking = ctx;

	(void)err;
	tm_c_stacks_take(&taking->stacks, instant->stop);
	return true;
}

static bool read_census(void *ctx, const struct tm_instant *instant, struct tm_err *err)
{
	struct taking *taking = ctx;
	const struct py_runtime *runtime = &taking->session->runtime;
	const struct tm_maps *maps = &taking->session->maps;
	struct py_census_opts opts = {
		.graph = taking->opts->graph, .names = taking->opts->names,
	};
	TM_GUARD(heap_blocks_free) struct heap_blocks blocks = { 0 };
	TM_GUARD(py_arena_list_free) struct py_arena_list arenas = { 0 };
	const char *changing = tm_blocks_read(taking->session, instant->mem, NULL, &arenas, &blocks);

	taking->again = false;
	if (changing)
		return not_now(taking, changing);
	tm_c_stacks_find(&taking->stacks, maps);
	opts.stacks = taking->stacks.stacks;
	opts.nstacks = taking->stacks.nstacks;
	taking->ret = py_census_make(instant->mem, maps, runtime, &arenas, &blocks, &opts, err);
	if (!taking->ret && err->kind == TM_ERR_BUSY &&
	    !is_foreign(taking, instant->mem, err)) {
		taking->again = true;
		taking->why = *err;
		return true;
	}
	if (taking->ret && taking->traced &&
	    !add_lines(taking, instant->mem, err)) {
		heap_census_destroy(taking->ret);
		taking->ret = NULL;
	}
	if (taking->ret && taking->opts->names)
		heap_census_keep(taking->ret, &taking->opts->keep);
	return taking->ret != NULL;
}

static bool take(struct taking *taking, struct tm_err *err)
{
	uint64_t wait_ns = TM_NS_PER_MS;

	for (int i = 0; i < TRIES; i++) {
		if (!tm_look_at(taking->session, &taking->look, err))
			return tm_subject_explain(taking->session, err);
		if (taking->ret)
			return true;
		tm_log("%s: not at this instant: %s", taking->session->object,
		       taking->why.cause);
		if (taking->session->core)
			break;
		tm_sleep_ns(wait_ns);
		if (wait_ns < MAX_WAIT_MS * TM_NS_PER_MS)
			wait_ns *= 2;
	}
	*err = taking->why;
	if (is_cut_short(taking->session))
		tm_err_set(err, TM_ERR_CORRUPT, NULL, "what it has of the objects does not "
			   "hold together");
	return tm_subject_explain(taking->session, err);
}

static bool is_possible(struct tm_session *session, struct tm_err *err)
{
	if (!tm_subject_check(session, err))
		return false;
	if (!tm_subject_python(session, err))
		return tm_subject_explain(session, err);
	if (!session->runtime.free_threaded)
		return true;
	tm_err_set(err, TM_ERR_UNSUPPORTED, session->object,
		   "%s is free-threaded: its objects are not known yet",
		   session->runtime.name);
	return tm_err_hint(err, "with tracing on, `stats' shows where its memory comes from");
}

static bool is_traced(struct tm_session *session)
{
	struct py_status status;
	struct tm_err ignored;

	return tm_tracer(session, &ignored) == &tm_backend_cpython &&
	       py_status_read(session->mem, &session->runtime, &status, &ignored) &&
	       status.state == PY_TRACING;
}

struct heap_census *tm_session_census(struct tm_session *session,
				      const struct tm_census_opts *opts,
				      uint64_t *ret_pause_ns, struct tm_err *err)
{
	struct taking taking = {
		.session = session, .opts = opts,
		/* All memory is read. */
		.look = { .maps = true, .bytes = UINT64_MAX / 4, .stopped = take_stacks,
			  .read = read_census, .ctx = &taking },
	};
	bool taken;

	if (!is_possible(session, err))
		return NULL;
	if (session->core)
		tm_c_stacks_of_core(&taking.stacks, &session->core->file);
	taking.traced = opts->lines && is_traced(session);
	if (taking.traced)
		taking.look.at_rest = tm_meta_at_rest;
	taken = take(&taking, err);
	tm_c_stacks_free(&taking.stacks);
	if (!taken)
		return NULL;
	note_loss(session);
	if (ret_pause_ns)
		*ret_pause_ns = taking.look.paused_ns;
	return taking.ret;
}
