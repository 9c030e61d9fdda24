#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void tm_log(const char *fmt, ...)
{
	static int enabled = -1;
	va_list args;

	if (enabled < 0)
		enabled = getenv("TMATTACH_DEBUG") != NULL;
	if (!enabled)
		return;
	fputs("tmattach[debug] ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}
