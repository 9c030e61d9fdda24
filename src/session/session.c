#include "tmattach/session.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "session/attach.h"
#include "session/sample.h"
#include "tmattach/source_lines.h"

struct tm_session *tm_session_open(pid_t pid, const struct tm_session_opts *opts,
				   struct tm_err *err)
{
	struct tm_session *session = tm_calloc(1, sizeof(*session));

	if (opts)
		session->opts = *opts;
	if (tm_attach(session, pid, err))
		return session;
	tm_session_close(session);
	return NULL;
}

void tm_session_close(struct tm_session *session)
{
	if (!session)
		return;
	tm_detach(session);
	tm_source_lines_destroy(session->source_lines);
	free(session);
}

pid_t tm_session_pid(const struct tm_session *session)
{
	return session->process.pid;
}

const char *tm_session_command(const struct tm_session *session)
{
	return session->process.command;
}

const struct tm_source_lines *tm_session_source_lines(struct tm_session *session)
{
	if (!session->source_lines)
		session->source_lines = tm_source_lines_create(session->process.pid);
	return session->source_lines;
}

/* ---- everything that stops the target, on a thread of its own ------------- */

/*
 * A thread for each action: when it ends, the kernel detaches whatever is
 * still attached, so that no path can leave a thread of the target stopped.
 * It has all signals blocked; and the caller's SIGINT, SIGTERM, SIGHUP and
 * SIGQUIT wait until the target is as it was.
 */
struct action {
	void (*run)(struct action *action);
	struct tm_session *session;
	struct tm_snapshot *snapshot;
	struct tm_err *err;
	bool ok;
};

static void *action_thread(void *arg)
{
	struct action *action = arg;

	action->run(action);
	return NULL;
}

static void run_action(struct action *action)
{
	pthread_t thread;
	sigset_t all, ending, before;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigaddset(&ending, SIGQUIT);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, action_thread, action) != 0) {
		tm_err_set(action->err, TM_ERR_OS, "tmattach",
			   "cannot create a thread");
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		return;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_sigmask(SIG_BLOCK, &ending, NULL);
	pthread_join(thread, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void run_sample(struct action *action)
{
	action->snapshot = tm_sample(action->session, action->err);
}

struct tm_snapshot *tm_session_sample(struct tm_session *session,
				      struct tm_err *err)
{
	struct action action = { .run = run_sample, .session = session,
				 .err = err };

	run_action(&action);
	return action.snapshot;
}

static void run_reset_peak(struct action *action)
{
	action->ok = tm_reset_peak(action->session, action->err);
}

bool tm_session_reset_peak(struct tm_session *session, struct tm_err *err)
{
	struct action action = { .run = run_reset_peak, .session = session,
				 .err = err };

	run_action(&action);
	return action.ok;
}
