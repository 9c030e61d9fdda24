#include "cli/control.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "base/clock.h"
#include "base/guard.h"
#include "cli/many.h"
#include "cli/message.h"
#include "cli/process.h"

/* Children come while their parent is acted on; some programs never rest. */
enum { ROUNDS = 20 };

/* How often --follow looks for new ones. */
#define FOLLOW_NS (TM_NS_PER_S / 4)

static int one(const struct cli_options *options, bool native_too, cli_control_fn *act)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	int status = (native_too ? cli_process_open_any : cli_process_open)(&source, options);

	return status ? status : act(&source, options);
}

/* Of two that failed the first; that one was not tracing counts least. */
static int worse(int a, int b)
{
	return a == CLI_DONE || (a == CLI_NOT_TRACED && b != CLI_DONE) ? b : a;
}

/* False: all have been acted on. That a child has ended is not a failure. */
static bool act_on_new(struct cli_many *many, cli_control_fn *act, int *status)
{
	bool any = false;

	for (size_t i = 0; i < many->n; i++) {
		struct cli_member *member = many->members[i];
		int got;

		if (member->done)
			continue;
		member->done = any = true;
		got = act(&member->source, many->options);
		if (!member->found || got != CLI_NO_TARGET || kill(member->pid, 0) == 0)
			*status = worse(*status, got);
	}
	return any;
}

static void act_on_all(struct cli_many *many, cli_control_fn *act, int *status)
{
	for (unsigned i = 0; i < ROUNDS && act_on_new(many, act, status); i++)
		cli_many_refresh(many);
}

/* Which of them have ended; what has called exec() is a new program. */
static void look_at_members(struct cli_many *many)
{
	for (size_t i = 0; i < many->n; i++) {
		struct cli_member *member = many->members[i];
		struct cli_source *source = &member->source;
		struct tm_status status;
		struct tm_err err;

		if (source->session && tm_session_status(source->session, &status, &err))
			continue;
		if (cli_source_follow(source, many->options, &err))
			member->done = false;
		else
			member->ended = err.kind == TM_ERR_GONE;
	}
}

/* False: a signal says that it is over. */
static bool wait_a_while(const sigset_t *ending)
{
	const struct timespec while_ = tm_timespec(FOLLOW_NS);
	int got;

	while ((got = sigtimedwait(ending, NULL, &while_)) < 0 && errno == EINTR)
		;
	return got < 0;
}

static void follow(struct cli_many *many, cli_control_fn *act, int *status)
{
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ending, NULL);
	cli_note("following their children; ^C ends that, not the tracing");
	while (cli_many_running(many) > 0 && wait_a_while(&ending)) {
		look_at_members(many);
		cli_many_refresh(many);
		act_on_all(many, act, status);
	}
}

int cli_control(const struct cli_options *options, bool native_too, cli_control_fn *act)
{
	TM_GUARD(cli_many_close) struct cli_many many = { .native_too = native_too };
	int status;

	if (!options->children)
		return one(options, native_too, act);
	status = cli_process_refuse_file(&options->sources[0], options);
	if (status == CLI_DONE)
		status = cli_many_open(&many, options);
	if (status)
		return status;
	act_on_all(&many, act, &status);
	if (options->follow)
		follow(&many, act, &status);
	return status;
}
