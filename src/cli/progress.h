/* Progress of long reading or writing, on one line of stderr that is erased
 * afterwards. */
#ifndef TM_CLI_PROGRESS_H
#define TM_CLI_PROGRESS_H

#include <stdbool.h>

#include "tmattach/file.h"

struct cli_progress {
	const char *object;   /* what is being read or written; borrowed */
	bool writes;
	uint64_t began_ns;    /* of this read; 0: none yet */
	uint64_t drawn_ns;    /* when the line was drawn last; 0: it is not there */
	uint64_t done;        /* as last reported: less means that another read began */
};

/* For struct tm_session_opts and tm_snapshot_load_with(). Silent unless
 * stderr is a terminal, and for the first second of each read. */
struct tm_progress cli_progress(struct cli_progress *progress, const char *object);
/* For struct tm_codec_opts; also silent if `path` is "-" and a terminal. */
struct tm_progress cli_progress_of_writing(struct cli_progress *progress,
					   const char *path);

/* Wipe the line; call it before anything else is written to the terminal. */
void cli_progress_end(struct cli_progress *progress);

#endif
