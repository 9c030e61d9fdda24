#include "cli/process.h"

#include "cli/message.h"

int cli_process_open(struct cli_source *ret, const struct cli_options *options)
{
	const struct cli_source_spec *spec = &options->sources[0];
	struct tm_err err;

	*ret = (struct cli_source){ 0 };
	if (spec->by != CLI_BY_FILE)
		return cli_source_open(ret, spec, options);
	tm_err_set(&err, TM_ERR_USAGE, spec->text, "no process id; %s takes a process",
		   options->command->name);
	tm_err_hint(&err, "--name finds a process by its name");
	return cli_error(&err, CLI_ABOUT_FILE);
}
