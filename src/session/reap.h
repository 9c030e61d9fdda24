/* Copies of a process (remote/freeze.h) that are dead, and its zombies still. Private to
 * src/session. */
#ifndef TM_SESSION_REAP_H
#define TM_SESSION_REAP_H

#include "session/subject.h"

/*
 * Have the process forget them, within an act. If that fails it is noted, and nothing else:
 * a zombie holds only a pid, and the next attach tries again. Returns for how long the process
 * was stopped, in ns.
 */
uint64_t tm_reap(struct tm_session *session);

/* The same where a tmattach that was killed has left some; else it costs no stop. */
uint64_t tm_reap_stale(struct tm_session *session);

#endif
