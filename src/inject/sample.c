/*
 * Reading the table. While it is read the target runs: what it changes meanwhile the
 * recorder notes down (trace/recorder_look.h), in a part of the table of which no more
 * is used than the target's memory limits allow.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/guard.h"
#include "base/log.h"
#include "inject/private.h"
#include "target/clock.h"
#include "target/headroom.h"
#include "target/late.h"
#include "trace/recorder_look.h"
#include "trace/recorder_peak.h"

enum progress { FAILED, AGAIN, DONE };

enum {
	MAX_TRIES = 200,     /* of an instant */
	MAX_ENDS = 5,        /* the same, for what only gives memory back */
	MAX_LOOKS = 5,       /* that another tmattach disturbs, or a thread at a bad place */
	OTHER_MS = 1000,     /* for another's look to end; one that was killed does not */
	LEAST_ROOM = 1 << 20,
	KEPT = 1 << 20,      /* of the journal: not worth another stop */
};

void tm_inject_sampled_free(struct tm_inject_sampled *sampled)
{
	free(sampled->threads);
	sampled->threads = NULL;
	sampled->nthreads = 0;
}

static void note_threads(const struct tm_stop *stop, struct tm_inject_sampled *sampled)
{
	struct tm_regs regs;

	free(sampled->threads);
	sampled->threads = tm_calloc(stop->n, sizeof(*sampled->threads));
	sampled->nthreads = 0;
	for (size_t i = 0; i < stop->n; i++)
		if (tm_thread_stands(&stop->threads[i]) &&
		    tm_regs_get(stop->threads[i].tid, &regs))
			sampled->threads[sampled->nthreads++] = (struct tm_inject_thread){
				stop->threads[i].tid, tm_regs_tls(&regs),
			};
}

/* ---- while it is stopped ----------------------------------------------------------- */

static bool read_stopped(struct tm_injection *in, struct tm_recorder_copy *copy,
			 struct tm_inject_sampled *sampled, struct tm_err *err)
{
	TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
	bool ok;

	if (!tm_stop_all(&in->process, INJECT_STOP_MS, &stop, err))
		return false;
	ok = tm_recorder_copy_take(copy, in->table_mem, in->head.table, err) &&
	     tm_recorder_peak_read(copy, in->table_mem, in->head.table, false, err) &&
	     inject_maps_take(in, copy, err);
	note_threads(&stop, sampled);
	sampled->pause_ns += tm_stop_release(&stop);
	return ok;
}

static bool sample_stopped(struct tm_injection *in, struct tm_recorder_copy *copy,
			   struct tm_inject_sampled *sampled, struct tm_err *err)
{
	for (unsigned tries = 0; tries < MAX_TRIES; tries++) {
		if (tries)
			inject_pause(tries);
		if (read_stopped(in, copy, sampled, err))
			return true;
		if (err->kind != TM_ERR_BUSY)
			return false;
	}
	return false;
}

/* ---- while it runs ------------------------------------------------------------------ */

static bool read_head(struct tm_injection *in, struct tm_recorder_table *ret,
		      struct tm_err *err)
{
	return inject_peek_table(in, 0, ret, sizeof(*ret), err) &&
	       (inject_table_valid(ret, in->head.table_size) ||
		tm_err_set(err, TM_ERR_CORRUPT, in->process.object,
			   "the recorder's table is damaged"));
}

/* Another tmattach reads; it may have been killed. */
static bool await_other(struct tm_injection *in, struct tm_recorder_table *ret,
			struct tm_err *err)
{
	uint64_t deadline = tm_now_ns() + OTHER_MS * TM_NS_PER_MS;

	for (;;) {
		if (!read_head(in, ret, err))
			return false;
		if (!ret->look || tm_now_ns() > deadline)
			return true;
		tm_sleep_ns(TM_NS_PER_MS);
		tm_late_poll();
	}
}

/* The journal is memory of the target's cgroup: half of what that has left is the
 * target's. */
static bool find_room(const struct tm_injection *in, struct tm_recorder_table *table,
		      struct tm_err *err)
{
	uint64_t left = tm_process_headroom(in->process.pid) / 2;

	table->journal_room = left < table->journal_size ? left : table->journal_size;
	return left >= LEAST_ROOM ||
	       tm_err_set(err, TM_ERR_LIMIT, in->process.object,
			  "its cgroup has no memory left for what changes meanwhile");
}

static bool write_look(struct tm_injection *in, const struct tm_recorder_table *table,
		       struct tm_err *err)
{
	const struct { size_t at; uint64_t value; } words[] = {
		{ offsetof(struct tm_recorder_table, looks), table->look },
		{ offsetof(struct tm_recorder_table, journal_tail), 0 },
		{ offsetof(struct tm_recorder_table, journal_room), table->journal_room },
		{ offsetof(struct tm_recorder_table, look), table->look },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!inject_poke_table(in, words[i].at, &words[i].value,
				       sizeof(words[i].value), err))
			return false;
	return true;
}

