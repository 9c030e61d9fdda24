/*
 * Samples a target over and over in one process, as the view does:
 *
 *	sampler PID auto|freeze|no-fork ROUNDS
 *
 * Prints what went wrong, each kind of remark once, and a last line
 * "N samples, N remarks, longest pause N us".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tmattach/process.h"

static unsigned long remarks;

static void remark(void *ctx, const char *text)
{
	(void)ctx;
	if (remarks++ == 0)
		printf("remark: %s\n", text);
}

static enum tm_freeze freeze_by_name(const char *name)
{
	if (strcmp(name, "freeze") == 0)
		return TM_FREEZE_FORCE;
	return strcmp(name, "no-fork") == 0 ? TM_FREEZE_NEVER : TM_FREEZE_AUTO;
}

static int complain(const char *what, const struct tm_err *err)
{
	printf("%s: %s: %s\n", what, err->object, err->cause);
	return 1;
}

int main(int argc, char **argv)
{
	struct tm_session_opts opts = { .note = remark };
	struct tm_err err;
	struct tm_session *session;
	unsigned long rounds, done;
	uint64_t longest = 0;

	if (argc != 4)
		return 2;
	opts.freeze = freeze_by_name(argv[2]);
	rounds = strtoul(argv[3], NULL, 10);
	session = tm_session_open(atoi(argv[1]), &opts, &err);
	if (!session)
		return complain("open", &err);
	for (done = 0; done < rounds; done++) {
		struct tm_snapshot *snapshot = tm_session_take_snapshot(session, &err);

		if (!snapshot)
			return complain("sample", &err);
		if (snapshot->total_size != snapshot->meta.traced_current) {
			printf("sample %lu: %" PRIu64 " bytes of %" PRIu64 "\n",
			       done, snapshot->total_size,
			       snapshot->meta.traced_current);
			return 1;
		}
		if (snapshot->meta.pause_ns > longest)
			longest = snapshot->meta.pause_ns;
		tm_snapshot_destroy(snapshot);
	}
	tm_session_close(session);
	printf("%lu samples, %lu remarks, longest pause %" PRIu64 " us\n", done,
	       remarks, longest / 1000);
	return 0;
}
