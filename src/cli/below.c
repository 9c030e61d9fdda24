#include "cli/below.h"

#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "cli/listing.h"
#include "cli/message.h"
#include "cli/names.h"

static const char *const wrappers[] = {
	"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "fish", "busybox", "sudo", "su", "doas",
	"runuser", "setpriv", "env", "nohup", "nice", "ionice", "setsid", "stdbuf", "time",
	"timeout", "flock", "script", "unbuffer", "xargs", "watch", "chroot", "unshare", "nsenter",
	"bwrap", "firejail", "tini", "tini-static", "docker-init", "podman-init", "catatonit",
	"dumb-init", "s6-supervise", "runsv", "supervise", "strace", "ltrace", "uv", "pixi", "rye",
};

static bool is_named_wrapper(const struct cli_process *process)
{
	for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++)
		if (process->exe && strcmp(cli_base_name(process->exe), wrappers[i]) == 0)
			return true;
	return false;
}

/* The starter of a frozen application runs itself again. */
static bool has_started_itself(const struct cli_processes *all, const struct cli_process *process)
{
	for (size_t i = 0; process->exe && i < all->n; i++)
		if (all->items[i].parent == process->pid && all->items[i].exe &&
		    strcmp(all->items[i].exe, process->exe) == 0 &&
		    cli_is_python(all->items[i].pid))
			return true;
	return false;
}

bool cli_is_wrapper(pid_t pid)
{
	TM_GUARD(cli_processes_free) struct cli_processes all = { 0 };
	TM_GUARD(tm_free_ptr) pid_t *below = NULL;
	const struct cli_process *process;
	struct tm_status status;
	size_t n;

	cli_processes_read(&all);
	process = cli_processes_find(&all, pid);
	/* One with the recorder in it is meant itself. */
	if (!process || cli_process_status(pid, &status) ||
	    !(is_named_wrapper(process) || has_started_itself(&all, process)))
		return false;
	below = cli_pythons_below(&all, pid, &n);
	return n > 0;
}

static int several(const struct cli_processes *all, const struct tm_err *why,
		   const struct cli_options *options, const pid_t *pids, size_t n)
{
	const bool children = options->command->groups & CLI_CHILDREN;
	struct tm_err err;

	tm_err_set(&err, TM_ERR_NO_RUNTIME, why->object, "not a Python process, but there are %zu "
		   "below it; choose one by its PID%s", n, children ? ", or use --children to take them all" : "");
	cli_error(&err, CLI_ABOUT_PROCESS);
	cli_list_processes(all, pids, n);
	return CLI_NO_TARGET;
}

int cli_take_below(pid_t pid, const struct tm_err *why, const struct cli_options *options,
		   pid_t *ret_pid)
{
	TM_GUARD(cli_processes_free) struct cli_processes all = { 0 };
	TM_GUARD(tm_free_ptr) pid_t *pids = NULL;
	const struct cli_process *process;
	struct tm_status status = { 0 };
	size_t n;

	cli_processes_read(&all);
	pids = cli_pythons_below(&all, pid, &n);
	if (n == 0)
		return cli_error(why, CLI_ABOUT_PROCESS);
	if (n > 1)
		return several(&all, why, options, pids, n);
	process = cli_processes_find(&all, pids[0]);
	cli_process_status(pids[0], &status);
	cli_note("%s: not a Python process; pid %d (%s) below it runs %s and is used instead",
		 why->object, (int)pids[0], process->comm, status.runtime);
	*ret_pid = pids[0];
	return CLI_DONE;
}
