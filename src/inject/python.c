/*
 * Bringing hooks into CPython: it calls its allocators through words in its
 * memory, in which the hooks are put, and no code changes. A word is exchanged by
 * one aligned write while all threads are stopped, wherever they stand; a thread
 * that has read the word before calls what stood there then.
 */
#include <string.h>

#include "base/guard.h"
#include "inject/private.h"
#include "inject/words.h"
#include "inject/recorder_image.h"

static bool word_is_as_surveyed(struct tm_injection *in,
				const struct tm_recorder_py_word *word, struct tm_err *err)
{
	uint64_t now;

	if (!tm_mem_u64(in->mem, word->address, &now, err))
		return false;
	return (now == word->original && word->address % sizeof(now) == 0) ||
	       tm_err_set(err, TM_ERR_BUSY, in->process.object,
			  "its allocators change while we look");
}

/* The hook of free() sees what raw gives back, too. */
static bool is_hooked_below(const struct tm_inject_python *python, unsigned word)
{
	return python->facts.flags & TM_PY_WITH_C && word == tm_py_word(TM_PY_RAW, TM_PY_FREE);
}

/* Which hooks there will be; nothing is written yet. */
static bool choose(struct tm_injection *in, const struct tm_inject_python *python,
		   struct tm_err *err)
{
	struct tm_recorder_py_word words[TM_PY_WORDS];

	for (unsigned i = 0; i < TM_PY_WORDS; i++) {
		uint32_t hook = tm_recorder_py_hooks[python->facts.set][i];

		words[i] = python->words[i];
		if (!hook || !words[i].address || is_hooked_below(python, i))
			continue;
		words[i].ours = in->code + hook;
		if (!word_is_as_surveyed(in, &words[i], err))
			return false;
	}
	memcpy(in->head.py_words, words, sizeof(words));
	return true;
}

static bool hook_words(struct tm_injection *in, pid_t tid, bool opens, struct tm_err *err)
{
	const struct tm_recorder_gate open = { .enabled = 1 };

	for (unsigned i = 0; i < TM_PY_WORDS; i++) {
		const struct tm_recorder_py_word *word = &in->head.py_words[i];

		if (word->ours && !inject_word_write(in, tid, word, word->ours, err))
			return false;
	}
	/* Now, while nobody counts: hooks begin with what stands there. */
	return !opens || inject_poke(in, tid, in->head.gate, &open, sizeof(open), err);
}

/* *ret_again: perhaps at another instant. */
static bool try_hook(struct tm_injection *in, const struct tm_inject_python *python,
		     bool opens, bool *ret_again, struct tm_err *err)
{
	TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	pid_t tid;

	if (!inject_stand(in, &stop, &maps, err) || !inject_is_alone(in, &maps, err))
		return false;
	tid = tm_stop_any(&stop);
	if (!tid)
		return tm_err_set(err, TM_ERR_BUSY, in->process.object,
				  "none of its threads can be stopped");
	*ret_again = true;
	if (!python->proved(python->ctx, &stop, err) || !choose(in, python, err))
		return false;
	*ret_again = false;
	/* The head tells of the words before they change. */
	return inject_write_head(in, tid, err) && hook_words(in, tid, opens, err);
}

bool inject_words_hook(struct tm_injection *in, const struct tm_inject_python *python,
		       bool opens, struct tm_err *err)
{
	/* A thread that is just entering a function may have a frame that leads nowhere yet:
	 * what contradicts us for longer than that does so for good. */
	enum { MAX_TRIES = 100, CONTRADICTED_TRIES = 5 };

	for (unsigned tries = 0; tries < MAX_TRIES; tries++) {
		bool again = false;

		if (tries)
			inject_pause(tries);
		if (try_hook(in, python, opens, &again, err))
			return true;
		if (err->kind != TM_ERR_BUSY && !(again && tries < CONTRADICTED_TRIES))
			return false;
	}
	return false;
}