/* It stands still. table->look becomes the number of ours, which is no other's. */
static bool mark_instant(struct tm_injection *in, struct tm_recorder_table *table,
			 struct tm_recorder_copy *copy, struct tm_err *err)
{
	if (!tm_recorder_look_begin(copy, in->table_mem, in->head.table, err) ||
	    !inject_maps_take(in, copy, err))
		return false;
	copy->table.look = copy->table.looks + 1;
	copy->table.journal_room = table->journal_room;
	*table = copy->table;
	return write_look(in, table, err);
}

static bool begin_look(struct tm_injection *in, struct tm_recorder_table *table,
		       struct tm_recorder_copy *copy, struct tm_inject_sampled *sampled,
		       struct tm_err *err)
{
	TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
	bool ok;

	if (!inject_stand(in, &stop, NULL, err))
		return false;
	ok = mark_instant(in, table, copy, err);
	note_threads(&stop, sampled);
	sampled->pause_ns += tm_stop_release(&stop);
	return ok;
}

static bool read_running(struct tm_injection *in, struct tm_recorder_copy *copy,
			 struct tm_err *err)
{
	for (uint32_t i = 0; i < TM_RECORDER_SHARDS; i++) {
		if (!tm_recorder_look_shard(copy, in->table_mem, in->head.table, i, err))
			return false;
		tm_late_poll();
	}
	return tm_recorder_look_changes(copy, in->table_mem, in->head.table, err) &&
	       tm_recorder_peak_read(copy, in->table_mem, in->head.table, true, err);
}

/* Without the table's file the target gives the memory back itself: where that is
 * much, and not at any price. */
static void give_back(struct tm_injection *in, struct tm_stop *stop,
		      const struct tm_recorder_table *table, uint64_t used)
{
	uint64_t size = (used + TM_PAGE - 1) / TM_PAGE * TM_PAGE;
	struct tm_remote remote;
	struct tm_err err;

	if (size == 0 || inject_punch_file(in, table->journal, size) || size <= KEPT)
		return;
	if (tm_remote_begin(stop, in->insn, &remote, &err)) {
		if (!inject_punch(in, &remote, table->journal, size, &err))
			tm_log("what was noted down stays in memory: %s", err.cause);
		tm_remote_end(&remote);
	}
}

/* What was noted down and is no more used: by us, and by one that was killed. */
static uint64_t used(const struct tm_recorder_table *then, const struct tm_recorder_table *now)
{
	uint64_t most = then->journal_tail > now->journal_tail ? then->journal_tail
							       : now->journal_tail;

	return most < now->journal_size ? most : now->journal_size;
}

static bool write_word(struct tm_injection *in, size_t at, struct tm_err *err)
{
	const uint64_t none = 0;

	return inject_poke_table(in, at, &none, sizeof(none), err);
}

/* No more is noted down; nor will anything be, if no thread is in the middle of a change.
 * It is so in the stop: another's look may follow it at once. AGAIN: one is. */
static enum progress try_to_end(struct tm_injection *in, const struct tm_recorder_table *table,
				uint64_t *pause_ns, struct tm_err *err)
{
	TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
	struct tm_recorder_table now;
	enum progress progress = FAILED;

	if (!inject_stand(in, &stop, NULL, err) || !read_head(in, &now, err) ||
	    (now.look && now.look != table->look) || now.looks != table->look)
		return FAILED;
	if (write_word(in, offsetof(struct tm_recorder_table, look), err))
		progress = AGAIN;
	if (progress == AGAIN && tm_recorder_look_rests(&now, in->table_mem, in->head.table, err)) {
		give_back(in, &stop, &now, used(table, &now));
		progress = write_word(in, offsetof(struct tm_recorder_table, journal_tail), err)
			? DONE : FAILED;
	}
	*pause_ns += tm_stop_release(&stop);
	return progress;
}

static bool is_ours(struct tm_injection *in, const struct tm_recorder_table *table,
		    struct tm_recorder_table *ret_now)
{
	struct tm_err err;

	return read_head(in, ret_now, &err) && ret_now->look == table->look;
}

/* If it is still ours. What cannot be ended now is by who looks next. `pause_ns`: NULL: no
 * stop for it. */
