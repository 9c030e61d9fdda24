/*
 * What a process may use (getrlimit(2)), and how to say that it is used up.
 */
#ifndef TM_TARGET_LIMITS_H
#define TM_TARGET_LIMITS_H

#include "target/process.h"
#include "tmattach/err.h"

struct tm_limit {
	uint64_t soft, hard; /* UINT64_MAX: unlimited */
};

/* `name` as in /proc/PID/limits: "Max open files". */
bool tm_limit_read(pid_t pid, const char *name, struct tm_limit *ret);

/*
 * Add to an error that a system call made in the process has ended with
 * `sys_errno`: which limit that was, as far as is known, and the command that
 * lifts it. Returns false.
 */
bool tm_limit_hint(const struct tm_process *process, int sys_errno,
		   struct tm_err *err);

/* May we ourselves write a file up to there (RLIMIT_FSIZE)? If not, trying
 * would get us SIGXFSZ. */
bool tm_limit_file_size(uint64_t end);

#endif
