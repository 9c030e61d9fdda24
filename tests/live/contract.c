/*
 * Every call on a process, as a program makes them, and what err.h promises of
 * those that succeed: they leave the error alone.
 *
 *	contract PID cpython|recorder
 *
 * A line for each call: its name, and "left alone", "written to" or "failed: why".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tmattach/tmattach.h"

static struct tm_err err, untouched;

static void began(void)
{
	memset(&err, 0x5a, sizeof(err));
	untouched = err;
}

static void ended(const char *call, bool ok)
{
	if (!ok)
		printf("%s failed: %s: %s\n", call, err.object, err.cause);
	else
		printf("%s %s\n", call,
		       memcmp(&err, &untouched, sizeof(err)) ? "written to" : "left alone");
	began();
}

static void read_it(struct tm_session *session)
{
	struct tm_status status;
	struct tm_memory memory;
	struct tm_threads *threads;
	struct tm_snapshot *snapshot;

	ended("status", tm_session_status(session, &status, &err));
	ended("memory", tm_session_memory(session, &memory, &err));
	threads = tm_session_threads(session, &err);
	ended("threads", threads);
	tm_threads_destroy(threads);
	snapshot = tm_session_take_with_memory(session, &memory, &err);
	ended("take_with_memory", snapshot);
	tm_snapshot_destroy(snapshot);
	snapshot = tm_session_take_snapshot(session, &err);
	ended("take_snapshot", snapshot);
	tm_snapshot_destroy(snapshot);
}

static void find_a_block(struct tm_session *session)
{
	struct tm_snapshot *snapshot = tm_session_where(session, 4096, &err);

	ended("where", snapshot);
	tm_snapshot_destroy(snapshot);
}

static void control_it(struct tm_session *session, bool recorder)
{
	struct tm_control_result result;

	ended("start", tm_session_start_tracing(session, 5, 0, &result, &err));
	read_it(session);
	if (!recorder)
		find_a_block(session);
	ended("reset_peak", tm_session_reset_peak(session, &err));
	ended("clear", tm_session_clear_traces(session, 0, &err));
	ended("stop", tm_session_stop_tracing(session, 0, &result, &err));
}

int main(int argc, char **argv)
{
	const bool recorder = argc == 3 && strcmp(argv[2], "recorder") == 0;
	const struct tm_session_opts opts = { .use_recorder = recorder };
	struct tm_session *session;

	if (argc != 3)
		return 2;
	began();
	session = tm_session_open(atoi(argv[1]), &opts, &err);
	ended("open", session);
	if (session)
		control_it(session, recorder);
	tm_session_close(session);
	return 0;
}
