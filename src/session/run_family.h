/*
 * The children of a watched command, and theirs: each of them is a program that is
 * watched as the command is. Private to src/session.
 *
 * Processes that a main thread forks or starts are followed; those that another
 * thread starts are not seen, nor those that are started while we are detached for
 * a snapshot.
 */
#ifndef TM_SESSION_RUN_FAMILY_H
#define TM_SESSION_RUN_FAMILY_H

#include "session/run_program.h"

struct run_family {
	struct run_program **members;
	size_t n, cap;
	bool any_final; /* one of them has left its last snapshot */
};

/* `parent` is in the stop of its fork (`copied`) or vfork; the caller resumes it. */
void run_family_add(struct run_family *family, const struct run_program *parent, bool copied);
/* What has happened to them since. */
void run_family_collect(struct run_family *family);
/* A snapshot of each. */
void run_family_sample(struct run_family *family);
/* Detaches from those that are left. */
void run_family_free(struct run_family *family);

#endif
