/*
 * Some calls (epoll_wait, sigtimedwait, semop, sockets with a timeout) return
 * EINTR after any stop (signal(7), at its end). The program must not see it.
 */
#ifndef TM_TARGET_RESTART_H
#define TM_TARGET_RESTART_H

#include <sys/types.h>

/* If the stopped thread is about to see such an EINTR, and no signal is the
 * reason, have its call executed again. */
void tm_restart_call(pid_t pid, pid_t tid);

#endif
