#include "cli/process.h"

#include "cli/message.h"

int cli_process_refuse_file(const struct cli_source_spec *spec,
			    const struct cli_options *options)
{
	struct tm_err err;

	if (spec->by != CLI_BY_FILE)
		return CLI_DONE;
	tm_err_set(&err, TM_ERR_USAGE, spec->text, "no process id; %s takes a process",
		   options->command->name);
	tm_err_hint(&err, "--name finds a process by its name");
	return cli_error(&err, CLI_ABOUT_FILE);
}

int cli_process_open(struct cli_source *ret, const struct cli_options *options)
{
	const struct cli_source_spec *spec = &options->sources[0];
	int status = cli_process_refuse_file(spec, options);

	*ret = (struct cli_source){ 0 };
	return status ? status : cli_source_open(ret, spec, options);
}

int cli_process_open_any(struct cli_source *ret,
			 const struct cli_options *options)
{
	struct cli_options any = *options;

	any.session.native_too = true;
	return cli_process_open(ret, &any);
}

int cli_process_pid(pid_t *ret, const struct cli_options *options)
{
	const struct cli_source_spec *spec = &options->sources[0];
	int status = cli_process_refuse_file(spec, options);

	*ret = spec->pid;
	if (status == CLI_DONE && spec->by == CLI_BY_NAME)
		status = cli_find_process(spec->text, false, ret);
	return status;
}
