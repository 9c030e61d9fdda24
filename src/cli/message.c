#include "cli/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/guard.h"
#include "base/utf8.h"

enum cli_exit cli_exit_status(const struct tm_err *err,
			      enum cli_subject subject)
{
	switch (err->kind) {
	case TM_ERR_USAGE:
		return CLI_USAGE;
	case TM_ERR_NOT_TRACED:
		return CLI_NOT_TRACED;
	case TM_ERR_GONE:
	case TM_ERR_DENIED:
	case TM_ERR_UNSUPPORTED:
	case TM_ERR_NO_RUNTIME:
		return subject == CLI_ABOUT_PROCESS ? CLI_NO_TARGET : CLI_FAILED;
	case TM_ERR_NONE:
	case TM_ERR_OS:
	case TM_ERR_FAULT:
	case TM_ERR_BUSY:
	case TM_ERR_CORRUPT:
	case TM_ERR_LIMIT:
		break;
	}
	return CLI_FAILED;
}

/* One write per message, so that lines of several programs do not mix. */
static void print_line(const char *object, const char *text)
{
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	tm_buf_adds(&line, "tmattach: ");
	if (object[0]) {
		tm_utf8_add_visible(&line, object, strlen(object));
		tm_buf_adds(&line, ": ");
	}
	tm_utf8_add_visible(&line, text, strlen(text));
	tm_buf_addc(&line, '\n');
	fwrite(line.data, 1, line.len, stderr);
}

int cli_error(const struct tm_err *err, enum cli_subject subject)
{
	if (err->kind == TM_ERR_OS && err->sys_errno == EPIPE)
		return CLI_FAILED;
	print_line(err->object, err->cause);
	if (err->hint[0])
		print_line("", err->hint);
	return (int)cli_exit_status(err, subject);
}

void cli_note(const char *fmt, ...)
{
	TM_GUARD(tm_free_ptr) char *text = NULL;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0) {
		text = NULL;
		return;
	}
	print_line("", text);
}
