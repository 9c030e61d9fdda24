/* The heap of a SOURCE: of a process, a core or a .tmh file. */
#ifndef TM_CLI_HEAP_H
#define TM_CLI_HEAP_H

#include "cli/source.h"
#include "heap/ask.h"

struct cli_heap {
	struct cli_source source; /* of a process or a core */
	const char *file;         /* a core or a .tmh; NULL: a process */
	struct tm_heap *heap;
};

/* Open options->sources[i] and read its heap; an exit status, with its message. */
int cli_heap_get(struct cli_heap *ret, const struct cli_options *options, size_t i,
		 const struct tm_heap_opts *opts);
void cli_heap_close(struct cli_heap *heap); /* a guard; zeroed is fine */

/* A failed question to it: names the object and returns the exit status. */
int cli_heap_error(const struct cli_heap *heap, struct tm_err *err);

#endif
