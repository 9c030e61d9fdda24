#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"
#include "inject/clock.h"
#include "inject/private.h"
#include "inject/records.h"
#include "inject/words.h"
#include "inject/recorder_image.h"
#include "remote/call.h"
#include "target/headroom.h"

static bool refuse(struct tm_injection *in, const struct tm_functions *functions,
		   const char *elsewhere, struct tm_err *err)
{
	const bool hidden = functions->stripped_static;

	tm_err_set(err, TM_ERR_UNSUPPORTED, in->process.object, hidden
		   ? "it is a static program without symbols: its malloc cannot be found"
		   : "no module in it defines malloc");
	if (elsewhere)
		return tm_err_hint(err, "%s", elsewhere);
	return hidden && tm_err_hint(err, "keep its symbol table (do not strip it)");
}

static bool map_code(struct tm_injection *in, struct tm_remote *remote, tm_addr clock,
		     struct tm_err *err)
{
	in->head.version = TM_RECORDER_VERSION;
	in->head.magic = TM_RECORDER_CODE_MAGIC;
	memcpy(in->head.hooks, tm_recorder_hooks, sizeof(in->head.hooks));
	in->head.rest = tm_recorder_rest;
	in->head.clock = clock;
	in->head.at_clock = tm_recorder_at_clock;
	return inject_map_code(in, remote, err) &&
	       inject_write_head(in, remote->host->tid, err);
}

/* Children have no use for the table, and a core dump that held it would be as
 * large as all the room that is reserved. */
static bool keep_apart(struct tm_injection *in, struct tm_remote *remote,
		       bool in_core, struct tm_err *err)
{
	uint64_t advise[6] = { in->head.table, in->head.table_size, MADV_DONTFORK };
	int64_t got;

	if (!tm_remote_call(remote, SYS_madvise, "keep memory from its children",
			 advise, &got, err))
		return false;
	advise[2] = MADV_DONTDUMP;
	return in_core || tm_remote_call(remote, SYS_madvise,
				      "keep memory from core dumps", advise, &got, err);
}

/* What records takes some memory from the first call on: the OOM killer must
 * not come for that. */
static bool has_memory(const struct tm_injection *in, struct tm_err *err)
{
	const uint64_t needed = 4 << 20;
	uint64_t left = tm_process_headroom(in->process.pid);

	if (left >= needed)
		return true;
	tm_err_set(err, TM_ERR_LIMIT, in->process.object,
		   "its cgroup may take %" PRIu64 " KiB of memory more, and the recorder needs %"
		   PRIu64 " KiB", left >> 10, needed >> 10);
	return tm_err_hint(err, "raise the memory limit of the cgroup (memory.max; in cgroup v1 "
			   "memory.limit_in_bytes)");
}

/* A program that calls mlockall() may do so at any time from now on, and the
 * kernel would fill all of the table then. So it does for a core dump. */
static uint64_t default_limit(const struct tm_injection *in,
			      const struct tm_functions *functions, bool in_core)
{
	uint64_t filled = tm_process_headroom(in->process.pid) / 2;
	const uint64_t limit = inject_default_limit(), most = 256 << 20;

	if (filled > most)
		filled = most;
	return (functions->locks_memory || in_core) && limit > filled ? filled : limit;
}

/* A smaller table where there is not the room: in the address space of the
 * target, or in the files that we may make. */
static bool map_table(struct tm_injection *in, struct tm_remote *remote,
		      const struct tm_functions *functions,
		      struct tm_recorder_table *table,
		      const struct tm_inject_opts *opts, struct tm_err *err)
{
	uint64_t limit = opts->memory_limit ? opts->memory_limit
					    : default_limit(in, functions, opts->in_core);
	struct inject_mapping what = {
		.file_name = TM_RECORDER_TABLE_NAME,
		.prot = PROT_READ | PROT_WRITE,
		.flags = MAP_SHARED | MAP_NORESERVE,
	};
	const uint64_t least = 16 << 20;
	int fd = -1;

	for (;; limit = limit / 4 > least ? limit / 4 : least) {
		inject_layout(table, limit);
		what.size = table->size;
		if (inject_map(in, remote, &what, in->head.gate + TM_RECORDER_GATE_SCRATCH,
			       &in->head.table, &fd, err))
			break;
		if ((err->sys_errno != ENOMEM && err->sys_errno != EFBIG) || limit <= least)
			return false;
	}
	in->head.table_size = table->size;
	inject_use_table(in, fd);
	return keep_apart(in, remote, opts->in_core, err);
}

