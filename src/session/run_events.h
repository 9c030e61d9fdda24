/*
 * What happens to a watched program, from its exec to its end. All of it runs
 * on the thread that has attached to the command; unless a function says
 * otherwise, the command's main thread is in a stop of ours. Private to
 * src/session.
 */
#ifndef TM_SESSION_RUN_EVENTS_H
#define TM_SESSION_RUN_EVENTS_H

#include "session/run_program.h"

/* It has called exec; its loader runs next. */
void run_program_begins(struct run_program *program);
/* `program` is a copy of its parent's: from now on it describes the child, whose
 * memory is its own if it is `copied`. */
void run_program_forked(struct run_program *program, pid_t child, bool copied);
/* In a stop for `sig`, of a signal or at a system call: handles the stop if it is
 * the one we wait for, and returns whether it was. */
bool run_program_trap(struct run_program *program, int sig);
/* Is it still to be watched if its end is of no interest, because its interpreter
 * or another program in its place is to come? */
bool run_program_waits(const struct run_program *program);
/* Resumes it, with a signal or 0. */
void run_program_go_on(const struct run_program *program, int sig);
/* Its last moment in the kernel: takes the last snapshot, or says why there is
 * none. */
void run_program_ends(struct run_program *program);

/* We let go of it for a moment, or are back. Meanwhile its interpreter waits
 * instead of ending. */
void run_program_away(struct run_program *program, bool away);
/* A snapshot of a command that runs and has no tracer; none after the last. */
void run_program_sample(struct run_program *program);
/* We have attached to it again; it may have become another. */
void run_program_again(struct run_program *program);

#endif
