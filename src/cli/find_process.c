#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "cli/command.h"
#include "cli/listing.h"
#include "cli/message.h"
#include "cli/names.h"
#include "cli/source.h"

/* ---- who is called so ------------------------------------------------------------- */

struct called {
	const struct cli_process *process;
	enum cli_called how;
};

/* Those that are called just so; if there are none, those called almost so. */
static size_t collect(const struct cli_processes *all, const char *name, struct called *ret)
{
	enum cli_called best = CLI_CALLED_LIKE;
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < all->n; i++) {
		const struct cli_process *it = &all->items[i];
		enum cli_called how = it->pid == getpid() ? CLI_NOT_CALLED
							  : cli_process_called(it, name);

		best = how > best ? how : best;
		if (how)
			ret[n++] = (struct called){ it, how };
	}
	for (size_t i = 0; i < n; i++)
		if (ret[i].how == best)
			ret[kept++] = ret[i];
	return kept;
}

/* With --children a server counts once, however many workers it has. */
static bool counts(const struct cli_processes *all, const struct called *called, size_t n,
		   size_t i)
{
	for (size_t k = 0; k < n; k++)
		if (cli_process_descends(all, called[i].process->pid, called[k].process->pid))
			return false;
	return true;
}

pid_t *cli_processes_called(const struct cli_processes *all, const char *name,
			    bool with_children, size_t *ret_n)
{
	pid_t *pids = tm_reallocarray(NULL, all->n + 1, sizeof(*pids));
	TM_GUARD(tm_free_ptr) struct called *called = tm_calloc(all->n + 1, sizeof(*called));
	size_t found = collect(all, name, called), n = 0;

	for (size_t i = 0; i < found; i++)
		if (!with_children || counts(all, called, found, i))
			pids[n++] = called[i].process->pid;
	*ret_n = n;
	return pids;
}

/* ---- just one ------------------------------------------------------------------------ */

/* The starter of a frozen application has the name of the Python below it: of
 * such a pair the Python is meant. */
static void drop_starters(const struct cli_processes *all, pid_t *pids, size_t *n)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++) {
		bool starter = false;

		for (size_t k = 0; k < *n && !starter; k++)
			starter = cli_process_descends(all, pids[k], pids[i]) &&
				  !cli_is_python(pids[i]) && cli_is_python(pids[k]);
		if (!starter)
			pids[kept++] = pids[i];
	}
	*n = kept;
}

/* Does one of them have all others below it? 0: none. */
static pid_t head_of(const struct cli_processes *all, const pid_t *pids, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t below = 0;

		for (size_t k = 0; k < n; k++)
			below += cli_process_descends(all, pids[k], pids[i]);
		if (below + 1 == n)
			return pids[i];
	}
	return 0;
}

static int several(const struct cli_processes *all, const char *name,
		   const struct cli_options *options, const pid_t *pids, size_t n)
{
	pid_t head = head_of(all, pids, n);
	struct tm_err err;

	tm_err_set(&err, TM_ERR_USAGE, name, "%zu processes have this name; "
		   "choose one by its PID", n);
	cli_error(&err, CLI_ABOUT_PROCESS);
	cli_list_processes(all, pids, n);
	if (head && (options->command->groups & CLI_CHILDREN) && !options->children)
		cli_note("or take pid %d and all below it: --children", (int)head);
	return CLI_USAGE;
}

static int nobody(const char *name)
{
	struct tm_err err;

	tm_err_set(&err, TM_ERR_GONE, name, "no process has this name");
	tm_err_hint(&err, "`tmattach ps' lists those that run Python or the recorder");
	return cli_error(&err, CLI_ABOUT_PROCESS);
}

int cli_find_process(const char *name, const struct cli_options *options, pid_t *ret)
{
	TM_GUARD(cli_processes_free) struct cli_processes all = { 0 };
	TM_GUARD(tm_free_ptr) pid_t *pids = NULL;
	size_t n;

	cli_processes_read(&all);
	pids = cli_processes_called(&all, name, options->children, &n);
	if (n > 1)
		drop_starters(&all, pids, &n);
	if (n > 1)
		return several(&all, name, options, pids, n);
	if (n == 0)
		return nobody(name);
	*ret = pids[0];
	return CLI_DONE;
}