/* Blank memory is what a start that was killed has left: another would take this for it,
 * until it is filled. The head knows of it already. */
static bool mark(struct tm_injection *in, pid_t tid, struct tm_recorder_table *table,
		 struct tm_err *err)
{
	table->start_time = in->process.identity.start_time;
	for (uint32_t i = 0; i < in->head.nnear; i++)
		if (!inject_mark_near(in, tid, i, err))
			return false;
	return inject_poke_table(in, 0, table, sizeof(*table), err);
}

static bool map_all(struct tm_injection *in, struct tm_remote *remote, tm_addr clock,
		    const struct tm_maps *maps, const struct tm_functions *functions,
		    struct tm_recorder_table *table,
		    const struct tm_inject_opts *opts, struct tm_err *err)
{
	const uint64_t zeroes[16] = { 0 };
	struct tm_err ignored;

	if (inject_unmap_strays(in, remote, err) && map_code(in, remote, clock, err) &&
	    inject_map_nears(in, remote, maps, functions, err) &&
	    map_table(in, remote, functions, table, opts, err) &&
	    inject_write_code(in, remote->host->tid, err) &&
	    inject_poke(in, remote->host->tid, in->head.gate, zeroes,
			sizeof(zeroes), err) &&
	    mark(in, remote->host->tid, table, err) && inject_know_code(in, err))
		return true;
	inject_unmap_all(in, remote, &ignored);
	return false;
}

static bool bring_in(struct tm_injection *in, tm_addr clock,
		     const struct tm_functions *functions,
		     struct tm_recorder_table *table,
		     const struct tm_inject_opts *opts, struct tm_err *err)
{
	bool done = false;

	for (unsigned tries = 0; tries < 100 && !done; tries++) {
		TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
		TM_GUARD(tm_maps_free) struct tm_maps now = { 0 };
		struct tm_remote remote;

		if (tries)
			inject_pause(tries);
		/* What is free near its code is as nobody takes it any more. */
		if (!inject_stand(in, &stop, &now, err) || !inject_is_alone(in, &now, err))
			return false;
		table->tid_at = inject_tid_place(in, &stop);
		if (!tm_remote_begin(&stop, in->insn, &remote, err)) {
			if (err->kind != TM_ERR_BUSY)
				return false;
			continue;
		}
		/* All stand still: another would take the open descriptor, or the
		 * table before it is kept apart, into a child that it forks. */
		done = map_all(in, &remote, clock, &now, functions, table, opts, err);
		tm_remote_end(&remote);
		if (!done)
			return false;
	}
	return done;
}

static bool fill_table(struct tm_injection *in, struct tm_recorder_table *table,
		       const struct tm_maps *maps, const struct tm_inject_opts *opts,
		       struct tm_err *err)
{
	table->epoch = 1;
	table->anonymous = inject_anonymous(in);
	table->nframe = opts->nframe ? opts->nframe : 1;
	if (table->nframe > TM_RECORDER_MAX_FRAMES)
		table->nframe = TM_RECORDER_MAX_FRAMES;
	table->domain = opts->domain;
	table->sample_bytes = opts->sample_bytes;
	/* Without it processes that were forked alike draw alike. */
	if (getrandom(&table->seed, sizeof(table->seed), GRND_NONBLOCK) < 0)
		table->seed = table->start_time + (uint64_t)in->process.pid;
	if (opts->python)
		table->python = opts->python->facts;
	return inject_poke_table(in, 0, table, sizeof(*table), err) &&
	       inject_maps_on(in, table, opts->maps, err) &&
	       ((opts->python && !opts->python->facts.merge) ||
		inject_publish_space(in, maps, INJECT_BEGINS, err));
}

static bool hooks_malloc(const struct tm_inject_opts *opts)
{
	return !opts->python || opts->python->facts.flags & TM_PY_WITH_C;
}

static void keep_loader(struct tm_functions *functions)
{
	size_t n = 0;

	for (size_t i = 0; i < functions->n; i++)
		if (functions->items[i].kind == TM_HOOK_LOADER)
			functions->items[n++] = functions->items[i];
	functions->n = n;
	functions->unhooked[0] = '\0';
}

/* What allocates, by symbol, and what tells of modules. Of Python's own allocators only
 * the words are hooked, where C functions do not matter. */
