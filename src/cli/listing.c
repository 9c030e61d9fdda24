#include "cli/listing.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "cli/message.h"
#include "report/command.h"

/* A longer list does not help in choosing. */
enum { SHOWN = 40 };

bool cli_process_status(pid_t pid, struct tm_status *ret)
{
	struct tm_err err;
	struct tm_session *session = tm_session_open(pid, NULL, &err);
	bool ok = session && tm_session_status(session, ret, &err);

	tm_session_close(session);
	return ok;
}

bool cli_is_python(pid_t pid)
{
	struct tm_status status;

	return cli_process_status(pid, &status) && status.kind == TM_RUNTIME_CPYTHON;
}

pid_t *cli_pythons_below(const struct cli_processes *all, pid_t pid, size_t *ret_n)
{
	pid_t *pids = tm_reallocarray(NULL, all->n + 1, sizeof(*pids));
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++) {
		const struct cli_process *it = &all->items[i];

		if (it->len && it->pid != getpid() && cli_process_descends(all, it->pid, pid) &&
		    cli_is_python(it->pid))
			pids[n++] = it->pid;
	}
	*ret_n = n;
	return pids;
}

/* ---- the list --------------------------------------------------------------------- */

static const char *tracing(pid_t pid)
{
	struct tm_status status;

	if (!cli_process_status(pid, &status))
		return "-";
	return status.tracing == TM_TRACING_ON ? "yes" : "no";
}

static char *command_of(const struct cli_processes *all, pid_t pid)
{
	const struct cli_process *process = cli_processes_find(all, pid);
	char *text;
	size_t len;

	if (!process || process->len == 0)
		return tm_strdup("");
	len = process->len;
	text = tm_memdup(process->cmdline, len + 1);
	while (len > 0 && (text[len - 1] == '\0' || text[len - 1] == ' '))
		text[--len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	return text;
}

void cli_list_processes(const struct cli_processes *all, const pid_t *pids, size_t n)
{
	size_t shown = n > SHOWN ? SHOWN : n;
	char **whole = tm_calloc(shown + 1, sizeof(*whole)), **commands;

	for (size_t i = 0; i < shown; i++)
		whole[i] = command_of(all, pids[i]);
	commands = report_cut_commands((const char *const *)whole, shown);
	cli_note("    PID  PARENT TRACING COMMAND");
	for (size_t i = 0; i < shown; i++) {
		const struct cli_process *process = cli_processes_find(all, pids[i]);

		cli_note("%7d %7d %-7s %s", (int)pids[i], process ? (int)process->parent : 0,
			 tracing(pids[i]), commands[i]);
	}
	if (n > shown)
		cli_note("and %zu more", n - shown);
	report_free_commands(commands, shown);
	report_free_commands(whole, shown);
}
