/*
 * A session: one attached target, sampled again and again. What the commands
 * and the view stand on; everything below it (stopping, reading, runtimes) is
 * hidden behind it.
 *
 * Between calls the target runs free and nothing of ours is in it. A session
 * is used by one thread at a time.
 */
#ifndef TMATTACH_SESSION_H
#define TMATTACH_SESSION_H

#include <sys/types.h>

#include "tmattach/model.h"
#include "tmattach/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* exported by the library */

struct tm_session;

enum tm_freeze {
	TM_FREEZE_AUTO,   /* by expected pause */
	TM_FREEZE_FORCE,  /* read from a frozen copy, or fail */
	TM_FREEZE_NEVER,  /* read while the target is stopped */
};

struct tm_session_opts {
	enum tm_freeze freeze;
	bool use_recorder;           /* the native recorder, also for CPython */
	bool native_too;             /* open a process without CPython, too: a
					recorder can be started in it */
	uint64_t sample_bytes;       /* of a recorder that is started: mean
					distance of sampled bytes; 0: every block */
	bool in_core;                /* of a recorder that is started: its table
					is written to core dumps */
	unsigned busy_timeout_ms;    /* how long to wait for a free table; 0: 10 s */
	/* Of a sample, in bytes, on another thread while the caller waits. The
	 * target runs meanwhile, and tm_session_status() may be called from
	 * within. */
	struct tm_progress progress;
	/* Asked now and then while a call waits or reads, on another thread:
	 * true makes it give up as soon as the target is as it was, a sample
	 * with TM_ERR_OS and EINTR, start, stop and clear (control.h) with
	 * TM_ERR_BUSY and nothing done. NULL: never. */
	bool (*give_up)(void *ctx);
	void *give_up_ctx;
	/* Called with a one-line remark ("read without a copy: ..."), may be
	 * NULL. The text is gone after the call. */
	void (*note)(void *ctx, const char *text);
	void *note_ctx;
};

enum tm_runtime_kind {
	TM_RUNTIME_CPYTHON,
	TM_RUNTIME_NATIVE,
};

enum tm_tracing {
	TM_TRACING_OFF,        /* initialised or not, but not tracing */
	TM_TRACING_ON,
	TM_TRACING_FINALIZED,  /* the interpreter is shutting down */
};

/* What can be told without stopping the target. */
struct tm_status {
	enum tm_runtime_kind kind;
	enum tm_tracing tracing;
	char runtime[64];          /* "CPython 3.13.5", "CPython 3.14.2 debug" */
	uint32_t traceback_limit;
	uint64_t traced_current;   /* bytes */
	uint64_t traced_peak;      /* bytes */
	uint64_t ntraces;          /* entries of the default-domain table */
	uint64_t rss;              /* resident bytes of the process */
};

/*
 * Find the process and its runtime. Reads only; the target is not stopped.
 * NULL with *err: gone, denied, unsupported (says what the process is).
 */
struct tm_session *tm_session_open(pid_t pid, const struct tm_session_opts *opts,
				   struct tm_err *err) TM_MUST_CHECK;
void tm_session_close(struct tm_session *session); /* NULL is fine */

pid_t tm_session_pid(const struct tm_session *session);
/* The command line, spaces between arguments, at most 256 bytes. */
const char *tm_session_command(const struct tm_session *session);

/* After TM_ERR_GONE: the process lives and runs another program (exec); a new
 * session can be opened on it. */
bool tm_session_replaced(const struct tm_session *session);

/* Cheap: a few small reads, no stop. TM_ERR_GONE when the target ended. */
bool tm_session_status(struct tm_session *session, struct tm_status *ret,
		       struct tm_err *err) TM_MUST_CHECK;

/*
 * Where the resident memory of a process is, in bytes, without stopping it:
 * figures of the kernel and of pymalloc, a moment apart from each other.
 * TM_ERR_GONE when the process has ended.
 */
struct tm_memory {
	uint64_t rss;          /* file_maps + anonymous */
	uint64_t file_maps;    /* pages of files and shared memory */
	uint64_t anonymous;    /* heap, stacks, and changed pages of files */
	bool has_arenas;       /* false: the figures below are unknown */
	uint64_t arenas;       /* resident pages of pymalloc's arenas */
	uint64_t arenas_used;  /* of the arenas' size: pools with blocks ... */
	uint64_t arenas_free;  /* ... and pools without */
};
bool tm_session_memory(struct tm_session *session, struct tm_memory *ret,
		       struct tm_err *err) TM_MUST_CHECK;

/*
 * One consistent snapshot. TM_ERR_NOT_TRACED when tracing is off,
 * TM_ERR_BUSY when no consistent instant was found, TM_ERR_GONE.
 */
struct tm_snapshot *tm_session_sample(struct tm_session *session,
				      struct tm_err *err) TM_MUST_CHECK;

/* tracemalloc.reset_peak(), done in the target. */
bool tm_session_reset_peak(struct tm_session *session,
			   struct tm_err *err) TM_MUST_CHECK;

/*
 * Source text as the target sees it (its root, its working directory), for
 * tm_traceback_format(). Borrowed from the session.
 */
const struct tm_source_lines *tm_session_source_lines(struct tm_session *session);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
