#include "remote/call.h"

#include "target/limits.h"

bool tm_remote_call(struct tm_remote *remote, long nr, const char *what,
		    const uint64_t args[6], int64_t *ret, struct tm_err *err)
{
	const struct tm_process *process = remote->stop->process;

	if (!tm_remote_syscall(remote, nr, args, ret, NULL, err))
		return false;
	if (*ret >= 0 || *ret <= -4096)
		return true;
	tm_err_os(err, (int)-*ret, process->object, "it may not %s", what);
	return tm_limit_hint(process, (int)-*ret, err);
}
