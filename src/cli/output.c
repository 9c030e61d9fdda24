#include "cli/output.h"

#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/guard.h"
#include "cli/message.h"
#include "cli/text.h"

void cli_print_line(const char *indent, const char *bytes, size_t len)
{
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	tm_buf_adds(&line, indent);
	cli_text_escape(&line, bytes, len);
	tm_buf_addc(&line, '\n');
	fwrite(line.data, 1, line.len, stdout);
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

int cli_print_version(void)
{
	puts("tmattach " TM_VERSION);
	return cli_output_finish(CLI_DONE);
}
