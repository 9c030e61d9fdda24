/* Tasks and greenlets, besides the threads of a sample. Private to src/session. */
#ifndef TM_SESSION_WAITING_H
#define TM_SESSION_WAITING_H

#include "session/thread_sample.h"

/*
 * Look for them too, if the process may have any: from a copy of the instant in
 * which the threads were stopped, because finding them takes longer than one
 * may hold it.
 */
void waiting_prepare(struct thread_sample *sample, struct tm_look *look);

/* Only the threads are shown then; `why` is reported. */
void waiting_give_up(struct thread_sample *sample, struct tm_look *look,
		     const struct tm_err *why);

/* They come after the threads. */
void waiting_fill(struct thread_sample *sample, struct tm_thread_info *infos);

#endif
