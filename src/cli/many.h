/*
 * Several sources at once: those of the command line and, with --children,
 * whatever descends from its processes and runs a runtime we know. Processes
 * come and go; that one is gone is told once and is no failure.
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
	bool ended;      /* gone, and told so */
	bool fresh;      /* has a snapshot of this round */
	bool told;       /* that it cannot be read */
	bool shown;      /* the live view knows it */
	struct tm_status status;     /* of the last round, for watch */
	struct cli_watched watched;
};

struct cli_many {
	const struct cli_options *options;
	struct cli_member **members;
	size_t n, cap;
	pid_t *foreign;  /* found, but may not be read: it has been told */
	size_t nforeign, foreign_cap;
	bool by_name;    /* --name takes all that match, and later ones */
	bool unattached; /* who is named by pid is not attached to: the live
			    view does so, and waits for a process to become
			    one that we know; what is found is looked at and
			    let go again */
	bool quiet;      /* the live view has the terminal */
};

/* Is there a --name? */
bool cli_many_has_names(const struct cli_options *options);

/* Does this command line mean several sources? */
bool cli_is_many(const struct cli_options *options);

/* Each returns an exit status and has told why if it is not CLI_DONE. Set
 * `by_name` and `unattached` before, all else is zeroed. */
int cli_many_open(struct cli_many *ret, const struct cli_options *options);
/* Look for new children (and names). */
void cli_many_refresh(struct cli_many *self);
/* A fresh snapshot of each that runs. Fails if there is none at all;
 * CLI_PARTIAL if one of them could not be read now. */
int cli_many_read(struct cli_many *self);
size_t cli_many_running(const struct cli_many *self);
void cli_many_close(struct cli_many *self); /* a guard; zeroed is fine */

/* The members with a fresh snapshot, as the library takes them. Borrowed from
 * the members; free with cli_parts_free(). */
struct cli_parts {
	const struct tm_snapshot **snapshots;
	const char **files;
	size_t n;
	struct tm_snapshot *merged;
};
bool cli_parts_get(const struct cli_many *self, struct cli_parts *ret,
		   struct tm_err *err);
void cli_parts_free(struct cli_parts *parts); /* a guard */

/* Statistics of all members on stdout in the format of the options. */
bool cli_many_print(const struct cli_many *self, struct tm_err *err);

#endif
