#include "session/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/guard.h"
#include "base/log.h"
#include "heap/glibc.h"
#include "heap/interposed.h"
#include "py/arenas.h"
#include "session/split.h"
#include "session/tracer.h"
#include "session/untraced.h"
#include "target/pages.h"

enum {
	TRIES = 5,           /* instants, if a thread is within a change */
	FINDS = 2,           /* of those without knowing where it is */
	POOL_COST = 256,     /* reading a header costs as much as this many bytes */
	FIND_COST = 4 << 20, /* and looking for them in an image's data */
	HEAP_COST = 16384,   /* one free chunk is expected in this many bytes */
	CHUNKS = 2000000,    /* this many free chunks are counted in a copy, */
	CHUNKS_HELD = 20000, /* and while the target is stopped */
	MAPPING_COST = 1024, /* of what the kernel tells of each */
	NO_ARENAS = sizeof(((struct tm_memory *)0)->why_no_arenas),
	NO_MALLOC = sizeof(((struct tm_memory *)0)->why_no_malloc),
};

/* Of pymalloc, or of malloc. */
struct part {
	bool wanted;    /* there may be figures, not read yet */
	bool found;     /* where they are is known */
	unsigned looks;
};

/* One answer on its way. */
struct tm_figures {
	struct tm_session *session;
	struct tm_look look;
	uint64_t pages;      /* private ones: of a process resident or in swap, of
				a core all there may be */
	struct part pymalloc, glibc;
	bool read;           /* at some instant */
	bool interposed;     /* malloc is another library's */
	struct tm_split split;
	struct tm_recorder_copy traced; /* what the recorder knows of the instant */
	struct py_obmalloc obmalloc;
	struct py_arenas arenas;
	struct heap_glibc heap;
	struct tm_memory *ret;
};

/* ---- what the kernel knows --------------------------------------------------- */

/* KiB of /proc/PID/status. */
static uint64_t status_bytes(const struct tm_session *session, const char *key)
{
	pid_t pid = session->process.pid;
	uint64_t kib = 0;

	tm_process_status_u64(pid, pid, key, 10, &kib);
	return kib * 1024;
}

void tm_figures_of_kernel(struct tm_figures *figures)
{
	const struct tm_session *session = figures->session;
	struct tm_memory *ret = figures->ret;

	ret->has_resident = true;
	ret->anonymous = status_bytes(session, "RssAnon");
	ret->shared = status_bytes(session, "RssShmem");
	ret->file_maps = status_bytes(session, "RssFile") + ret->shared;
	ret->rss = ret->anonymous + ret->file_maps;
	/* The kernel counts in batches, each processor separately. */
	figures->pages = (ret->anonymous + status_bytes(session, "VmSwap")) /
			 TM_PAGE * 2;
}

/* ---- while it is stopped -------------------------------------------------------- */

static bool add_resident(struct tm_figures *figures, pid_t pid)
{
	TM_GUARD(tm_pages_close) struct tm_pages pages;
	const struct py_arena_list *list = &figures->arenas.list;
	struct tm_memory *ret = figures->ret;

	if (!ret->has_resident)
		return true;
	tm_pages_open(&pages, pid);
	for (size_t i = 0; i < list->n; i++)
		ret->arenas += tm_pages_resident(&pages, list->items[i].address,
						 list->items[i].address + list->items[i].size);
	return pages.fd >= 0 && ret->arenas <= ret->anonymous;
}

static bool add_arenas(struct tm_figures *figures, pid_t pid)
{
	const struct py_arenas *arenas = &figures->arenas;
	struct tm_memory *ret = figures->ret;

	ret->arenas = ret->arenas_size = 0;
	for (size_t i = 0; i < arenas->list.n; i++)
		ret->arenas_size += arenas->list.items[i].size;
	ret->arenas_used = arenas->blocks;
	ret->arenas_free_blocks = arenas->free_blocks;
	ret->arenas_free_pools = arenas->free_pools;
	ret->arenas_overhead = arenas->overhead;
	return add_resident(figures, pid);
}

/* Which part contradicted itself, in words. */
static const char *changing(const struct tm_figures *figures)
{
	return figures->session->core ? "being changed when it was written"
				      : "being changed at every instant tried";
}

