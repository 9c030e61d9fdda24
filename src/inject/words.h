/* Hooks in words: the allocator tables of CPython, and who is told of its objects. Private to
 * src/inject. */
#ifndef TM_INJECT_WORDS_H
#define TM_INJECT_WORDS_H

#include "inject/private.h"

/* ---- python.c -------------------------------------------------------------------- */

/* Put the hooks into the words, and open the gate, unless others come first. TM_ERR_BUSY
 * if the words are not what they were. */
bool inject_words_hook(struct tm_injection *in, const struct tm_inject_python *python,
		       bool opens, struct tm_err *err);

/* ---- words.c: the words that hooks stand in ---------------------------------------- */

bool inject_has_words(const struct tm_injection *in);
/* The word that this hook is for; NULL: it is none. */
const struct tm_recorder_py_word *inject_word_of(const struct tm_injection *in,
						 uint64_t hook);

enum inject_word_state {
	INJECT_WORD_OURS,
	INJECT_WORD_FREE,  /* what it held before, or nobody's */
	INJECT_WORD_TAKEN, /* another's, who may have a copy of ours */
};

enum inject_word_state inject_word_state(struct tm_injection *in,
					 const struct tm_recorder_py_word *word);
bool inject_word_write(struct tm_injection *in, pid_t tid,
		       const struct tm_recorder_py_word *word, uint64_t value,
		       struct tm_err *err);
/* Put back what stood in the words, as far as they are still ours. TM_ERR_BUSY: the last
 * has to wait for an instant at which no thread is about to call it. */
bool inject_words_restore(struct tm_injection *in, struct tm_stop *stop,
			  struct tm_err *err);

/* ---- tracer.c: the word that holds 0 without us --------------------------------------- */

/* Is no thread between looking at the word and calling what is in it? */
bool inject_tracer_can_end(struct tm_injection *in, struct tm_stop *stop,
			   const struct tm_recorder_py_word *word);
/* The hook's address words[0], of `left` on a stack: is it a variable, which may hold 0
 * as well? Not where it may be called next. */
bool inject_tracer_rests(pid_t tid, const uint64_t *words, size_t left, tm_addr at);
/* Another has taken this word: may it have kept our hook, to call it? */
bool inject_word_kept(struct tm_injection *in, const struct tm_recorder_py_word *word);

/* ---- copies.c: copies of the words ----------------------------------------- */

struct inject_copy {
	tm_addr at;  /* of a thread: the register's number in DWARF */
	pid_t tid;   /* 0: in memory */
	uint64_t ours, original;
};

struct inject_copies {
	struct inject_copy *items;
	size_t n, cap;
};

/* False: there are too many. */
bool inject_copies_add(struct inject_copies *copies, const struct inject_copy *copy);
bool inject_copies_have(const struct inject_copies *copies, uint64_t ours);
/* Have them be what the words held, where they are still there. */
bool inject_copies_replace(struct tm_injection *in, struct tm_stop *stop,
			   const struct inject_copies *copies, struct tm_err *err);
void inject_copies_free(struct inject_copies *copies); /* works as a guard */

/* ---- copies_find.c ------------------------------------------------------------------- */

/* In the data of all images, while the program runs. *ret_all: is it certain that
 * there are no others? */
bool inject_copies_search(struct tm_injection *in, struct inject_copies *ret,
			  bool *ret_all, struct tm_err *err);

#endif
