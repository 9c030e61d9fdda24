/*
 * The instant at which the loader has loaded all libraries and has not yet called a
 * constructor of theirs. glibc's tells debuggers so by a function that does nothing
 * (_dl_debug_state()). Until then that function makes a system call without effect, by which
 * a tracer of system calls notices it: as at the door (run_door.h), nothing there needs us.
 * musl calls constructors behind the program's entry point: the door comes before them.
 * Private to src/session.
 */
#ifndef TM_SESSION_RUN_LOADER_H
#define TM_SESSION_RUN_LOADER_H

#include <stdbool.h>
#include <sys/types.h>

#include "mem/mem.h"

struct run_loader {
	tm_addr function; /* where it is called; 0: it is as it was, or there is none */
	tm_addr at;       /* the word of it that is ours */
	uint64_t under;   /* what was there */
	tm_addr state;    /* r_state of _r_debug */
	bool adding;      /* it has begun to load them */
};

/* `pid` is in the stop of its exec. What cannot be done is only logged: the door is still to
 * come. */
void run_loader_watch(pid_t pid, struct run_loader *ret);
/* In a stop at a system call: is it the call that the loader's function makes? */
bool run_loader_speaks(pid_t pid, const struct run_loader *loader);
/* And is it the one after which constructors are called? */
bool run_loader_is_done(pid_t pid, struct run_loader *loader);
/* The function is what it was. */
void run_loader_drop(pid_t pid, struct run_loader *loader);
/* The same in the call that it has made: from its beginning again. */
void run_loader_leave(pid_t pid, struct run_loader *loader);

#endif
