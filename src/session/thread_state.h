/* Names and states of threads, from /proc. Private to src/session. */
#ifndef TM_SESSION_THREAD_STATE_H
#define TM_SESSION_THREAD_STATE_H

#include <stddef.h>
#include <sys/types.h>

struct thread_state {
	pid_t tid;
	char state;
	char name[32];
};

struct thread_states {
	struct thread_state *items;
	size_t n, cap;
};

/* As they are now; threads that end meanwhile are left out. */
void thread_states_read(struct thread_states *ret, pid_t pid);
void thread_states_free(struct thread_states *states);
/* NULL if it was not there. */
const struct thread_state *thread_states_find(const struct thread_states *states,
					      pid_t tid);

#endif
