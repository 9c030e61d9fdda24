/*
 * The door between the loader and a program: where the loader is told to hand
 * over to the program (AT_ENTRY on the new stack) stands a piece of code of
 * ours, in unused bytes at the end of a page of code. It makes one system call
 * without effect, by which a tracer of system calls notices it, and goes on
 * to the program's own entry point, whether there is a tracer or not: no
 * breakpoint, no signal, nothing that needs us. Private to src/session.
 */
#ifndef TM_SESSION_RUN_DOOR_H
#define TM_SESSION_RUN_DOOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "mem/mem.h"

enum { RUN_DOOR_WORDS = 3 };

struct run_door {
	tm_addr entry; /* the program's own */
	tm_addr slot;  /* where the loader reads it */
	tm_addr at;    /* our code; 0: there is none */
	uint64_t under[RUN_DOOR_WORDS]; /* what was there */
};

/* `pid` is in the stop of its exec. Without a loader it is at the entry
 * point: then there is no code of ours. False with *ret_why (static). */
bool run_door_open(pid_t pid, struct run_door *ret, const char **ret_why);
/* In a stop at a system call: is it the call that our code makes? */
bool run_door_reached(pid_t pid, const struct run_door *door);
/* It has made that call: on to the entry point, and everything put back. */
void run_door_pass(pid_t pid, struct run_door *door);

#endif
