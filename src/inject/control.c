/* Querying and controlling the recorder while it records. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"
#include "base/map.h"
#include "inject/private.h"
#include "inject/records.h"
#include "inject/words.h"
#include "remote/map.h"

enum { MAX_TRIES = 200 };

/* Too large for a small stack (RLIMIT_STACK). */
struct counters {
	struct tm_recorder_table table;
	struct tm_recorder_shard shards[TM_RECORDER_SHARDS];
	struct tm_recorder_thread threads[TM_RECORDER_THREADS];
};

static bool read_counters(struct tm_injection *in, struct counters *ret,
			  struct tm_err *err)
{
	return inject_peek_table(in, 0, &ret->table, sizeof(ret->table), err) &&
	       (inject_table_valid(&ret->table, in->head.table_size) ||
		tm_err_set(err, TM_ERR_CORRUPT, in->process.object,
			   "the recorder's table is damaged")) &&
	       inject_peek_table(in, ret->table.shards, ret->shards,
				 sizeof(ret->shards), err) &&
	       inject_peek_table(in, ret->table.threads, ret->threads,
				 sizeof(ret->threads), err);
}

uint64_t inject_anonymous(const struct tm_injection *in)
{
	uint64_t kib = 0;

	tm_process_status_u64(in->process.pid, in->process.pid, "RssAnon", 10, &kib);
	return kib * 1024;
}

/* Resident bytes of the table, as far as its file shows. */
static uint64_t table_memory(const struct tm_injection *in)
{
	struct stat st;

	if (in->table_fd < 0 || fstat(in->table_fd, &st) != 0)
		return 0;
	return (uint64_t)st.st_blocks * 512;
}

static void sum_up(const struct counters *c, struct tm_inject_status *ret)
{
	int64_t current = tm_recorder_current(&c->table, c->threads);
	int64_t peak = tm_recorder_peak(&c->table, c->threads);

	ret->current = current > 0 ? (uint64_t)current : 0;
	ret->peak = peak > current ? (uint64_t)peak : ret->current;
	for (uint32_t i = 0; i < TM_RECORDER_SHARDS; i++)
		ret->count += c->shards[i].live;
}

static void see_tracer(struct tm_injection *in, struct tm_inject_status *ret)
{
	const struct tm_recorder_py_word *word = &in->head.py_words[TM_PY_TRACER];

	ret->follows = inject_word_state(in, word) == INJECT_WORD_OURS;
	ret->unseated = word->ours && !ret->follows;
}

bool tm_inject_status(struct tm_injection *in, struct tm_inject_status *ret,
		      struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct counters *c = tm_malloc(sizeof(*c));

	if (!tm_process_check(&in->process, err) || !read_counters(in, c, err))
		return false;
	*ret = (struct tm_inject_status){
		.nframe = c->table.nframe,
		.sample_bytes = c->table.sample_bytes,
		.dropped = c->table.dropped,
		.tracer_memory = table_memory(in) + in->head.size,
		.epoch = c->table.epoch,
		.python = inject_has_words(in),
		.anonymous = c->table.anonymous,
		.with_c = c->table.python.flags & TM_PY_WITH_C,
		.merges = c->table.python.merge != TM_PY_APART,
		.unmerged = c->table.unmerged,
		.maps = inject_maps_are_on(in),
	};
	see_tracer(in, ret);
	sum_up(c, ret);
	return true;
}

static uint64_t freed_size(const struct tm_recorder_table *table)
{
	return table->freed_room * sizeof(struct tm_recorder_freed) / TM_PAGE * TM_PAGE;
}

/* The next one begins now. What was noted down for the old one is of no use. */
static bool end_peak(struct tm_injection *in, const struct tm_recorder_table *table,
		     struct tm_err *err)
{
	const uint64_t ages = tm_recorder_generation(table->ages), none = 0;

	if (!inject_poke_table(in, offsetof(struct tm_recorder_table, ages), &ages,
			       sizeof(ages), err) ||
	    !inject_poke_table(in, offsetof(struct tm_recorder_table, freed_tail), &none,
			       sizeof(none), err))
		return false;
	inject_punch_file(in, table->freed, freed_size(table));
	return true;
}

bool tm_inject_reset_peak(struct tm_injection *in, struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct counters *c = tm_malloc(sizeof(*c));
	TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
	int64_t current;

	if (!inject_stand(in, &stop, NULL, err) || !read_counters(in, c, err))
		return false;
	current = tm_recorder_current(&c->table, c->threads);
	for (uint32_t i = 0; i < TM_RECORDER_THREADS; i++)
		c->threads[i].high = c->threads[i].bytes;
	/* Only `high` is ours to change: no thread writes it meanwhile. */
	return inject_poke_table(in, c->table.threads, c->threads, sizeof(c->threads), err) &&
	       end_peak(in, &c->table, err) &&
	       inject_maps_end_peak(in, &c->table, current, err) &&
	       inject_poke_table(in, offsetof(struct tm_recorder_table, peak),
				 &current, sizeof(current), err);
}

