#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/processes.h"

struct rows {
	struct report_process *items;
	size_t n, cap;
};

static void free_rows(struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++)
		free(rows->items[i].unsupported);
	free(rows->items);
}

/* Looks only, the process is not stopped. False: nothing to show. */
static bool look(pid_t pid, struct report_process *ret)
{
	struct tm_session *session;
	struct tm_err err;
	bool ok;

	*ret = (struct report_process){ .pid = pid };
	session = tm_session_open(pid, NULL, &err);
	ret->permitted = session || err.kind != TM_ERR_DENIED;
	if (!session && err.kind == TM_ERR_UNSUPPORTED &&
	    tm_unsupported_status(pid, &ret->status))
		ret->unsupported = tm_strdup(err.cause);
	if (!session)
		return !ret->permitted || ret->unsupported;
	ok = tm_session_status(session, &ret->status, &err);
	tm_session_close(session);
	return ok;
}

/* Of a process we may not look into only its words can be judged. */
static bool seems_python(const struct cli_process *process)
{
	const char *slash = strrchr(process->cmdline, '/');

	return strncmp(slash ? slash + 1 : process->cmdline, "python", 6) == 0 ||
	       strncmp(process->comm, "python", 6) == 0;
}

static void collect(struct cli_processes *all, const struct cli_options *options,
		    struct rows *ret)
{
	for (size_t i = 0; i < all->n; i++) {
		struct cli_process *process = &all->items[i];
		struct report_process row;

		if (process->len == 0 || process->pid == getpid() ||
		    !look(process->pid, &row) ||
		    (!row.permitted && (!options->all || !seems_python(process))))
			continue;
		row.command = cli_process_command(process);
		ret->items = tm_grow(ret->items, &ret->cap, ret->n + 1,
				     sizeof(*ret->items));
		ret->items[ret->n++] = row;
	}
}

static int run(const struct cli_options *options)
{
	TM_GUARD(cli_processes_free) struct cli_processes all = { 0 };
	TM_GUARD(free_rows) struct rows rows = { 0 };
	struct report how = cli_options_report(options, NULL);
	struct tm_err err = { 0 };

	cli_processes_read(&all);
	collect(&all, options, &rows);
	return cli_output_written(report_ps(&how, rows.items, rows.n, &err), &err,
				  CLI_DONE);
}

const struct cli_command command_ps = {
	.name = "ps",
	.summary = "List the processes that can be attached to",
	.args = "",
	.examples =
		"  tmattach ps\n"
		"  tmattach ps -a\n"
		"  tmattach ps -f json | jq '.processes[] | select(.tracing)'\n",
	.groups = CLI_PS | CLI_REPORT,
	.max_sources = 0,
	.run = run,
};