static void end_look(struct tm_injection *in, const struct tm_recorder_table *table,
		     uint64_t *pause_ns)
{
	enum progress progress = AGAIN;
	struct tm_recorder_table now;
	struct tm_err err = { 0 };

	/* Nothing was noted down: no need to stop it for that. */
	if (!pause_ns || (in->table_fd >= 0 && table->journal_tail == 0)) {
		if (!is_ours(in, table, &now))
			return;
		if (!pause_ns || now.journal_tail == 0) {
			write_word(in, offsetof(struct tm_recorder_table, look), &err);
			return;
		}
	}
	for (unsigned tries = 0; tries < MAX_ENDS && progress == AGAIN; tries++) {
		if (tries)
			inject_pause(tries);
		progress = try_to_end(in, table, pause_ns, &err);
	}
	if (progress != DONE)
		tm_log("the look is not ended: %s", err.cause);
}

static bool look_once(struct tm_injection *in, struct tm_recorder_copy *copy,
		      struct tm_inject_sampled *sampled, struct tm_err *err)
{
	struct tm_recorder_table table;
	bool ok;

	if (!await_other(in, &table, err) || !find_room(in, &table, err) ||
	    !begin_look(in, &table, copy, sampled, err))
		return false;
	ok = read_running(in, copy, err);
	end_look(in, &table, &sampled->pause_ns);
	if (ok)
		tm_recorder_look_end(copy);
	return ok;
}

static bool sample_briefly(struct tm_injection *in, struct tm_recorder_copy *copy,
			   struct tm_inject_sampled *sampled, struct tm_err *err)
{
	for (unsigned tries = 0; tries < MAX_LOOKS; tries++) {
		if (tries)
			inject_pause(tries);
		if (look_once(in, copy, sampled, err))
			return true;
		if (err->kind != TM_ERR_BUSY)
			return false;
	}
	return false;
}

bool tm_inject_sample(struct tm_injection *in, enum tm_inject_reading how,
		      struct tm_recorder_copy *copy, struct tm_inject_sampled *ret,
		      struct tm_err *err)
{
	TM_GUARD(tm_inject_sampled_free) struct tm_inject_sampled sampled = { 0 };
	bool ok = false;

	/* One that is held executes nothing more for us: it may be ending. */
	if (in->process.held)
		how = TM_INJECT_STOPPED;
	else if (!tm_inject_refresh(in, err))
		tm_log("refresh: %s", err->cause);
	if (how != TM_INJECT_STOPPED) {
		ok = sample_briefly(in, copy, &sampled, err);
		if (!ok && err->kind != TM_ERR_BUSY && err->kind != TM_ERR_LIMIT)
			return false;
		if (!ok && how == TM_INJECT_ONLY_BRIEFLY)
			return tm_err_hint(err, "--no-fork reads it while the process is stopped");
		if (!ok)
			snprintf(sampled.why, sizeof(sampled.why), "%s", err->cause);
	}
	if (!ok && !sample_stopped(in, copy, &sampled, err))
		return false;
	copy->has_clock = tm_process_clock(in->process.pid, &copy->clock);
	tm_recorder_peak_apply(copy);
	if (ret) {
		*ret = sampled;
		sampled.threads = NULL;
	}
	return true;
}

/* ---- at an instant of others --------------------------------------------------------- */

struct tm_inject_look {
	struct tm_injection *in;
	struct tm_recorder_table table;
	struct tm_recorder_copy *copy;
	bool begun;
};

struct tm_inject_look *tm_inject_look_create(struct tm_injection *in,
					     struct tm_recorder_copy *copy)
{
	struct tm_inject_look *look = tm_calloc(1, sizeof(*look));

	look->in = in;
	look->copy = copy;
	return look;
}

bool tm_inject_look_prepare(struct tm_inject_look *look, struct tm_err *err)
{
	return await_other(look->in, &look->table, err) &&
	       find_room(look->in, &look->table, err);
}

bool tm_inject_look_begin(struct tm_inject_look *look, struct tm_err *err)
{
	look->begun = mark_instant(look->in, &look->table, look->copy, err);
	return look->begun;
}

bool tm_inject_look_read(struct tm_inject_look *look, bool held, struct tm_err *err)
{
	uint64_t pause_ns = 0;
	bool ok;

	if (!look->begun)
		return tm_err_set(err, TM_ERR_BUSY, "the recorder's table",
				  "no look at it has begun");
	ok = read_running(look->in, look->copy, err);
	end_look(look->in, &look->table, held ? NULL : &pause_ns);
	look->begun = false;
	if (ok)
		tm_recorder_look_end(look->copy);
	return ok;
}

void tm_inject_look_destroy(struct tm_inject_look *look)
{
	/* Without the table's file it is written to in a stop alone. */
	if (look && look->begun && look->in->table_fd >= 0)
		end_look(look->in, &look->table, NULL);
	free(look);
}
