#include "session/action.h"

#include <pthread.h>
#include <signal.h>

#include "target/late.h"

/* Signals that ask us to end; they wait until the target is as it was. */
static const int ending_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
enum { NENDING = sizeof(ending_signals) / sizeof(ending_signals[0]) };

/* The options of the act that runs on this thread. */
static _Thread_local const struct tm_session_opts *act_opts;

/* nohup(1) and the shell's `&' have them ignored: while one is held back, it is
 * pending all the same. */
static bool is_ignored(int sig)
{
	struct sigaction now;

	return sigaction(sig, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

bool tm_act_interrupted(void)
{
	sigset_t pending;
	bool any = false;

	if (act_opts && act_opts->give_up &&
	    act_opts->give_up(act_opts->give_up_ctx))
		return true;
	if (sigpending(&pending) != 0)
		return false;
	for (size_t i = 0; i < NENDING; i++)
		any |= sigismember(&pending, ending_signals[i]) == 1 &&
		       !is_ignored(ending_signals[i]);
	return any;
}

struct action {
	void (*run)(void *ctx);
	void *ctx;
	const struct tm_session_opts *opts;
};

static void *action_thread(void *arg)
{
	const struct action *action = arg;

	act_opts = action->opts;
	action->run(action->ctx);
	tm_late_forget();
	return NULL;
}

static bool on_thread(struct action *action, struct tm_err *err)
{
	pthread_t thread;
	sigset_t all, held, before;
	int failed;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	/* Held before the thread runs: it may have stopped the target by the
	 * time we come back. */
	held = before;
	for (size_t i = 0; i < NENDING; i++)
		sigaddset(&held, ending_signals[i]);
	/* Ctrl-Z must not leave the target stopped until `fg`. */
	sigaddset(&held, SIGTSTP);
	failed = pthread_create(&thread, NULL, action_thread, action);
	pthread_sigmask(SIG_SETMASK, failed ? &before : &held, NULL);
	if (failed)
		return tm_err_os(err, failed, "tmattach", "cannot create a thread");
	pthread_join(thread, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return true;
}

bool tm_act(const struct tm_session *session, void (*run)(void *ctx), void *ctx,
	    struct tm_err *err)
{
	struct action action = { run, ctx, &session->opts };
	const struct tm_session_opts *outer = act_opts;

	if (!outer && !session->core && !session->process.held)
		return on_thread(&action, err);
	act_opts = action.opts;
	run(ctx);
	act_opts = outer;
	return true;
}
