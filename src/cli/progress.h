/* How far a long read is, on one line of stderr that wipes itself out. */
#ifndef TM_CLI_PROGRESS_H
#define TM_CLI_PROGRESS_H

#include "tmattach/session.h"

struct cli_progress {
	const char *object;   /* what is being read; borrowed */
	uint64_t began_ns;    /* of this read; 0: none yet */
	uint64_t drawn_ns;    /* when the line was drawn last; 0: it is not there */
	uint64_t done;        /* as told last: less means another read began */
};

/* For struct tm_session_opts. Silent unless stderr is a terminal, and for the
 * first second of each read. */
struct tm_progress cli_progress(struct cli_progress *progress, const char *object);

/* Wipe the line; call it before anything else is written to the terminal. */
void cli_progress_end(struct cli_progress *progress);

#endif
