#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"
#include "inject/private.h"
#include "inject/words.h"

/* A few attempts for what has been tried at length. */
enum { MAX_DRAINS = 400, SWEEP_DRAINS = 30 };

static size_t code_ranges(const struct tm_injection *in, struct tm_range *ret)
{
	size_t n = 0;

	ret[n++] = (struct tm_range){ in->code, in->code + in->head.size };
	for (uint32_t i = 0; i < in->head.nnear; i++)
		ret[n++] = (struct tm_range){
			in->head.near[i].address,
			in->head.near[i].address + in->head.near[i].size,
		};
	return n;
}

enum progress { FAILED, AGAIN, DONE };

/* With all threads stopped and none in our code: unmap it. */
static enum progress unmap(struct tm_injection *in, struct tm_stop *stop,
			   const struct inject_calls *calls, struct tm_err *err)
{
	struct tm_remote remote;
	bool done;

	if (!tm_remote_begin(stop, in->insn, &remote, err))
		return err->kind == TM_ERR_BUSY ? AGAIN : FAILED;
	done = inject_leave(in, calls, err);
	/* Nothing leads into our code any more: the others may go on. */
	if (done)
		tm_stop_keep(stop, remote.host);
	done = done && inject_unmap_all(in, &remote, err);
	tm_remote_end(&remote);
	return done ? DONE : FAILED;
}

/* `data`: copies that were found where no thread has them. */
static enum progress drain(struct tm_injection *in, bool unwind,
			   const struct inject_copies *data, struct tm_err *err)
{
	TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
	TM_GUARD(tm_free_ptr) struct inject_calls *calls = tm_calloc(1, sizeof(*calls));
	TM_GUARD(inject_copies_free) struct inject_copies copies = { 0 };
	struct tm_range ranges[TM_RECORDER_MAX_NEAR + 1];
	struct inject_clear what = {
		.ranges = ranges, .unwind = unwind, .copies = &copies,
	};

	if (!inject_stand(in, &stop, NULL, err))
		return FAILED;
	what.n = code_ranges(in, ranges);
	/* Again each time: a step that failed half way is made good. */
	if (!inject_restore(in, &stop, err))
		return err->kind == TM_ERR_BUSY ? AGAIN : FAILED;
	what.calls = inject_can_leave(in) ? calls : NULL;
	if (!inject_clear_of(in, &stop, &what))
		return AGAIN;
	if (!inject_copies_replace(in, &stop, data, err) ||
	    !inject_copies_replace(in, &stop, &copies, err))
		return FAILED;
	return unmap(in, &stop, calls, err);
}

/* Has somebody put others into our words, and keeps ours where we do not see
 * them? They may come back, and must find the hooks then. */
static bool copies_hide(struct tm_injection *in, const struct inject_copies *data)
{
	for (unsigned i = 0; i < TM_PY_WORDS; i++) {
		const struct tm_recorder_py_word *word = &in->head.py_words[i];

		if (inject_word_state(in, word) == INJECT_WORD_TAKEN &&
		    inject_word_kept(in, word) && !inject_copies_have(data, word->ours)) {
			tm_log("the word at %#llx is another's",
			       (unsigned long long)word->address);
			return true;
		}
	}
	return false;
}

static bool close_gate(struct tm_injection *in, struct tm_err *err)
{
	TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
	const uint32_t off = 0;

	return inject_stand(in, &stop, NULL, err) &&
	       (!in->head.gate ||
		inject_poke(in, tm_stop_any(&stop), in->head.gate, &off, sizeof(off), err));
}

static bool try_words_back(struct tm_injection *in, struct tm_err *err)
{
	TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };

	return inject_stand(in, &stop, NULL, err) &&
	       inject_words_restore(in, &stop, err);
}

/* The words first, so that nobody can copy ours any more; then who has. Sets
 * *ret_hide if some copies cannot be found. */
static bool take_words_back(struct tm_injection *in, unsigned drains,
			    struct inject_copies *ret_data, bool *ret_hide, struct tm_err *err)
{
	unsigned tries = 0;
	bool all;

