#include "tmattach/err.h"

#include <stdio.h>
#include <string.h>

bool tm_err_set(struct tm_err *err, enum tm_err_kind kind, const char *object,
		const char *cause, ...)
{
	va_list args;

	err->kind = kind;
	err->sys_errno = 0;
	err->hint[0] = '\0';
	snprintf(err->object, sizeof(err->object), "%s", object ? object : "");
	va_start(args, cause);
	vsnprintf(err->cause, sizeof(err->cause), cause, args);
	va_end(args);
	return false;
}

bool tm_err_os(struct tm_err *err, int sys_errno, const char *object,
	       const char *what, ...)
{
	va_list args;
	size_t used;

	tm_err_set(err, TM_ERR_OS, object, "%s", "");
	err->sys_errno = sys_errno;
	va_start(args, what);
	vsnprintf(err->cause, sizeof(err->cause), what, args);
	va_end(args);
	used = strlen(err->cause);
	snprintf(err->cause + used, sizeof(err->cause) - used, "%s%s",
		 used ? ": " : "", strerror(sys_errno));
	return false;
}

bool tm_err_hint(struct tm_err *err, const char *hint, ...)
{
	va_list args;

	va_start(args, hint);
	vsnprintf(err->hint, sizeof(err->hint), hint, args);
	va_end(args);
	return false;
}

bool tm_err_about(struct tm_err *err, const char *object, ...)
{
	va_list args;

	va_start(args, object);
	vsnprintf(err->object, sizeof(err->object), object, args);
	va_end(args);
	return false;
}