static bool survey(struct tm_injection *in, const struct tm_maps *maps,
		   const struct tm_inject_opts *opts, struct tm_functions *ret,
		   struct tm_err *err)
{
	if (opts->python && !opts->python->facts.merge) {
		ret->locks_memory = inject_locks_memory(in, maps);
		return true;
	}
	if (!inject_survey(in, maps, ret, err))
		return false;
	if (hooks_malloc(opts))
		return (tm_functions_have_malloc(ret) ||
			refuse(in, ret, opts->elsewhere, err)) &&
		       inject_all_hookable(in, ret, err) &&
		       inject_none_throws(in, maps, ret, err);
	keep_loader(ret);
	return true;
}

/* Counting begins with what stands there. */
static bool set_going(struct tm_injection *in, struct tm_err *err)
{
	const struct tm_recorder_gate open = { .enabled = 1 };

	return inject_poke(in, 0, in->head.gate, &open, sizeof(open), err);
}

/*
 * The gate is opened while all stand still, and the records are of what is loaded at
 * that moment: from then on the hook sees what changes. The last attempt takes what it
 * finds, however long that takes.
 */
static bool try_to_open(struct tm_injection *in, bool last, bool *ret_open,
			struct tm_err *err)
{
	TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	bool same;

	if (!inject_stand(in, &stop, &maps, err))
		return false;
	same = inject_images_hash(in, &maps) == in->published;
	*ret_open = same || last;
	if (!*ret_open)
		tm_stop_release(&stop);
	if (!same && !inject_publish_space(in, &maps, INJECT_BEGINS, err))
		return false;
	return !*ret_open || (inject_maps_begin(in, &maps, err) && set_going(in, err));
}

static bool open_gate(struct tm_injection *in, struct tm_err *err)
{
	enum { TRIES = 20 };
	bool open = false;

	for (int i = 1; i <= TRIES && !open; i++)
		if (!try_to_open(in, i == TRIES, &open, err))
			return false;
	return true;
}

static bool hook(struct tm_injection *in, const struct tm_functions *functions,
		 const struct tm_inject_opts *opts, struct tm_err *err)
{
	const struct tm_inject_python *python = opts->python;

	if (python && !python->facts.merge)
		return inject_words_hook(in, python, true, err);
	return inject_hook(in, functions, 0, err) &&
	       (!python || inject_words_hook(in, python, false, err)) &&
	       open_gate(in, err);
}

static bool install(struct tm_injection *in, const struct tm_inject_opts *opts,
		    struct tm_err *err)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	TM_GUARD(tm_functions_free) struct tm_functions functions = {
		.given = opts->given, .maps = opts->maps,
	};
	struct tm_recorder_table table = { 0 };
	struct tm_err ignored;

	if (!tm_maps_read(in->process.pid, &maps, err) ||
	    !survey(in, &maps, opts, &functions, err))
		return false;
	if (tm_functions_missed(&functions))
		return tm_err_set(err, TM_ERR_USAGE, in->process.object,
				  "none of its modules has a function %s",
				  tm_functions_missed(&functions));
	if (!has_memory(in, err) ||
	    !bring_in(in, inject_clock(in, &maps), &functions, &table, opts, err))
		return false;
	in->modules_seen = inject_maps_hash(&maps);
	memcpy(in->unhooked, functions.unhooked, sizeof(in->unhooked));
	if (fill_table(in, &table, &maps, opts, err) &&
	    hook(in, &functions, opts, err))
		return true;
	inject_remove(in, NULL, &ignored);
	return false;
}

/* What is left of others is in nobody's way, but it shall not become ever more. */
static bool make_room(struct tm_injection *in, struct tm_err *err)
{
	enum { MAX_REMAINS = 4 };
	size_t left;

	if (!inject_sweep(in, &left, err))
		return false;
	return left < MAX_REMAINS ||
	       tm_err_set(err, TM_ERR_BUSY, in->process.object,
			  "threads still rest inside %zu recorders that were stopped", left);
}

struct tm_injection *tm_inject_start(const struct tm_process *process,
				     const struct tm_inject_opts *opts,
				     struct tm_err *err)
{
	struct tm_injection *in = inject_open(process, err);
	enum inject_found found;

	if (!in)
		return NULL;
	found = inject_find(in, err);
	if (found == INJECT_RECORDS) {
		tm_err_set(err, TM_ERR_USAGE, process->object,
			   "a recorder is running in it already");
		tm_err_hint(err, "tmattach stop %d removes it", (int)process->leader);
	} else if (found != INJECT_FAILED &&
		   (found == INJECT_NOTHING || make_room(in, err)) &&
		   install(in, opts, err)) {
		return in;
	}
	tm_inject_close(in);
	return NULL;
}
