#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/guard.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/processes.h"
#include "tmattach/codec.h"

struct row {
	struct cli_process *process;
	struct tm_status status;
	char runtime[64];
	bool denied;
};

struct rows {
	struct row *items;
	size_t n, cap;
};

static void free_rows(struct rows *rows)
{
	free(rows->items);
}

/* Looks only, the process is not stopped. False: nothing to show. */
static bool look(struct cli_process *process, struct row *ret)
{
	struct tm_session *session;
	struct tm_err err;
	bool ok;

	*ret = (struct row){ .process = process };
	session = tm_session_open(process->pid, NULL, &err);
	if (!session) {
		ret->denied = err.kind == TM_ERR_DENIED;
		return ret->denied;
	}
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
		struct row row;

		if (process->len == 0 || process->pid == getpid() ||
		    !look(process, &row) ||
		    (row.denied && (!options->all || !seems_python(process))))
			continue;
		ret->items = tm_grow(ret->items, &ret->cap, ret->n + 1,
				     sizeof(*ret->items));
		ret->items[ret->n++] = row;
	}
}

static const char *tracing_word(const struct row *row)
{
	if (row->denied)
		return "denied";
	switch (row->status.tracing) {
	case TM_TRACING_ON:
		return "yes";
	case TM_TRACING_FINALIZED:
		return "ended";
	case TM_TRACING_OFF:
		break;
	}
	return "no";
}

static void print_row(const struct row *row)
{
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };
	char traced[32] = "-", rss[32] = "-";
	const char *runtime = row->denied ? "?" : row->status.runtime;

	if (row->status.tracing == TM_TRACING_ON && !row->denied)
		tm_format_size(traced, (double)row->status.traced_current, false);
	if (!row->denied)
		tm_format_size(rss, (double)row->status.rss, false);
	tm_buf_addf(&line, "%7d %-20s %-7s %10s %10s ", (int)row->process->pid,
		    runtime, tracing_word(row), traced, rss);
	/* Programs handed over with -c can be very long. */
	tm_buf_addf(&line, "%.256s", cli_process_command(row->process));
	/* Programs that write their title over their words leave blanks. */
	while (line.data[line.len - 1] == ' ')
		line.len--;
	cli_print_line("", line.data, line.len);
}

static void print_text(const struct rows *rows)
{
	puts("    PID RUNTIME              TRACING     TRACED        RSS COMMAND");
	for (size_t i = 0; i < rows->n; i++)
		print_row(&rows->items[i]);
}

static bool print_machine(const struct rows *rows, bool csv, struct tm_err *err)
{
	struct tm_process_row *list = tm_calloc(rows->n + 1, sizeof(*list));
	bool ok;

	for (size_t i = 0; i < rows->n; i++)
		list[i] = (struct tm_process_row){
			.pid = rows->items[i].process->pid,
			.permitted = !rows->items[i].denied,
			.status = &rows->items[i].status,
			.command = cli_process_command(rows->items[i].process),
		};
	ok = csv ? tm_write_ps_csv(list, rows->n, stdout, err)
		 : tm_write_ps_json(list, rows->n, stdout, err);
	free(list);
	return ok;
}

static int run(const struct cli_options *options)
{
	TM_GUARD(cli_processes_free) struct cli_processes all = { 0 };
	TM_GUARD(free_rows) struct rows rows = { 0 };
	struct tm_err err = { 0 };
	bool ok = true;

	cli_processes_read(&all);
	collect(&all, options, &rows);
	if (options->format == CLI_TEXT || options->format == CLI_PRETTY)
		print_text(&rows);
	else
		ok = print_machine(&rows, options->format == CLI_CSV, &err);
	return cli_output_written(ok, &err, CLI_DONE);
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
