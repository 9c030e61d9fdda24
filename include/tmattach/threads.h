/*
 * What every thread of a process is doing: its native stack, and for CPython
 * the Python stack beside it.
 */
#ifndef TMATTACH_THREADS_H
#define TMATTACH_THREADS_H

#include <sys/types.h>

#include "tmattach/model.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* exported by the library */

struct tm_thread_info {
	pid_t tid;
	char name[32];         /* the kernel's, "" if unknown */
	char state;            /* as in ps(1): R, S, D, T, Z...; before the stop */
	char syscall[32];      /* the system call it is in; "" if in none */
	/*
	 * Frames run oldest first, inlined calls among them. Empty if the
	 * thread could not be stopped (state D). `function` of a frame is set
	 * for Python frames too (the qualified name from 3.11 on).
	 */
	const struct tm_frame_view *native;
	size_t nnative;
	bool native_complete;  /* the oldest frame is the thread's first */
	const struct tm_frame_view *python;
	size_t npython;
	bool python_complete;
};

struct tm_threads {
	struct tm_meta meta;   /* pid, runtime ("" if no CPython), command,
				  taken_at, pause_ns */
	const struct tm_thread_info *threads; /* by tid, the main thread first */
	size_t n;
	char note[256];        /* why Python stacks are missing; "" if they are not */
};

struct tm_thread_reader;

/*
 * Works for any process that can be attached to; the process is not stopped.
 * The reader keeps symbols, so use one for repeated samples. One thread at a
 * time may use it.
 */
struct tm_thread_reader *tm_thread_reader_open(pid_t pid,
					       struct tm_err *err) TM_MUST_CHECK;
void tm_thread_reader_close(struct tm_thread_reader *reader); /* NULL is fine */

/* All threads at one instant. Independent of the reader. NULL with *err. */
struct tm_threads *tm_threads_sample(struct tm_thread_reader *reader,
				     struct tm_err *err) TM_MUST_CHECK;
void tm_threads_destroy(struct tm_threads *threads); /* NULL is fine */

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