static void read_arenas(struct tm_figures *figures, struct tm_mem *mem, pid_t pid)
{
	const struct py_runtime *runtime = &figures->session->runtime;
	const struct tm_maps *maps = &figures->session->maps;
	struct tm_memory *ret = figures->ret;
	bool whole;

	ret->has_arenas = false;
	figures->pymalloc.looks++;
	if (!figures->pymalloc.found)
		figures->pymalloc.found = py_obmalloc_find(mem, maps, runtime,
							   &figures->obmalloc);
	if (!figures->pymalloc.found)
		return;
	whole = py_arenas_read(mem, maps, runtime, &figures->obmalloc,
			       figures->pages, &figures->arenas);
	ret->has_arenas = whole && add_arenas(figures, pid);
	figures->pymalloc.wanted = !whole;
	snprintf(ret->why_no_arenas, NO_ARENAS, "%s",
		 whole ? "the kernel does not report their pages" : changing(figures));
}

static void read_malloc(struct tm_figures *figures, const struct tm_instant *instant)
{
	const char *const why[] = {
		[HEAP_TOLD] = "",
		[HEAP_CONTRADICTS] = changing(figures),
		[HEAP_TOO_MANY] = "too many free blocks to count",
	};
	size_t limit = instant->held ? CHUNKS_HELD : CHUNKS;
	struct tm_memory *ret = figures->ret;
	const struct heap_visit visit = tm_split_visit(&figures->split);
	struct heap_figures heap = { 0 };
	enum heap_result result;

	ret->has_malloc = false;
	figures->glibc.looks++;
	if (!figures->glibc.found)
		figures->glibc.found = heap_glibc_find(instant->mem,
						       &figures->session->maps,
						       &figures->heap);
	if (!figures->glibc.found)
		return;
	result = heap_glibc_read(instant->mem, &figures->heap, limit, &visit, &heap);
	figures->glibc.wanted = result == HEAP_CONTRADICTS;
	ret->has_malloc = result == HEAP_TOLD;
	snprintf(ret->why_no_malloc, NO_MALLOC, "%s", why[result]);
	ret->malloc_size = heap.size;
	ret->malloc_used = heap.used;
	ret->malloc_free = heap.free;
	ret->malloc_arenas = heap.arenas;
	ret->malloc_free_most = heap.arena_free;
}

void tm_figures_read(struct tm_figures *figures, const struct tm_instant *instant)
{
	const struct py_runtime *runtime = &figures->session->runtime;
	const struct py_arena_list *list = &figures->arenas.list;

	if (runtime->layout && !runtime->free_threaded)
		read_arenas(figures, instant->mem, instant->pid);
	figures->read = true;
	tm_split_clear(&figures->split);
	if (!figures->interposed)
		read_malloc(figures, instant);
	tm_untraced_read(&figures->traced, &figures->heap, instant, &figures->session->maps,
			 figures->ret);
	for (size_t i = 0; figures->ret->has_arenas && i < list->n; i++)
		tm_extents_add(&figures->split.arenas, list->items[i].address,
			       list->items[i].address + list->items[i].size);
	tm_split_read(&figures->split, &figures->heap, instant, &figures->session->maps,
		      figures->ret);
}

/* ---- the whole ----------------------------------------------------------------- */

/* Where they are, and how much there will be to read. */
static void prepare_arenas(struct tm_figures *figures)
{
	struct tm_session *session = figures->session;
	const struct py_runtime *runtime = &session->runtime;
	struct py_arena_list *list = &figures->arenas.list;
	uint64_t pools = figures->ret->anonymous / runtime->layout->pool_size;

	if (runtime->free_threaded) {
		snprintf(figures->ret->why_no_arenas, NO_ARENAS,
			 "mimalloc's, which are not analysed");
		return;
	}
	snprintf(figures->ret->why_no_arenas, NO_ARENAS, "none found");
	figures->pymalloc.wanted = true;
	figures->pymalloc.found = py_obmalloc_find(session->mem, &session->maps, runtime,
						   &figures->obmalloc);
	if (figures->pymalloc.found &&
	    py_obmalloc_arenas(session->mem, &session->maps, runtime,
			       &figures->obmalloc, list)) {
		pools = 0;
		for (size_t i = 0; i < list->n; i++)
			pools += list->items[i].ntotal;
	}
	figures->look.bytes += pools * POOL_COST +
			       (figures->pymalloc.found ? 0 : FIND_COST);
}

static void prepare_malloc(struct tm_figures *figures)
{
	struct tm_session *session = figures->session;
	const char *other = heap_interposed(session->mem, &session->maps);
	const char *name = other ? strrchr(other, '/') : NULL;

	figures->interposed = other != NULL;
	if (other) {
		snprintf(figures->ret->why_no_malloc, NO_MALLOC,
			 "%.40s's, which is not analysed", name ? name + 1 : other);
		return;
	}
	snprintf(figures->ret->why_no_malloc, NO_MALLOC, "not glibc's, or not used");
	figures->glibc.wanted = true;
	figures->glibc.found = heap_glibc_find(session->mem, &session->maps, &figures->heap);
	figures->look.bytes += figures->ret->anonymous / HEAP_COST * POOL_COST;
	if (tm_native_recorded(session))
		figures->look.bytes += figures->ret->anonymous;
}

