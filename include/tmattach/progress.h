/* How far a long piece of work is, told by whoever does it. */
#ifndef TMATTACH_PROGRESS_H
#define TMATTACH_PROGRESS_H

#include <stdint.h>

/* Called between pieces of the work, often; `total` may be an estimate that
 * is passed in the end. NULL: silent. */
struct tm_progress {
	void (*report)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

static inline void tm_progress_report(const struct tm_progress *progress,
				      uint64_t done, uint64_t total)
{
	if (progress->report)
		progress->report(progress->ctx, done, total);
}

#endif
