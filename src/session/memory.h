/*
 * The figures of tm_session_memory(), by a look of their own or along with a look that
 * reads something else: then the process is stopped, and copied, once for both.
 * Private to src/session.
 */
#ifndef TM_SESSION_MEMORY_H
#define TM_SESSION_MEMORY_H

#include "session/look.h"

struct tm_figures;

/* Ready to be read into *ret, which must stay. NULL with *err: the process is gone. */
struct tm_figures *tm_figures_create(struct tm_session *session, struct tm_memory *ret,
				     struct tm_err *err) TM_MUST_CHECK;
void tm_figures_destroy(struct tm_figures *figures); /* NULL is fine */

/* For the look that takes them along. It needs the mappings of its instant
 * (tm_look.maps), */
/* ... reads about so many bytes more, */
uint64_t tm_figures_bytes(const struct tm_figures *figures);
/* ... asks the kernel while the process is stopped (tm_look.stopped), */
void tm_figures_of_kernel(struct tm_figures *figures);
/* ... and reads; again if its instant was a bad one. */
void tm_figures_read(struct tm_figures *figures, const struct tm_instant *instant);

/* What nobody has read, or was being changed at that instant: other instants are tried.
 * ret->pause_ns is what these took. */
void tm_figures_finish(struct tm_figures *figures);

#endif
