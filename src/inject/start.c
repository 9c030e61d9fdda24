#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"
#include "inject/private.h"
#include "inject/recorder_image.h"

static bool refuse(struct tm_injection *in, const struct tm_functions *functions,
		   struct tm_err *err)
{
	if (functions->stripped_static) {
		tm_err_set(err, TM_ERR_UNSUPPORTED, in->process.object,
			   "it is a static program without symbols: its malloc cannot be found");
		return tm_err_hint(err, "keep its symbol table (do not strip it)");
	}
	return tm_err_set(err, TM_ERR_UNSUPPORTED, in->process.object,
			  "no module in it defines malloc");
}

static bool map_code(struct tm_injection *in, struct tm_remote *remote,
		     struct tm_err *err)
{
	in->head.version = TM_RECORDER_VERSION;
	in->head.magic = TM_RECORDER_CODE_MAGIC;
	memcpy(in->head.hooks, tm_recorder_hooks, sizeof(in->head.hooks));
	in->head.rest = tm_recorder_rest;
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

	if (!inject_call(in, remote, SYS_madvise, "keep memory from its children",
			 advise, &got, err))
		return false;
	advise[2] = MADV_DONTDUMP;
	return in_core || inject_call(in, remote, SYS_madvise,
				      "keep memory from core dumps", advise, &got, err);
}

/* A smaller table where the address space is limited (RLIMIT_AS). */
static bool map_table(struct tm_injection *in, struct tm_remote *remote,
		      struct tm_recorder_table *table,
		      const struct tm_inject_opts *opts, struct tm_err *err)
{
	uint64_t limit = opts->memory_limit ? opts->memory_limit
					    : inject_default_limit();
	struct inject_mapping what = {
		.file_name = TM_RECORDER_TABLE_NAME,
		.prot = PROT_READ | PROT_WRITE,
		.flags = MAP_SHARED | MAP_NORESERVE,
	};
	const uint64_t least = 16 << 20;
	int fd = -1;

	for (;; limit /= 4) {
		inject_layout(table, limit);
		what.size = table->size;
		if (inject_map(in, remote, &what, in->head.gate + 64,
			       &in->head.table, &fd, err))
			break;
		if (err->sys_errno != ENOMEM || limit / 4 < least)
			return false;
	}
	in->head.table_size = table->size;
	inject_use_table(in, fd);
	return keep_apart(in, remote, opts->in_core, err);
}

static bool map_all(struct tm_injection *in, struct tm_remote *remote,
		    const struct tm_maps *maps, const struct tm_functions *functions,
		    struct tm_recorder_table *table,
		    const struct tm_inject_opts *opts, struct tm_err *err)
{
	const uint64_t zeroes[16] = { 0 };
	struct tm_err ignored;

	if (inject_unmap_strays(in, remote, err) && map_code(in, remote, err) &&
	    inject_map_nears(in, remote, maps, functions, err) &&
	    map_table(in, remote, table, opts, err) &&
	    inject_write_head(in, remote->host->tid, err) &&
	    inject_poke(in, remote->host->tid, in->head.gate, zeroes,
			sizeof(zeroes), err))
		return true;
	inject_unmap_all(in, remote, &ignored);
	return false;
}

static bool bring_in(struct tm_injection *in, const struct tm_maps *maps,
		     const struct tm_functions *functions,
		     struct tm_recorder_table *table,
		     const struct tm_inject_opts *opts, struct tm_err *err)
{
	bool done = false;

	for (unsigned tries = 0; tries < 100 && !done; tries++) {
		TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
		struct tm_remote remote;

		if (tries)
			inject_pause(tries);
		if (!tm_stop_all(&in->process, INJECT_STOP_MS, &stop, err))
			return false;
		if (!inject_begin(in, &stop, &remote, err)) {
			if (err->kind != TM_ERR_BUSY)
				return false;
			continue;
		}
		/* Nothing is hooked yet: one thread is enough. */
		tm_stop_keep(&stop, remote.host);
		done = map_all(in, &remote, maps, functions, table, opts, err);
		tm_remote_end(&remote);
		if (!done)
			return false;
	}
	return done;
}

static bool enable(struct tm_injection *in, uint32_t on, struct tm_err *err)
{
	return inject_poke(in, 0, in->head.gate, &on, sizeof(on), err);
}

static bool fill_table(struct tm_injection *in, struct tm_recorder_table *table,
		       const struct tm_maps *maps, const struct tm_inject_opts *opts,
		       struct tm_err *err)
{
	table->start_time = in->process.identity.start_time;
	table->epoch = 1;
	table->nframe = opts->nframe ? opts->nframe : 1;
	if (table->nframe > TM_RECORDER_MAX_FRAMES)
		table->nframe = TM_RECORDER_MAX_FRAMES;
	table->domain = opts->domain;
	table->sample_bytes = opts->sample_bytes;
	return inject_poke_table(in, 0, table, sizeof(*table), err) &&
	       inject_publish_space(in, maps, err);
}

static bool install(struct tm_injection *in, const struct tm_inject_opts *opts,
		    struct tm_err *err)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	TM_GUARD(tm_functions_free) struct tm_functions functions = { 0 };
	struct tm_recorder_table table = { 0 };
	struct tm_err ignored;

	if (!tm_maps_read(in->process.pid, &maps, err) ||
	    !inject_survey(in, &maps, &functions, err))
		return false;
	if (!tm_functions_have_malloc(&functions))
		return refuse(in, &functions, err);
	if (!bring_in(in, &maps, &functions, &table, opts, err))
		return false;
	in->modules_seen = inject_maps_hash(&maps);
	if (fill_table(in, &table, &maps, opts, err) &&
	    inject_hook(in, &functions, 0, err) && enable(in, 1, err))
		return true;
	inject_remove(in, NULL, &ignored);
	return false;
}

struct tm_injection *tm_inject_start(const struct tm_process *process,
				     const struct tm_inject_opts *opts,
				     struct tm_err *err)
{
	struct tm_injection *in = inject_open(process, err);
	enum inject_found found;
	bool left;

	if (!in)
		return NULL;
	found = inject_find(in, err);
	if (found == INJECT_RECORDS) {
		tm_err_set(err, TM_ERR_USAGE, process->object,
			   "a recorder is running in it already");
		tm_err_hint(err, "tmattach stop %d removes it", (int)process->pid);
	} else if (found == INJECT_REMAINS) {
		if (!inject_remove(in, &left, err)) {
			found = INJECT_FAILED;
		} else if (left) {
			tm_err_set(err, TM_ERR_BUSY, process->object,
				   "a thread still rests inside the recorder that was stopped");
			found = INJECT_FAILED;
		} else {
			in->head = (struct tm_recorder_code){ 0 };
			found = INJECT_NOTHING;
		}
	}
	if (found == INJECT_NOTHING && install(in, opts, err))
		return in;
	tm_inject_close(in);
	return NULL;
}