/* A process that cannot be stopped, because another tracer has it say: read
 * it as it runs, until two reads agree. */
static void read_running(struct tm_figures *figures)
{
	struct tm_memory *ret = figures->ret, before;
	struct tm_err ignored;

	tm_log("%s: figures of the running process", figures->session->object);
	figures->look.how = TM_LOOK_RUNNING;
	if (!tm_look_at(figures->session, &figures->look, &ignored))
		return;
	before = *ret;
	if (!tm_look_at(figures->session, &figures->look, &ignored))
		return;
	ret->has_arenas = ret->has_arenas && before.has_arenas &&
			  ret->arenas_used == before.arenas_used &&
			  ret->arenas_free_pools == before.arenas_free_pools;
	ret->has_malloc = ret->has_malloc && before.has_malloc &&
			  ret->malloc_size == before.malloc_size &&
			  ret->malloc_free == before.malloc_free;
}

static bool is_wanted(const struct tm_figures *figures, const struct part *part)
{
	const unsigned tries = figures->session->core ? 1 : part->found ? TRIES : FINDS;

	return part->wanted && part->looks < tries;
}

/* At several instants, until none of it was being changed. */
void tm_figures_finish(struct tm_figures *figures)
{
	struct tm_err ignored;

	while (is_wanted(figures, &figures->pymalloc) || is_wanted(figures, &figures->glibc) ||
	       (!figures->read && figures->ret->has_resident)) {
		if (figures->pymalloc.looks || figures->glibc.looks)
			tm_sleep_ns(TM_NS_PER_MS);
		if (!tm_look_at(figures->session, &figures->look, &ignored)) {
			read_running(figures);
			break;
		}
	}
	figures->ret->pause_ns = figures->look.paused_ns;
}

/* What is traced was sampled a moment ago; that has already reported its copy. */
static bool was_sampled(struct tm_session *session)
{
	const struct tm_backend *tracer = session->backend;
	struct tm_status status;
	struct tm_err ignored;

	return tracer && tracer->status(session, &status, &ignored) &&
	       status.tracing == TM_TRACING_ON;
}

static bool read_bounds(struct tm_figures *figures, struct tm_err *err)
{
	struct tm_session *session = figures->session;

	if (session->core) {
		figures->pages = tm_maps_writable_bytes(&session->maps) / TM_PAGE;
		return true;
	}
	figures->look.told = was_sampled(session);
	tm_figures_of_kernel(figures);
	return tm_subject_refresh(session, err);
}

static bool read_stopped(void *ctx, const struct tm_instant *instant, struct tm_err *err)
{
	struct tm_figures *figures = ctx;

	(void)instant;
	(void)err;
	tm_figures_of_kernel(figures);
	tm_untraced_take(figures->session, &figures->traced);
	return true;
}

static bool read_all(void *ctx, const struct tm_instant *instant, struct tm_err *err)
{
	(void)err;
	tm_figures_read(ctx, instant);
	return true;
}

struct tm_figures *tm_figures_create(struct tm_session *session, struct tm_memory *ret,
				     struct tm_err *err)
{
	struct tm_figures *figures;
	struct tm_err ignored;

	if (!tm_subject_check(session, err))
		return NULL;
	*ret = (struct tm_memory){ 0 };
	figures = tm_calloc(1, sizeof(*figures));
	figures->session = session;
	figures->look = (struct tm_look){
		.maps = true, .stopped = read_stopped, .read = read_all, .ctx = figures,
	};
	figures->ret = ret;
	if (!read_bounds(figures, err)) {
		tm_subject_explain(session, err);
		tm_figures_destroy(figures);
		return NULL;
	}
	if (tm_subject_python(session, &ignored))
		prepare_arenas(figures);
	prepare_malloc(figures);
	figures->look.bytes += session->maps.n * MAPPING_COST;
	return figures;
}

void tm_figures_destroy(struct tm_figures *figures)
{
	if (!figures)
		return;
	py_arenas_free(&figures->arenas);
	tm_recorder_copy_free(&figures->traced);
	tm_split_free(&figures->split);
	free(figures);
}

uint64_t tm_figures_bytes(const struct tm_figures *figures)
{
	return figures->look.bytes;
}

bool tm_session_memory(struct tm_session *session, struct tm_memory *ret,
		       struct tm_err *err)
{
	struct tm_figures *figures = tm_figures_create(session, ret, err);

	if (!figures)
		return false;
	tm_figures_finish(figures);
	tm_figures_destroy(figures);
	return true;
}
