/* A SOURCE: a process, a snapshot file or a core file, and what was read from
 * it. */
#ifndef TM_CLI_SOURCE_H
#define TM_CLI_SOURCE_H

#include "cli/options.h"
#include "cli/processes.h"
#include "cli/progress.h"
#include "tmattach/core.h"

struct cli_source {
	struct tm_session *session;           /* NULL: a file */
	struct tm_core *core;                 /* NULL: no core file */
	const char *file;                     /* NULL: a process */
	struct tm_snapshot *snapshot;         /* NULL until read */
	bool tracing;
	const struct tm_source_lines *lines;  /* borrowed, of the session */
	struct tm_source_lines *own_lines;    /* of a file: our own view */
	char object[64];                      /* "pid 4711" */
	struct cli_progress progress;
};

/*
 * The steps of reading a source; each returns an exit status, CLI_DONE to go
 * on, and has printed its message otherwise.
 */
int cli_source_open(struct cli_source *ret, const struct cli_source_spec *spec,
		    const struct cli_options *options);
/* A new snapshot in place of the one before; fails where nothing is traced. */
int cli_source_read(struct cli_source *source,
		    const struct cli_options *options);
/* The same, but without tracing the snapshot is empty and says so. */
int cli_source_read_any(struct cli_source *source,
			const struct cli_options *options);
void cli_source_close(struct cli_source *source); /* a guard; zeroed is fine */

/* cli_source_open() and cli_source_read() of options->sources[i]. */
int cli_source_get(struct cli_source *ret, const struct cli_options *options,
		   size_t i);

/* A snapshot file, with progress on a terminal. */
struct tm_snapshot *cli_snapshot_load(const char *path, struct tm_err *err);

/* What a command that printed its report returns: done, or partial. */
int cli_source_status(const struct cli_source *source);

/*
 * The process called `name`; exit status, with its message, if not just one.
 * With children: a process and its descendants of that name are one.
 */
int cli_find_process(const char *name, bool with_children, pid_t *ret);
/* All of them, by pid; malloc'ed. */
pid_t *cli_processes_called(const struct cli_processes *all, const char *name,
			    bool with_children, size_t *ret_n);

/* The steps for one of many: nothing is printed, *err says why. */
bool cli_source_attach(struct cli_source *ret, pid_t pid,
		       const struct cli_options *options, struct tm_err *err);
bool cli_source_sample(struct cli_source *source,
		       const struct cli_options *options, struct tm_err *err);

/* `left` traces have passed the filters: a remark for people if that is none. */
void cli_remark_filters(const struct cli_source *source,
			const struct cli_options *options, uint64_t left);

#endif
