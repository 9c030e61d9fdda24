#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define PATIENCE_NS TM_NS_PER_S
#define REDRAW_NS (100 * TM_NS_PER_MS)

static void report(void *ctx, uint64_t done, uint64_t total)
{
	struct cli_progress *progress = ctx;
	uint64_t now = tm_now_ns();

	if (!progress->began_ns || done < progress->done)
		progress->began_ns = now;
	progress->done = done;
	if (now - progress->began_ns < PATIENCE_NS ||
	    now - progress->drawn_ns < REDRAW_NS)
		return;
	progress->drawn_ns = now;
	/* The total is an estimate and may be passed. */
	if (total < done)
		total = done;
	if (progress->writes)
		fprintf(stderr, "\r\033[Ktmattach: %s: written %u %%",
			progress->object, (unsigned)(done * 100 / (total + !total)));
	else
		fprintf(stderr, "\r\033[Ktmattach: %s: read %llu of about %llu MiB",
			progress->object, (unsigned long long)(done >> 20),
			(unsigned long long)(total >> 20));
	fflush(stderr);
}

static struct tm_progress begin(struct cli_progress *progress,
				const char *object, bool writes)
{
	*progress = (struct cli_progress){ .object = object, .writes = writes };
	if (!isatty(STDERR_FILENO))
		return (struct tm_progress){ 0 };
	return (struct tm_progress){ .report = report, .ctx = progress };
}

struct tm_progress cli_progress(struct cli_progress *progress, const char *object)
{
	return begin(progress, object, false);
}

struct tm_progress cli_progress_of_writing(struct cli_progress *progress,
					   const char *path)
{
	bool is_stdout = strcmp(path, "-") == 0;

	/* Two kinds of text on one terminal would be unreadable. */
	if (is_stdout && isatty(STDOUT_FILENO)) {
		*progress = (struct cli_progress){ 0 };
		return (struct tm_progress){ 0 };
	}
	return begin(progress, is_stdout ? "stdout" : path, true);
}

void cli_progress_end(struct cli_progress *progress)
{
	if (progress->drawn_ns)
		fputs("\r\033[K", stderr);
	progress->drawn_ns = 0;
	progress->began_ns = 0;
}
