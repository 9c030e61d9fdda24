/*
 * The loop of the live view: waits for keys, signals and the threads' events,
 * and carries out the reactions of the state. Private to the view's start and
 * end, top.c.
 */
#ifndef TUI_LOOP_H
#define TUI_LOOP_H

#include <signal.h>

#include "sampler.h"
#include "state.h"
#include "tui.h"
#include "worker.h"

struct top {
	const struct tm_top_opts *opts;
	struct state state;
	struct screen screen;
	struct queue *queue;
	struct sampler *sampler; /* NULL: only files */
	struct worker *worker;
	pid_t *pids;             /* of the sources given; 0: a file */
	struct feed_processes processes; /* the first of them, and new ones */
	size_t ntargets;         /* processes among the sources given, */
	size_t nkept;            /* and those of them that are not children */
	int signals;
	sigset_t old_mask;
	int ended_by;            /* a signal to die of; 0: none */
	bool lost;               /* the terminal is gone */
};

/* Wait a moment for the answers of the targets before anything is drawn: a
 * refusal should not flash a screen. */
void loop_wait_for_opening(struct top *top);
/* No source could be attached to, and none will be: true, with the reason. */
bool loop_refused(const struct top *top, struct tm_err *err);

void loop_ask_table(struct top *top);
/* Ask the terminal for its size. */
void loop_resize(struct top *top);

/* Until the user quits, or a signal or the terminal's end does. False as
 * loop_refused(). */
bool loop_run(struct top *top, struct tm_err *err);

#endif
