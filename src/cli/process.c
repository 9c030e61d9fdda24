#include "cli/process.h"

#include "cli/message.h"

static int refuse(const struct cli_source_spec *spec,
		  const struct cli_options *options, const char *or_what)
{
	struct tm_err err;

	tm_err_set(&err, TM_ERR_USAGE, spec->text, "no process id; %s takes a process%s",
		   options->command->name, or_what);
	tm_err_hint(&err, "--name finds a process by its name");
	return cli_error(&err, CLI_ABOUT_FILE);
}

int cli_process_refuse_file(const struct cli_source_spec *spec,
			    const struct cli_options *options)
{
	return spec->by == CLI_BY_FILE ? refuse(spec, options, "") : CLI_DONE;
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

	any.session.allow_native = true;
	return cli_process_open(ret, &any);
}

int cli_process_or_core(struct cli_source *ret, const struct cli_options *options)
{
	const struct cli_source_spec *spec = &options->sources[0];

	*ret = (struct cli_source){ 0 };
	if (spec->by == CLI_BY_FILE && !cli_is_core(spec->text))
		return refuse(spec, options, " or a core file");
	return cli_source_open(ret, spec, options);
}