bool inject_punch_file(const struct tm_injection *in, uint64_t offset, uint64_t size)
{
	return in->table_fd >= 0 &&
	       fallocate(in->table_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 (off_t)offset, (off_t)size) == 0;
}

/* What the target has locked since (mlockall) it could not give back itself. */
bool inject_punch(struct tm_injection *in, struct tm_remote *remote,
		  uint64_t offset, uint64_t size, struct tm_err *err)
{
	const uint64_t args[6] = { in->head.table + offset, size, MADV_REMOVE };
	int64_t got;

	return inject_punch_file(in, offset, size) ||
	       (tm_remote_unlock(remote, args[0], size, err) &&
		tm_remote_call(remote, SYS_madvise, "give memory back", args, &got, err));
}

static bool forget_all(struct tm_injection *in, struct tm_remote *remote,
		       struct counters *c, struct tm_err *err)
{
	const struct tm_recorder_table *t = &c->table;

	for (uint32_t i = 0; i < TM_RECORDER_THREADS; i++)
		c->threads[i].bytes = c->threads[i].high = 0;
	memset(c->shards, 0, sizeof(c->shards));
	c->table.epoch++;
	c->table.anonymous = inject_anonymous(in);
	c->table.current = c->table.peak = 0;
	c->table.stack_tail = sizeof(struct tm_recorder_stack);
	c->table.nstacks = c->table.dropped = c->table.lost_stacks = 0;
	c->table.unmerged = 0;
	c->table.look = c->table.journal_tail = 0; /* who reads begins again */
	c->table.ages = tm_recorder_generation(c->table.ages);
	c->table.freed_tail = 0;
	return inject_punch(in, remote, t->slots, t->arena_size * TM_RECORDER_SHARDS, err) &&
	       inject_punch(in, remote, t->stacks, t->stacks_size, err) &&
	       inject_punch(in, remote, t->freed, freed_size(t), err) &&
	       inject_punch(in, remote, t->memos, TM_RECORDER_THREADS *
		     sizeof(struct tm_recorder_memo) / TM_PAGE * TM_PAGE, err) &&
	       inject_punch(in, remote, t->buckets, 4ull << TM_RECORDER_BUCKETS_LOG2, err) &&
	       inject_maps_forget(in, t, err) &&
	       inject_punch(in, remote, t->filter, 1ull << TM_RECORDER_FILTER_LOG2, err) &&
	       inject_punch(in, remote, t->journal, t->journal_size / TM_PAGE * TM_PAGE, err) &&
	       inject_poke_table(in, t->shards, c->shards, sizeof(c->shards), err) &&
	       inject_poke_table(in, t->threads, c->threads, sizeof(c->threads), err) &&
	       inject_poke_table(in, 0, &c->table, sizeof(c->table), err);
}

/* One attempt; TM_ERR_BUSY while a thread is inside the recorder: it may hold
 * a lock, or the id of a stack that would be forgotten. */
static bool try_clear(struct tm_injection *in, bool unwind, struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct inject_calls *calls = tm_calloc(1, sizeof(*calls));
	TM_GUARD(tm_free_ptr) struct counters *c = tm_malloc(sizeof(*c));
	TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
	const struct tm_range code = { in->code, in->code + in->head.size };
	const struct inject_clear what = {
		.ranges = &code, .n = 1, .unwind = unwind, .calls = calls,
	};
	struct tm_remote remote;
	bool ok;

	if (!inject_stand(in, &stop, NULL, err))
		return false;
	if (!inject_clear_of(in, &stop, &what))
		return tm_err_set(err, TM_ERR_BUSY, in->process.object,
				  "a thread is always inside the recorder");
	if (!read_counters(in, c, err) ||
	    !tm_remote_begin(&stop, in->insn, &remote, err))
		return false;
	ok = forget_all(in, &remote, c, err);
	tm_remote_end(&remote);
	return ok;
}

bool tm_inject_clear(struct tm_injection *in, struct tm_err *err)
{
	for (unsigned tries = 0; tries < MAX_TRIES; tries++) {
		if (tries)
			inject_pause(tries);
		if (try_clear(in, inject_unwinds(tries), err))
			return true;
		if (err->kind != TM_ERR_BUSY)
			return false;
	}
	return false;
}

