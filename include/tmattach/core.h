/*
 * Core files: the traces of a process that is no more, from what the kernel
 * (or gcore) wrote down of its memory. What the core leaves out because it
 * stands in files (program text, constants) is read from those files, if their
 * build-ids are the ones that the process had mapped.
 */
#ifndef TMATTACH_CORE_H
#define TMATTACH_CORE_H

#include "tmattach/session.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* exported by the library */

struct tm_core;

struct tm_core_opts {
	/* The executable, where the one named in the core is not at its place
	 * or is another one; NULL: as the core says. */
	const char *exe;
	bool use_recorder; /* the recorder's traces, also of a CPython */
	/* One-line remarks, as in struct tm_session_opts; may be NULL. */
	void (*note)(void *ctx, const char *text);
	void *note_ctx;
};

/* Do these first bytes of a file (64 are enough) begin a core file? */
bool tm_core_is(const void *head, size_t len);

/*
 * Find the runtime in a core file: CPython, or else the recorder, if one was in
 * the process and its table (shared memory) was written to the core. TM_ERR_UNSUPPORTED says what it is instead,
 * TM_ERR_CORRUPT what contradicts itself; an executable given in the options
 * that is not the one of the process is TM_ERR_USAGE.
 */
struct tm_core *tm_core_open(const char *path, const struct tm_core_opts *opts,
			     struct tm_err *err) TM_MUST_CHECK;
void tm_core_close(struct tm_core *core); /* NULL is fine */

/* As tm_session_status(); `rss` is 0, a core does not tell. */
bool tm_core_status(struct tm_core *core, struct tm_status *ret,
		    struct tm_err *err) TM_MUST_CHECK;

/*
 * The snapshot. meta.taken_at is 0: a core does not tell when. If the process
 * died in the middle of a change of its trace table and the table still holds
 * together, the snapshot is marked partial: the block whose change was under
 * way may be missing. If it does not hold together, TM_ERR_BUSY.
 */
struct tm_snapshot *tm_core_snapshot(struct tm_core *core,
				     struct tm_err *err) TM_MUST_CHECK;

pid_t tm_core_pid(const struct tm_core *core);           /* 0: unknown */
const char *tm_core_command(const struct tm_core *core); /* "": unknown */

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
