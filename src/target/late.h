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

/* Let a traced thread go if it has stopped meanwhile: its system call goes on,
 * and a signal is handed on. False: it has not stopped. */
bool tm_late_detach(pid_t pid, pid_t tid);

void tm_late_add(pid_t pid, pid_t tid);
/* Is it one of them? Then it is the caller's again. */
bool tm_late_take(pid_t tid);

/*
 * Let go what has stopped. Who waits for something else calls it now and then
 * after a stop: a thread that comes back would stand still, and all that wait
 * for its locks with it.
 */
void tm_late_poll(void);
/* The same, and wait some time for those that only lack a processor. */
void tm_late_await_awake(void);
/* Call it before a thread of ours that has stopped something ends. It waits a
 * moment for what is still ours; the kernel detaches the rest, which then may
 * see an EINTR. */
void tm_late_forget(void);

#endif
