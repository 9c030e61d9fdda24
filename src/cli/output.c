#include "cli/output.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "cli/message.h"

static struct write_signal {
	int sig;
	void (*before)(int sig);
} write_signals[] = { { .sig = SIGPIPE }, { .sig = SIGXFSZ } };

enum { NWRITE_SIGNALS = sizeof(write_signals) / sizeof(write_signals[0]) };

void cli_ignore_write_signals(void)
{
	for (size_t i = 0; i < NWRITE_SIGNALS; i++)
		write_signals[i].before = signal(write_signals[i].sig, SIG_IGN);
}

void cli_restore_write_signals(void)
{
	for (size_t i = 0; i < NWRITE_SIGNALS; i++)
		signal(write_signals[i].sig, write_signals[i].before);
}

static int write_failed(int sys_errno)
{
	struct tm_err err;

	tm_err_os(&err, sys_errno ? sys_errno : EIO, "stdout", "cannot write");
	return cli_error(&err, CLI_ABOUT_FILE);
}

int cli_output_finish(int status)
{
	errno = 0;
	if (fflush(stdout) != 0 || ferror(stdout))
		return write_failed(errno);
	return status;
}

int cli_output_written(bool ok, const struct tm_err *err, int status)
{
	struct tm_err about;

	if (ok)
		return cli_output_finish(status);
	about = *err;
	if (!about.object[0])
		tm_err_about(&about, "stdout");
	return cli_error(&about, CLI_ABOUT_FILE);
}