uint64_t inject_maps_hash(const struct tm_maps *maps)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < maps->n; i++)
		if (maps->regions[i].executable)
			hash = tm_hash_u64(hash ^ maps->regions[i].start) ^
			       tm_hash_u64(maps->regions[i].inode);
	return hash;
}

/* Areas near new functions, from *ret_first on. */
static bool map_new(struct tm_injection *in, struct tm_stop *stop, const struct tm_maps *maps,
		    const struct tm_functions *functions, uint32_t *ret_first,
		    struct tm_err *err)
{
	struct tm_remote remote;
	bool ok;

	if (!tm_remote_begin(stop, in->insn, &remote, err))
		return false;
	ok = inject_unmap_idle_nears(in, &remote, maps, err);
	*ret_first = in->head.nnear;
	ok = ok && inject_map_nears(in, &remote, maps, functions, err);
	/* Also of what was mapped before that failed. */
	if (!inject_write_head(in, remote.host->tid, ok ? err : &(struct tm_err){ 0 }))
		ok = false;
	tm_remote_end(&remote);
	return ok;
}

/* Areas in which nothing is hooked after all. If they cannot be unmapped now, they are
 * before others are needed. */
static void unmap_new(struct tm_injection *in, struct tm_stop *stop)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct tm_remote remote;
	struct tm_err err;

	if (!tm_maps_read(in->process.pid, &maps, &err) ||
	    !tm_remote_begin(stop, in->insn, &remote, &err))
		return;
	if (!inject_unmap_idle_nears(in, &remote, &maps, &err))
		tm_log("an area stays: %s", err.cause);
	tm_remote_end(&remote);
}

/* All in one stop: another tmattach finds these functions hooked, or nothing. */
static bool try_hook_new(struct tm_injection *in, struct tm_functions *functions, bool unwind,
			 struct tm_err *err)
{
	TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 }, with_new = { 0 };
	uint32_t first;

	if (!inject_stand(in, &stop, &maps, err))
		return false;
	inject_drop_hooked(in, functions, 0);
	if (functions->n == 0)
		return true;
	if (!map_new(in, &stop, &maps, functions, &first, err) ||
	    !tm_maps_read(in->process.pid, &with_new, err) ||
	    !inject_hook_in(in, &stop, &with_new, functions, first, unwind, err)) {
		unmap_new(in, &stop);
		return false;
	}
	inject_loader_hooked_late(in, functions);
	return true;
}

/* Hooks in allocators that came later; the stop is only made for them. */
static bool hook_new(struct tm_injection *in, const struct tm_maps *maps,
		     struct tm_err *err)
{
	TM_GUARD(tm_functions_free) struct tm_functions functions = { .maps = inject_maps_are_on(in) };

	if (!inject_survey(in, maps, &functions, err))
		return false;
	inject_drop_refused(in, maps, &functions);
	memcpy(in->unhooked, functions.unhooked, sizeof(in->unhooked));
	if (functions.n == 0)
		return true;
	for (unsigned tries = 0; tries < MAX_TRIES; tries++) {
		if (tries)
			inject_pause(tries);
		if (try_hook_new(in, &functions, inject_unwinds(tries), err))
			return true;
		if (err->kind != TM_ERR_BUSY)
			return false;
	}
	return false;
}

/* What it knows of its Python; all zero: there is none. */
static struct tm_recorder_python python_of(struct tm_injection *in)
{
	struct tm_recorder_python python = { 0 };
	struct tm_err unreadable;

	if (!inject_peek_table(in, offsetof(struct tm_recorder_table, python), &python,
			       sizeof(python), &unreadable))
		return (struct tm_recorder_python){ 0 };
	return python;
}

/* Are all functions hooked that allocate? */
static bool hook_new_unless_python(struct tm_injection *in, const struct tm_maps *maps,
				   struct tm_err *err)
{
	return (inject_has_words(in) && !(python_of(in).flags & TM_PY_WITH_C)) ||
	       hook_new(in, maps, err);
}

bool tm_inject_refresh(struct tm_injection *in, struct tm_err *err)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	uint64_t hash;

	if (!tm_process_check(&in->process, err))
		return false;
	/* Who walks the frames of Python alone asks no module. */
	if (inject_has_words(in) && !python_of(in).merge)
		return true;
	in->changes_seen = inject_loader_changes(in);
	if (!tm_maps_read(in->process.pid, &maps, err))
		return false;
	hash = inject_maps_hash(&maps);
	if (hash == in->modules_seen)
		return !in->unsettled || hook_new_unless_python(in, &maps, err);
	in->modules_seen = hash;
	return inject_publish_space(in, &maps, INJECT_GOES_ON, err) &&
	       hook_new_unless_python(in, &maps, err);
}
