/* A SOURCE: a process, a snapshot file or a core file, and what was read from
 * it. */
#ifndef TM_CLI_SOURCE_H
#define TM_CLI_SOURCE_H

#include "cli/message.h"
#include "cli/options.h"
#include "cli/processes.h"
#include "cli/progress.h"
#include "tmattach/process.h"

struct cli_source {
	struct tm_session *session;           /* NULL: a snapshot file; or a
						 process that has become
						 unreadable by exec() */
	pid_t pid;                            /* 0: a file */
	const char *file;                     /* of a snapshot, or a core; NULL:
						 a process */
	struct tm_snapshot *snapshot;         /* NULL until read */
	bool wants_memory;                    /* to be read with the snapshot */
	bool has_memory;                      /* it was */
	struct tm_memory memory;
	struct tm_family *family;             /* borrowed; of one of many */
	struct tm_snapshot *once;             /* what it adds to the family; NULL: all */
	bool tracing;
	bool told_cut;                        /* that some of its stacks end early */
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
/* A new snapshot instead of the previous one; fails if nothing is traced. */
int cli_source_read(struct cli_source *source,
		    const struct cli_options *options);
/* The same, but without tracing the snapshot is empty and says so. */
int cli_source_read_any(struct cli_source *source,
			const struct cli_options *options);
void cli_source_close(struct cli_source *source); /* a guard; zeroed is fine */

/* cli_source_open() and cli_source_read() of options->sources[i]. */
int cli_source_get(struct cli_source *ret, const struct cli_options *options,
		   size_t i);

/* What an error in reading it is about. */
enum cli_subject cli_source_subject(const struct cli_source *source);

/* Is a core file there? */
bool cli_is_core(const char *path);

/* A snapshot file, with progress on a terminal, and files renamed as --map asks. */
struct tm_snapshot *cli_snapshot_load(const char *path,
				      const struct cli_options *options,
				      struct tm_err *err);

/* What reports say of it. */
static inline struct report_source
cli_report_source(const struct cli_source *source)
{
	return (struct report_source){ &source->snapshot->meta, source->file };
}

/* What a command that printed its report returns: done, or partial (of a snapshot). */
int cli_source_status(struct cli_source *source);

/*
 * The process called `name`; exit status, with its message, if not just one.
 * With --children: a process and its descendants of that name are one.
 */
int cli_find_process(const char *name, const struct cli_options *options, pid_t *ret);
/* All of them, by pid; malloc'ed. */
pid_t *cli_processes_called(const struct cli_processes *all, const char *name,
			    bool with_children, size_t *ret_n);

/* The steps for one of many: nothing is printed, *err says why. */
bool cli_source_attach(struct cli_source *ret, pid_t pid,
		       const struct cli_options *options, struct tm_err *err);
/* A process that has called exec() is followed. */
bool cli_source_sample(struct cli_source *source,
		       const struct cli_options *options, struct tm_err *err);
/* A call has failed with *err: if that is because of exec(), open a session on
 * the new program. False with *err: it is not, or none can be opened now. */
bool cli_source_follow(struct cli_source *source, const struct cli_options *options,
		       struct tm_err *err);
/* How many in a row are followed in one round: launchers of launchers. */
enum { CLI_EXECS = 50 };
/* May the trouble with a process be over in the next round? */
bool cli_source_waits(const struct tm_err *err);

/* `left` traces have passed the filters: a remark for people if that is none. */
void cli_remark_filters(const struct cli_source *source,
			const struct cli_options *options, uint64_t left);

#endif
