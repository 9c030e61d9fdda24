/*
 * Threads that our thread still traces although the stop that it made is over:
 * they were in the kernel (vfork(), a disk) and did not come to a stop in time,
 * and only a stopped thread can be detached. They belong to the thread of ours
 * that traces them (ptrace's rule), and to no stop; the next stop takes them
 * over.
 */
#ifndef TM_TARGET_LATE_H
#define TM_TARGET_LATE_H

#include <stdbool.h>
#include <sys/types.h>

/* Let a traced thread go if it has stopped meanwhile: its system call
 * continues, and a signal is delivered. False: it has not stopped. */
bool tm_late_detach(pid_t pid, pid_t tid);

void tm_late_add(pid_t pid, pid_t tid);
/* Is it one of them? Then it is the caller's again. */
bool tm_late_take(pid_t tid);

/*
 * Detach late threads that have stopped. Call this now and then while waiting
 * for something else after a stop: a thread that comes back would remain
 * stopped, and with it all that wait for its locks.
 */
void tm_late_poll(void);
/* The same, and wait some time for those that only lack a processor. */
void tm_late_await_awake(void);
/* Call it before a thread of ours that has stopped something ends. It waits a
 * moment for those that are still ours; the kernel detaches the rest, which
 * may then see an EINTR. */
void tm_late_forget(void);

#endif
