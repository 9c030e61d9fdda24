/* The stacks of all threads at one instant, before they get names. Private to
 * src/session. */
#ifndef TM_SESSION_THREAD_SAMPLE_H
#define TM_SESSION_THREAD_SAMPLE_H

#include "arch/arch.h"
#include "base/arena.h"
#include "session/look.h"
#include "session/thread_state.h"
#include "tmattach/threads.h"

/* One thread's stacks as they were while it was stopped. */
struct raw_thread {
	pid_t tid; /* 0: Python code whose thread is not known */
	bool stopped; /* its registers are known */
	struct tm_regs regs;
	long syscall;
	struct tm_stack native;
	size_t first_python, npython; /* in the sample's frames */
	bool python_complete;
};

/* A task or greenlet; texts are in the arena. */
struct raw_waiter {
	enum tm_thread_kind kind;
	tm_addr at;
	const char *name, *type, *doing, *waits_for;
	size_t first_python, npython;
	bool complete;
};

struct thread_sample {
	struct tm_threads threads; /* first: what is handed out */
	struct tm_session *session;
	struct py_stack_reader *reader; /* NULL: no Python stacks */
	struct tm_arena arena;
	struct thread_states states;
	struct raw_thread *raw;
	size_t nraw, cap_raw;
	struct tm_frame_view *python; /* of all threads, oldest first each */
	size_t npython, cap_python;
	struct py_stack stack;
	struct raw_waiter *waiters;
	size_t nwaiters, cap_waiters;
	char no_waiters[200];        /* why none were found; "": they were */
};

/* The `read` of a look: fill it in, with the mappings of that instant. */
bool thread_sample_take(void *ctx, const struct tm_instant *instant,
			struct tm_err *err) TM_MUST_CHECK;

/* The frames of a stack into the sample's; returns where they begin. */
size_t thread_sample_frames(struct thread_sample *sample,
			    const struct py_stack *stack);

/* Forget what was taken: the look begins again. */
void thread_sample_forget(struct thread_sample *sample);

/* Why there are no Python stacks. */
void thread_sample_note(struct thread_sample *sample, const struct tm_err *why);
struct tm_text thread_sample_text(struct thread_sample *sample, const char *s);

#endif
