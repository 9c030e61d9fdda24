/*
 * The live view, as the man page describes its keys: a full-screen table of
 * where the memory of one or more processes, or of a snapshot, was allocated.
 * Batch mode is not here but in the command.
 */
#ifndef TUI_TUI_H
#define TUI_TUI_H

#include <sys/types.h>

#include "tmattach/stats.h"
#include "tmattach/process.h"

/* A process to attach to, or a snapshot to browse. */
struct tm_top_source {
	pid_t pid;                          /* 0: `snapshot` is shown */
	const struct tm_snapshot *snapshot; /* borrowed while the view runs */
	const char *name;                   /* the snapshot's file name */
	bool child; /* not asked for by its pid: hidden once it has ended while
		       others run. Must come after all that are not children. */
};

struct tm_top_opts {
	const struct tm_top_source *sources;
	size_t nsources;
	double interval;                  /* seconds between samples; 0: 2 s */
	enum tm_key key;
	bool cumulative;
	struct tm_skip skip; /* its patterns are borrowed */
	const struct tm_filter *filters;  /* copied */
	size_t nfilters;
	struct tm_session_opts session;   /* progress and note are replaced */
	/*
	 * The pid of a new child (as above) to show, too; 0: none. Called at
	 * each interval until it returns 0, on the thread of the sessions. May
	 * be NULL.
	 */
	pid_t (*another)(void *ctx);
	void *another_ctx;
	bool no_color;                    /* NO_COLOR does the same */
	bool ascii;                       /* no graphic characters, whatever the locale */
};

/*
 * Run the view on the terminal of stdin and stdout until the user leaves it.
 * All sessions live on a thread of their own. Call it before other threads
 * exist: it forks a guard that repairs the terminal should this process be
 * killed.
 *
 * False with *err, and the terminal as it was: no usable terminal, or not one
 * source could be attached to (the error of the first). After SIGTERM, SIGHUP
 * or SIGQUIT it does not return: the terminal is restored, the sessions are
 * closed and the process ends by that signal.
 */
bool tm_top_run(const struct tm_top_opts *opts, struct tm_err *err) TM_MUST_CHECK;

#endif
