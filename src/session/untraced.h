/*
 * Which of malloc's blocks the recorder has not seen: those from before its start. Private
 * to src/session.
 */
#ifndef TM_SESSION_UNTRACED_H
#define TM_SESSION_UNTRACED_H

#include "heap/glibc.h"
#include "session/look.h"
#include "trace/recorder_copy.h"

/* The recorder's table at the instant, or not: `copy->slots` stays NULL where there is
 * none, it samples, or it has too many blocks to be read while the process is stopped. */
void tm_untraced_take(struct tm_session *session, struct tm_recorder_copy *copy);

/* ret->has_untraced and what goes with it, of malloc's chunks at that instant. */
void tm_untraced_read(const struct tm_recorder_copy *copy, const struct heap_glibc *heap,
		      const struct tm_instant *instant, const struct tm_maps *maps,
		      struct tm_memory *ret);

#endif
