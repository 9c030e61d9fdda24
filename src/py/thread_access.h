/*
 * How code in a thread finds the frames that it runs: where its PyThreadState is, what
 * leads from there to its frames, and what their code objects say. That the way is
 * right is proved on all threads of a stopped process.
 */
#ifndef TM_PY_THREAD_ACCESS_H
#define TM_PY_THREAD_ACCESS_H

#include "py/pystack.h"

enum py_access_kind {
	PY_ACCESS_NONE,
	PY_ACCESS_GLOBAL,   /* a word of the process, at address `at` */
	PY_ACCESS_THREAD,   /* at the thread pointer + `at`, which is a signed number */
	PY_ACCESS_IMAGE,    /* at `at` in what the thread has of image `image` (the
	                     * loader's number for it): arch/arch.h, tm_code_local() */
	PY_ACCESS_IMAGE_MUSL, /* the same where the C library is musl */
	PY_ACCESS_POINTED,  /* `at` behind what the word at the thread pointer + `image`
	                     * points to */
};

/* A word that holds the address of a PyThreadState, or 0. */
struct py_access {
	enum py_access_kind kind;
	uint64_t at, image;
};

struct py_thread_access {
	/*
	 * The state that is running: _PyThreadState_UncheckedGet(). Until 3.11 there
	 * is one word for all threads, which is only right for the one that holds the
	 * GIL; later one a thread, 0 while it is detached.
	 */
	struct py_access attached;
	/* The first state of this thread, attached or not: what
	 * PyGILState_GetThisThreadState() returns. NONE where it cannot be read: its
	 * key is not among the first, or the C library is not known. */
	struct py_access known;
	/* Offsets. */
	struct py_stack_fields fields;
	uint16_t code_traceable;  /* of _co_firsttraceable; PY_ABSENT before 3.11 */
	unsigned foreign_owner;   /* see struct py_stack_layout */
	tm_addr initialized;      /* int: of the runtime */
	tm_addr finalizing;       /* PyThreadState *: of the thread that ends it */
};

/* Of a process that runs or stands still. TM_ERR_UNSUPPORTED where the code does not
 * tell. */
bool py_thread_access_find(struct tm_mem *mem, const struct tm_maps *maps,
			   const struct py_runtime *runtime,
			   struct py_thread_access *ret, struct tm_err *err) TM_MUST_CHECK;

/*
 * With all threads stopped: the runtime is up and does not end; each word holds nothing
 * or a state of the thread that looks there, and some thread's state was seen; the
 * frames of all states read to their end. Threads that could not be stopped have
 * `self` UINT64_MAX. TM_ERR_UNSUPPORTED if anything contradicts; TM_ERR_BUSY while the
 * runtime begins or ends.
 */
bool py_thread_access_prove(struct tm_mem *mem, const struct py_runtime *runtime,
			    const struct py_thread_access *access,
			    const struct py_thread *threads, size_t nthreads,
			    struct tm_err *err) TM_MUST_CHECK;

/* What the thread with this thread pointer finds in the word; 0 also where it has no
 * such word yet. */
bool py_access_read(struct tm_mem *mem, const struct py_access *access, uint64_t self,
		    tm_addr *ret, struct tm_err *err) TM_MUST_CHECK;

#endif
