#include "cli/groups.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/message.h"
#include "cli/number.h"

_Noreturn void cli_usage(const struct argp_state *state, const char *object,
			 const char *cause, ...)
{
	const struct cli_options *o = state->input;
	struct tm_err err = { .kind = TM_ERR_USAGE };
	va_list args;

	snprintf(err.object, sizeof(err.object), "%s", object);
	va_start(args, cause);
	vsnprintf(err.cause, sizeof(err.cause), cause, args);
	va_end(args);
	tm_err_hint(&err, CLI_SEE_HELP, o->command->name);
	exit(cli_error(&err, CLI_ABOUT_FILE));
}

uint64_t cli_usage_number(const struct argp_state *state, const char *option,
			  const char *word, uint64_t max)
{
	uint64_t value = 0;

	if (!cli_number(word, max, &value))
		cli_usage(state, option, "'%s' is not a number from 0 to %llu",
		      word, (unsigned long long)max);
	return value;
}
