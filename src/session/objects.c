#include "session/objects.h"

#include "base/clock.h"
#include "base/guard.h"
#include "base/log.h"
#include "heap/allocated.h"
#include "py/objects.h"
#include "py/typed.h"
#include "session/blocks.h"
#include "session/c_stacks.h"
#include "session/core.h"
#include "session/look.h"
#include "session/meta.h"
#include "session/recorded_lines.h"
#include "session/tracer.h"
#include "trace/block_lines.h"

enum { TRIES = 10, MAX_WAIT_MS = 200 };

/* One census on its way. */
struct taking {
	struct tm_session *session;
	struct tm_look look;
	const struct tm_census_opts *opts;
	struct heap_census *ret;
	struct tm_err why;           /* no instant was good yet */
	bool traced;                 /* and by which lines is wanted: of tracemalloc, */
	struct tm_recorded *recorded; /* or of our recorder, if it is not NULL */
	struct tm_c_stacks stacks;
};

static bool read_lines(struct taking *taking, struct tm_mem *mem,
		       struct tm_block_lines *ret, struct tm_err *err)
{
	struct tm_session *session = taking->session;

	if (taking->recorded)
		return tm_recorded_lines(taking->recorded, ret, err);
	return tm_block_lines_read(mem, &session->runtime,
				   tm_maps_writable_bytes(&session->maps), ret, err);
}

/* Which line has allocated each block, by a table of the same instant. */
static bool add_lines(struct taking *taking, struct tm_mem *mem, struct tm_err *err)
{
	TM_GUARD(tm_block_lines_free) struct tm_block_lines lines = { 0 };

	if (!read_lines(taking, mem, &lines, err))
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

static struct heap_census *make_census(struct taking *taking, struct tm_mem *mem,
				       const struct py_arena_list *arenas,
				       struct heap_blocks *blocks, struct tm_err *err)
{
	const struct py_census_opts opts = {
		.graph = taking->opts->graph, .names = taking->opts->names,
		.stacks = taking->stacks.stacks, .nstacks = taking->stacks.nstacks,
	};

	return py_census_make(mem, &taking->session->maps, &taking->session->runtime, arenas,
			      blocks, &opts, err);
}

/*
 * The blocks again, and what is in none of them: that is of another allocator than
 * glibc's. If there is nothing, it was not for that that objects were missing.
 */
static struct heap_census *make_typed(struct taking *taking, struct tm_mem *mem,
				      struct tm_err *err)
{
	TM_GUARD(heap_blocks_free) struct heap_blocks blocks = { 0 };
	TM_GUARD(py_arena_list_free) struct py_arena_list arenas = { 0 };
	const struct tm_session *session = taking->session;
	struct tm_err why;

	if (is_cut_short(session) || session->runtime.free_threaded ||
	    tm_blocks_read(taking->session, mem, NULL, &arenas, &blocks) ||
	    !py_typed_add(mem, &session->maps, &session->runtime, &arenas, &blocks, &why) ||
	    blocks.nestimated == 0)
		return NULL;
	return make_census(taking, mem, &arenas, &blocks, err);
}

/* False with TM_ERR_BUSY: another instant may do. */
static bool read_objects(struct taking *taking, const struct tm_instant *instant,
			 struct tm_err *err)
{
	TM_GUARD(heap_blocks_free) struct heap_blocks blocks = { 0 };
	TM_GUARD(py_arena_list_free) struct py_arena_list arenas = { 0 };
	const char *changing = tm_blocks_read(taking->session, instant->mem, NULL, &arenas, &blocks);

	if (changing) {
		tm_err_set(err, TM_ERR_BUSY, taking->session->object, "%s", changing);
		return tm_err_hint(err, "try again");
	}
	tm_c_stacks_find(&taking->stacks, &taking->session->maps);
	taking->ret = make_census(taking, instant->mem, &arenas, &blocks, err);
	if (!taking->ret && err->kind == TM_ERR_BUSY)
		taking->ret = make_typed(taking, instant->mem, err);
	return taking->ret != NULL;
}

static bool mark_instant(void *ctx, const struct tm_instant *instant, struct tm_err *err)
{
	struct taking *taking = ctx;

	(void)err;
	tm_c_stacks_take(&taking->stacks, instant->stop);
	if (taking->recorded)
		tm_recorded_mark(taking->recorded);
	return true;
}

/* The recorder's table first: it notes down what changes as long as it is not read. */
static bool read_census(void *ctx, const struct tm_instant *instant, struct tm_err *err)
{
	struct taking *taking = ctx;

	if ((taking->recorded && !tm_recorded_read(taking->recorded, instant, err)) ||
	    !read_objects(taking, instant, err)) {
		taking->why = *err;
		/* Then the look ends without an error. */
		return err->kind == TM_ERR_BUSY;
	}
	if ((taking->traced || taking->recorded) &&
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
		if ((taking->recorded && !tm_recorded_prepare(taking->recorded, err)) ||
		    !tm_look_at(taking->session, &taking->look, err))
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
	if (tm_subject_has_census(session))
		return true;
	tm_err_set(err, TM_ERR_UNSUPPORTED, session->object,
		   "%s: the pages of its allocator are not known", session->runtime.name);
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
		.look = { .maps = true, .bytes = UINT64_MAX / 4, .stopped = mark_instant,
			  .read = read_census, .ctx = &taking },
	};
	bool ok;

	if (!is_possible(session, err))
		return NULL;
	if (session->core)
		tm_c_stacks_of_core(&taking.stacks, &session->core->file);
	taking.traced = opts->lines && is_traced(session);
	if (taking.traced)
		taking.look.at_rest = tm_meta_at_rest;
	else if (opts->lines)
		taking.recorded = tm_recorded_create(session);
	ok = take(&taking, err);
	tm_recorded_destroy(taking.recorded);
	tm_c_stacks_free(&taking.stacks);
	if (!ok)
		return NULL;
	note_loss(session);
	if (ret_pause_ns)
		*ret_pause_ns = taking.look.paused_ns;
	return taking.ret;
}
