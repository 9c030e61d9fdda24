#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "cli/message.h"
#include "cli/processes.h"
#include "cli/source.h"

/* With --children a server counts once, however many workers it has. */
static bool counts(const struct cli_processes *all, const struct cli_process *it,
		   const char *name, bool with_children)
{
	if (it->pid == getpid() || !cli_process_is_called(it, name))
		return false;
	for (size_t i = 0; with_children && i < all->n; i++)
		if (cli_process_is_called(&all->items[i], name) &&
		    cli_process_descends(all, it->pid, all->items[i].pid))
			return false;
	return true;
}

pid_t *cli_processes_called(const struct cli_processes *all, const char *name,
			    bool with_children, size_t *ret_n)
{
	pid_t *pids = tm_reallocarray(NULL, all->n + 1, sizeof(*pids));
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++)
		if (counts(all, &all->items[i], name, with_children))
			pids[n++] = all->items[i].pid;
	*ret_n = n;
	return pids;
}

static int several(struct cli_processes *all, const char *name,
		   const pid_t *pids, size_t n)
{
	struct tm_err err;

	tm_err_set(&err, TM_ERR_USAGE, name, "%zu processes have this name; "
		   "choose one by its PID", n);
	cli_error(&err, CLI_ABOUT_PROCESS);
	for (size_t i = 0, k = 0; i < all->n && k < n; i++)
		if (all->items[i].pid == pids[k]) {
			cli_note("%7d %.200s", (int)pids[k],
				 cli_process_command(&all->items[i]));
			k++;
		}
	return CLI_USAGE;
}

int cli_find_process(const char *name, bool with_children, pid_t *ret)
{
	TM_GUARD(cli_processes_free) struct cli_processes all = { 0 };
	TM_GUARD(tm_free_ptr) pid_t *pids = NULL;
	struct tm_err err;
	size_t n;

	cli_processes_read(&all);
	pids = cli_processes_called(&all, name, with_children, &n);
	if (n > 1)
		return several(&all, name, pids, n);
	if (n == 0) {
		tm_err_set(&err, TM_ERR_GONE, name, "no process has this name");
		tm_err_hint(&err, "`tmattach ps' lists those that run Python or "
				  "the recorder");
		return cli_error(&err, CLI_ABOUT_PROCESS);
	}
	*ret = pids[0];
	return CLI_DONE;
}
