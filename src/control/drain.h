/*
 * Nobody inside of tracemalloc when it stops.
 *
 * A thread that allocates from the raw domain without the GIL (lzma and bz2 do, a thread
 * that is new to Python does) waits for the GIL inside of tracemalloc's hook. Until
 * gh-128679 was mended (layout.h), stop() frees the buffer that such a thread goes on to
 * write to, and the process crashes: a program with six threads that read .xz files, at
 * the fourth stop.
 *
 * So before stop() the raw table leads to what tracemalloc has replaced, as a write to it
 * while everything stands still; then those inside come out, as they get the GIL. stop()
 * itself puts the whole table back.
 *
 * A thread reads a table's context and its function one after the other. The functions
 * of CPython itself do not look at their context (contexts.h): over them the context stays,
 * and so does tracemalloc's free(), which takes no GIL; until then no trace outlives its
 * block. Others do look, as the debug hooks: there all five words change, at an instant at
 * which no thread has one of them in a register, or it waits in the kernel, where nobody has
 * read one and not the other.
 *
 * The words are noted down in our mapping before they are changed; the next tmattach puts
 * them back if this one is killed (stray.h).
 *
 * What is not covered: PyTraceMalloc_Track() called without the GIL.
 */
#ifndef TM_CONTROL_DRAIN_H
#define TM_CONTROL_DRAIN_H

#include "control/instant.h"
#include "control/mapping.h"

enum { CONTROL_DRAIN_RANGES = 96 };

struct control_drain {
	struct control_taken taken;
	uint64_t meanwhile[CONTROL_TABLE_WORDS];        /* what stands there then */
	struct tm_range inside[CONTROL_DRAIN_RANGES];   /* the hooks' code */
	size_t n;                                       /* 0: nothing to do */
	bool done;                                      /* they are taken */
};

/* What there is to do before this call; the target may run. */
void control_drain_plan(const struct control_target *target, const struct control_call *call,
			const struct tm_maps *maps, struct control_drain *ret);

/* Take them, the target stands still and our mapping knows them: drain->done, if this is an
 * instant for it. */
bool control_drain_begin(const struct control_target *target, const struct tm_stop *stop,
			 struct control_drain *drain, struct tm_err *err) TM_MUST_CHECK;

/* Is no thread of the stopped target inside? What cannot be known is taken for one that is. */
bool control_drain_is_dry(struct control_view *view, const struct tm_stop *stop,
			  const struct control_drain *drain);

/* After the call: if it was not made, put the words back. The mapping, if it is still
 * there, keeps nobody from tracemalloc any more. */
void control_drain_end(const struct control_target *target,
		       const struct control_mapping *mapping, bool made,
		       struct control_drain *drain);

/* The same after a tmattach that was killed; the target stands still. False: at another
 * instant. */
bool control_drain_recover(const struct control_target *target, const struct tm_stop *stop,
			   const struct tm_maps *maps, const struct control_taken *taken);

#endif