	if (!inject_has_words(in))
		return true;
	while (!try_words_back(in, err)) {
		/* Our code stays as long as a word leads to it. */
		*ret_hide = tries++ == drains;
		if (err->kind != TM_ERR_BUSY || *ret_hide)
			return *ret_hide;
		inject_pause(tries);
	}
	if (!inject_copies_search(in, ret_data, &all, err))
		return false;
	*ret_hide = !all || copies_hide(in, ret_data);
	return true;
}

/*
 * Threads that come back through a hook find the gate closed, and ask no
 * further: the table of a recorder that stays goes without it, unless one of
 * them is just at work there.
 */
static bool unmap_table(struct tm_injection *in, struct tm_err *err)
{
	TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
	const struct tm_range code = { in->code, in->code + in->head.size };
	const struct inject_clear what = {
		.ranges = &code, .n = 1, .unwind = true, .hooks_wait = true,
	};
	struct tm_remote remote;
	bool done;

	if (!inject_stand(in, &stop, NULL, err))
		return false;
	if (!inject_clear_of(in, &stop, &what))
		return tm_err_set(err, TM_ERR_BUSY, in->process.object,
				  "a thread is at the table");
	if (!tm_remote_begin(&stop, in->insn, &remote, err))
		return false;
	done = inject_unmap_table(in, &remote, err) &&
	       inject_write_head(in, remote.host->tid, err);
	tm_remote_end(&remote);
	return done;
}

static bool remove_in(struct tm_injection *in, unsigned drains, bool *ret_left,
		      struct tm_err *err)
{
	enum progress progress = AGAIN;
	TM_GUARD(inject_copies_free) struct inject_copies data = { 0 };
	struct tm_err ignored;
	bool hide = false;

	if (!close_gate(in, err) || !take_words_back(in, drains, &data, &hide, err))
		return false;
	/* Now, not while the target stands still. */
	inject_can_leave(in);
	for (unsigned tries = 0; progress == AGAIN && tries < drains && !hide; tries++) {
		if (tries)
			inject_pause(tries);
		progress = drain(in, inject_unwinds(tries), &data, err);
		tm_log("drain %u: %d", tries, progress);
	}
	if (progress == AGAIN && in->head.table && !unmap_table(in, &ignored))
		tm_log("the table stays, too: %s", ignored.cause);
	if (ret_left)
		*ret_left = progress == AGAIN;
	return progress != FAILED;
}

bool inject_remove(struct tm_injection *in, bool *ret_left, struct tm_err *err)
{
	return remove_in(in, MAX_DRAINS, ret_left, err);
}

bool inject_sweep(struct tm_injection *in, size_t *ret_left, struct tm_err *err)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	bool ok = tm_maps_read(in->process.pid, &maps, err);

	*ret_left = 0;
	for (size_t i = 0; i < maps.n && ok; i++) {
		bool left = false;

		if (inject_look_at(in, &maps, i, err) == INJECT_REMAINS)
			ok = remove_in(in, SWEEP_DRAINS, &left, err);
		*ret_left += left;
	}
	inject_forget(in);
	return ok;
}

bool tm_inject_stop(struct tm_injection *in, bool *ret_left, struct tm_err *err)
{
	bool left = false;
	size_t others = 0;
	bool ok = inject_remove(in, &left, err);

	inject_forget(in);
	ok = ok && (left || inject_sweep(in, &others, err));
	if (ret_left)
		*ret_left = left || others;
	tm_inject_close(in);
	return ok;
}

bool tm_inject_tidy(const struct tm_process *process, bool *ret_left,
		    struct tm_err *err)
{
	struct tm_injection *in = inject_open(process, err);
	enum inject_found found = in ? inject_find(in, err) : INJECT_FAILED;
	size_t left = 0;
	bool ok = found != INJECT_FAILED &&
		  (found != INJECT_REMAINS || inject_sweep(in, &left, err));

	*ret_left = left > 0;
	tm_inject_close(in);
	return ok;
}
