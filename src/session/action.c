#include "session/action.h"

#include <pthread.h>
#include <signal.h>

struct action {
	void (*run)(void *ctx);
	void *ctx;
};

static void *action_thread(void *arg)
{
	const struct action *action = arg;

	action->run(action->ctx);
	return NULL;
}

bool tm_act(void (*run)(void *ctx), void *ctx, struct tm_err *err)
{
	struct action action = { run, ctx };
	pthread_t thread;
	sigset_t all, ending, before;
	int failed;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigaddset(&ending, SIGQUIT);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&thread, NULL, action_thread, &action);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		return tm_err_os(err, failed, "tmattach", "cannot create a thread");
	pthread_sigmask(SIG_BLOCK, &ending, NULL);
	pthread_join(thread, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return true;
}
