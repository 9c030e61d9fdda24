#include "cli/control.h"

#include <signal.h>

#include "base/guard.h"
#include "cli/many.h"
#include "cli/process.h"

/* Children come while their parent is acted on; some programs never rest. */
enum { ROUNDS = 20 };

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

int cli_control(const struct cli_options *options, bool native_too, cli_control_fn *act)
{
	TM_GUARD(cli_many_close) struct cli_many many = { 0 };
	int status;

	if (!options->children)
		return one(options, native_too, act);
	status = cli_process_refuse_file(&options->sources[0], options);
	if (status == CLI_DONE)
		status = cli_many_open(&many, options);
	if (status)
		return status;
	for (unsigned i = 0; i < ROUNDS && act_on_new(&many, act, &status); i++)
		cli_many_refresh(&many);
	return status;
}
