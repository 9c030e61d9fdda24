/*
 * The frozen copy: one remote clone() while the target is stopped gives a
 * copy-on-write child that never runs and holds that instant for as long as
 * we read it through /proc/COPY/mem.
 *
 * The copy is a child of the target with exit signal 0: the target gets no
 * SIGCHLD, and wait() without __WALL or __WCLONE does not see it. It shares
 * the target's descriptor table, so it keeps no file open that the target
 * closes. It dies with its tracer (PTRACE_O_EXITKILL). If tmattach is killed
 * before tm_freeze_reap(), a zombie named "tmattach-copy" stays a child of
 * the target (it holds a pid and nothing else) until the target ends or the
 * next attach reaps it.
 */
#ifndef TM_REMOTE_FREEZE_H
#define TM_REMOTE_FREEZE_H

#include <sys/types.h>

#include "mem/mem.h"
#include "remote/remote.h"
#include "target/stop.h"
#include "tmattach/err.h"

struct tm_copy {
	pid_t pid;         /* as we see it; 0: there is none */
	pid_t target_view; /* as the target sees it */
	struct tm_remote_code insn; /* a system call instruction in it */
	tm_addr scratch;   /* some bytes of its memory that mean nothing */
};

/*
 * Make the copy; `stop` must hold all threads stopped and is still held
 * afterwards, ready to be released. TM_ERR_LIMIT/OS/UNSUPPORTED/BUSY when the
 * kernel or the target's state refuses; the target is then as it was before.
 */
bool tm_freeze_copy(struct tm_stop *stop, struct tm_remote_code insn,
		    struct tm_copy *ret, struct tm_err *err) TM_MUST_CHECK;

/* Name the copy "tmattach-copy", for users of ps. Best done after the
 * target runs again. */
void tm_freeze_name(const struct tm_copy *copy);

/* Kill the copy; it is a zombie child of the target then. No-op without one. */
void tm_freeze_kill(struct tm_copy *copy);

/*
 * Have the stopped target reap its zombie copies: this run's and those of
 * runs that were killed. The stop must be released after.
 */
bool tm_freeze_reap(struct tm_stop *stop, struct tm_remote_code insn,
		    struct tm_err *err) TM_MUST_CHECK;

/* Does the target have zombie copies of ours? Cheap; no stop needed. */
bool tm_freeze_has_stale(pid_t pid);

#endif
