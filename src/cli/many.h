/*
 * Several sources at once: those of the command line and, with --children,
 * whatever descends from its processes and runs a runtime we know. Processes
 * come and go; that one is gone is reported once, and is not a failure.
 */
#ifndef TM_CLI_MANY_H
#define TM_CLI_MANY_H

#include "cli/processes.h"
#include "cli/source.h"
#include "cli/watch.h"

struct cli_member {
	struct cli_source source;
	pid_t pid;       /* 0: a file */
	bool found;      /* not named on the command line */
	bool ended;      /* gone, and reported */
	bool fresh;      /* has a snapshot of this round */
	bool told;       /* that it cannot be read, since it could */
	bool shown;      /* the live view knows it */
	bool done;       /* start, stop or clear has acted on it */
	struct tm_status status;     /* of the last round, for watch */
	struct cli_watched watched;
};

struct cli_many {
	const struct cli_options *options;
	struct cli_member **members;
	size_t n, cap;
	pid_t *foreign;  /* found, but may not be read: reported */
	size_t nforeign, foreign_cap;
	pid_t *wrappers; /* named, but not Python themselves: the processes
			    below them are meant */
	size_t nwrappers, wrappers_cap;
	bool by_name;    /* --name takes all that match, and later ones */
	bool unattached; /* processes named by pid are not attached to: the
			    live view does so, and waits for a process to become
			    one that we know; those that are found are
			    attached to and let go again */
	bool native_too; /* where no Python is below a process, all that is below it
			    is meant */
	bool quiet;      /* the live view has the terminal */
	bool advised;    /* what to do where none is traced */
	struct tm_family *family; /* what this round has counted; NULL: one alone */
	struct cli_options own; /* what `options` points to if they had to be changed */
};

/* Is there a --name? */
bool cli_many_has_names(const struct cli_options *options);

/* Does this command line mean several sources? */
bool cli_is_many(const struct cli_options *options);

/* Each returns an exit status, and has reported why if it is not CLI_DONE. Set
 * `by_name`, `unattached` and `native_too` before, all else is zeroed. */
int cli_many_open(struct cli_many *ret, const struct cli_options *options);
/* Look for new children (and names). */
void cli_many_refresh(struct cli_many *self);
/* A fresh snapshot of each that runs. Fails if there is none at all (CLI_NOT_TRACED:
 * now, there may be later); CLI_PARTIAL if one of them could not be read now. */
int cli_many_read(struct cli_many *self);
/* Those that run, and those that were named because Python is below them. */
size_t cli_many_running(const struct cli_many *self);
void cli_many_close(struct cli_many *self); /* a guard; zeroed is fine */

/* The members with a fresh snapshot as one snapshot. */
struct tm_snapshot *cli_many_merge(const struct cli_many *self, struct tm_err *err);
/*
 * options->sources[i] read as one snapshot: with --children that of a process and
 * all below it together, which *holds keeps open for *ret. An exit status.
 */
int cli_many_get(struct cli_many *holds, struct cli_source *ret,
		 const struct cli_options *options, size_t i);

/* Statistics of the members with a fresh snapshot, on stdout. */
bool cli_many_print(const struct cli_many *self, struct tm_err *err);

#endif
