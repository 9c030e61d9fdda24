/*
 * The words of CPython's allocator tables that hooks stand in (python.c), while they
 * do and on the way back.
 *
 * That is longer than the way in: the program may have copied a word. tracemalloc
 * and profilers keep what they replace, a thread has it in a register or on its
 * stack. All these are given what the word held before (copies.c).
 */
#include <errno.h>

#include "inject/private.h"
#include "inject/words.h"
#include "mem/poke.h"

bool inject_has_words(const struct tm_injection *in)
{
	for (unsigned i = 0; i < TM_PY_WORDS; i++)
		if (in->head.py_words[i].ours)
			return true;
	return false;
}

const struct tm_recorder_py_word *inject_word_of(const struct tm_injection *in,
						 uint64_t hook)
{
	/* Most values that are asked for are none. */
	if (hook - in->code >= in->head.size)
		return NULL;
	for (unsigned i = 0; i < TM_PY_WORDS; i++)
		if (in->head.py_words[i].ours == hook)
			return &in->head.py_words[i];
	return NULL;
}

enum inject_word_state inject_word_state(struct tm_injection *in,
					 const struct tm_recorder_py_word *word)
{
	struct tm_err unreadable;
	uint64_t now;

	if (!word->ours || !tm_mem_u64(in->mem, word->address, &now, &unreadable))
		return INJECT_WORD_FREE;
	return now == word->ours ? INJECT_WORD_OURS :
	       now == word->original || !now ? INJECT_WORD_FREE : INJECT_WORD_TAKEN;
}

bool inject_word_write(struct tm_injection *in, pid_t tid,
		       const struct tm_recorder_py_word *word, uint64_t value,
		       struct tm_err *err)
{
	return tm_poke_word(tid, word->address, value) ||
	       tm_process_explain(&in->process, errno, "cannot write its memory", err);
}

bool inject_words_restore(struct tm_injection *in, struct tm_stop *stop,
			  struct tm_err *err)
{
	for (unsigned i = 0; i < TM_PY_WORDS; i++) {
		const struct tm_recorder_py_word *word = &in->head.py_words[i];

		/* One that is another's by now is left alone. */
		if (inject_word_state(in, word) != INJECT_WORD_OURS)
			continue;
		if (!word->original && !inject_tracer_can_end(in, stop, word))
			return tm_err_set(err, TM_ERR_BUSY, in->process.object,
					  "a thread is always about to tell of an object");
		if (!inject_word_write(in, tm_stop_any(stop), word, word->original, err))
			return false;
	}
	return true;
}
