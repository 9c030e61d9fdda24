/*
 * A process or the core file of one: where its memory is, and the traces that CPython's
 * tracemalloc or the native recorder keeps in it. What its threads do is in threads.h,
 * its source text in source.h.
 *
 * Everything starts with a session. Opening one reads from the target only;
 * between calls the target runs freely and nothing of ours is in it.
 *
 * Threads: one thread at a time may use a session; different sessions may be
 * used at once. A call does its work on a thread of its own and waits for it;
 * the callbacks of struct tm_session_opts may run on that thread.
 *
 * Signals: SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGTSTP are blocked in the
 * calling thread until the target is as it was before the call. One of the first
 * four that is pending and not ignored makes the call give up.
 */
#ifndef TMATTACH_PROCESS_H
#define TMATTACH_PROCESS_H

#include <sys/types.h>

#include "tmattach/file.h"
#include "tmattach/stats.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* exported by the library */

/* ---- opening -------------------------------------------------------------- */

struct tm_session;

enum tm_freeze {
	TM_FREEZE_AUTO,   /* whichever is expected to stop the target for less */
	TM_FREEZE_FORCE,  /* read from a frozen copy, or fail */
	TM_FREEZE_NEVER,  /* read while the target is stopped */
};

/* Zeroed, these are the defaults. The session keeps a copy; what the pointers
 * reach must live as long as the session. */
struct tm_session_opts {
	enum tm_freeze freeze;
	bool use_recorder;           /* the native recorder, also for CPython */
	bool allow_any;              /* open any process: its threads and memory
					can be asked for, and whether there are
					traces turns out when they are */
	bool allow_native;           /* also open a process without Python that
					has no recorder yet */
	/*
	 * When starting a recorder: mean distance of sampled bytes; 0: every
	 * block. In a CPython tm_session_start_tracing() starts tracemalloc,
	 * which takes every block; with `sample_bytes` or `exact` it puts the
	 * recorder into the allocators of the interpreter instead.
	 */
	uint64_t sample_bytes;
	bool exact;
	bool c_frames;               /* and its stacks have the C functions between
					those of Python, where the version tells
					(3.10 on), else TM_ERR_UNSUPPORTED; with
					pymalloc what C code takes from malloc() is
					traced, too */
	/*
	 * Snapshots of CPython's tracemalloc have the names of functions, which
	 * it does not keep: of code objects that the process still has. All of
	 * its heap is read, from a frozen copy or a core, never while it is stopped.
	 */
	bool functions;
	bool maps;                   /* when starting a recorder in a native program: also
					what it maps, in TM_DOMAIN_MAPS; not with samples */
	bool in_core_dumps;          /* when starting a recorder: its table is
					written to core dumps */
	/* When starting a recorder: functions that give and take back blocks, besides
	 * those that are known. Of `allocs` NAME:2 has the size as its second argument;
	 * what `frees` take back is their first. */
	const char *const *allocs, *const *frees;
	size_t nallocs, nfrees;
	/* For a core: the executable, if the one named in the core is not at
	 * its place or has changed. NULL: the one named in the core. */
	const char *exe;
	/* Snapshots call files by other names; tm_session_source_lines() knows
	 * both. Must stay as long as the session does. */
	const struct tm_mapping *mappings;
	size_t nmappings;
	/* Snapshots hold blocks of these sizes only; 0, 0: of all. */
	struct tm_sizes sizes;
	/*
	 * Snapshots of the recorder's table hold blocks of these ages only, to a second
	 * (0: of all), or those that were there when the traced memory was at its peak.
	 * TM_ERR_UNSUPPORTED where nobody knows: of tracemalloc, and of a core.
	 */
	uint64_t older_ns, newer_ns;
	bool at_peak;
	bool ages; /* traces of the recorder have their ages, where they are known: many
		      more sites */
	unsigned busy_timeout_ms;    /* how long to wait until the tables are at
					rest; 0: 10 s */
	/* Of taking a snapshot, in bytes. The target runs meanwhile, and
	 * tm_session_status() may be called from within. */
	struct tm_progress progress;
	/*
	 * Asked repeatedly while a call waits or reads; true makes the call
	 * give up once the target is as it was before: taking a snapshot fails
	 * with TM_ERR_OS and EINTR; start, stop and clear fail with
	 * TM_ERR_BUSY, and nothing was done. NULL: never.
	 */
	bool (*give_up)(void *ctx);
	void *give_up_ctx;
	/* A one-line remark ("read without a copy: ..."), which is gone after
	 * the call. May be NULL. */
	void (*note)(void *ctx, const char *text);
	void *note_ctx;
};

/* What the options want of a snapshot: names, sizes, and where it has them ages. Consumes it; NULL is fine. */
struct tm_snapshot *tm_snapshot_as_wanted(struct tm_snapshot *taken,
					  const struct tm_session_opts *opts);

/*
 * Find the process and its runtime. Reads only; the target is not stopped.
 * NULL with *err: gone, denied, no runtime, unsupported (says what it is).
 * One that is in the middle of an exec is waited for, up to half a second.
 */
struct tm_session *tm_session_open(pid_t pid, const struct tm_session_opts *opts,
				   struct tm_err *err) TM_MUST_CHECK;
void tm_session_close(struct tm_session *session); /* NULL is fine */

/* Whether a file that begins with these bytes (64 are enough) is a core. */
bool tm_is_core_file(const void *head, size_t len);

/*
 * A session on a core file, written by the kernel or by gcore: the process as
 * it was at its last instant. What the core leaves out because it is in files
 * (program text, constants) is read from those files if they have the build-ids
 * that the process had mapped.
 *
 * The traces are CPython's, or else the recorder's if one was in the process and
 * its table (shared memory) was written to the core. TM_ERR_UNSUPPORTED says
 * what it is instead, TM_ERR_CORRUPT what contradicts itself; an executable given
 * in the options that is not that of the process is TM_ERR_USAGE.
 *
 * A core does not say when it was written: meta.taken_at of a snapshot is 0. If
 * the process died while it changed its trace table and the table still holds
 * together, the snapshot is marked partial: the block that was being changed may
 * be missing. If it does not hold together: TM_ERR_BUSY. Tracing cannot be
 * controlled: TM_ERR_USAGE.
 */
struct tm_session *tm_session_open_core(const char *path,
					const struct tm_session_opts *opts,
					struct tm_err *err) TM_MUST_CHECK;

/* 0: a core that does not say. */
pid_t tm_session_pid(const struct tm_session *session);
/* The command line, arguments separated by spaces, at most 256 bytes; of a core
 * its beginning, or "". Belongs to the session. */
const char *tm_session_command(const struct tm_session *session);

/* After TM_ERR_GONE: true if the process lives and runs another program (exec);
 * a new session can be opened on it. In the middle of an exec it waits as
 * tm_session_open() does. */
bool tm_session_replaced(const struct tm_session *session);

/* ---- status and memory ---------------------------------------------------- */

enum tm_runtime_kind {
	TM_RUNTIME_CPYTHON,
	TM_RUNTIME_NATIVE,
};

enum tm_tracing {
	TM_TRACING_OFF,        /* initialised or not, but not tracing */
	TM_TRACING_ON,
	TM_TRACING_FINALIZED,  /* the interpreter is shutting down */
};

/* The recorder in a CPython: blocks that it takes from a free list of its own have
 * the trace of */
enum tm_reuse {
	TM_REUSE_UNSEEN,   /* who allocated them first */
	TM_REUSE_FOLLOWED, /* whose object is in them, as tracemalloc has it */
	TM_REUSE_LOST,     /* both: the program's tracemalloc, or another tool, has taken
			      the place in which the recorder was told */
};

/* What can be found out without stopping the target. */
struct tm_status {
	enum tm_runtime_kind kind;
	enum tm_tracing tracing;
	char runtime[64];          /* "CPython 3.13.5", "CPython 3.14.2 debug" */
	uint32_t traceback_limit;
	uint64_t traced_current;   /* bytes */
	uint64_t traced_peak;      /* bytes */
	uint64_t ntraces;          /* entries of the default-domain table */
	uint64_t rss;              /* resident bytes of the process; 0: unknown,
				      as in a core */
	bool recorder;             /* it is the recorder that traces */
	uint64_t sample_bytes;     /* as it was started; 0: every block */
	bool c_frames;             /* C functions are between those of Python; in */
	uint64_t unmerged;         /* so many stacks they did not fit, and those
				      have the Python functions alone */
	bool maps;                 /* what is mapped is traced, too, in TM_DOMAIN_MAPS */
	bool c_memory;             /* what C code takes from malloc() is traced, too,
				      in TM_DOMAIN_C */
	enum tm_reuse reuse;
};

/* Cheap: a few small reads, no stop. TM_ERR_GONE when the target ended. */
bool tm_session_status(struct tm_session *session, struct tm_status *ret,
		       struct tm_err *err) TM_MUST_CHECK;

/* What a process is whose Python tm_session_open() refused as unsupported: its
 * `runtime` and `rss`. False: there is no Python. */
bool tm_unsupported_status(pid_t pid, struct tm_status *ret);

/*
 * Where the memory of a process is, in bytes: figures of the kernel, of
 * pymalloc and of glibc's malloc, all of one instant.
 */
struct tm_memory {
	bool has_resident;     /* false: a core, which does not say what was
				  resident; `arenas` and what is marked
				  "resident" are 0 */
	uint64_t rss;          /* resident: file_maps + anonymous */
	uint64_t file_maps;    /* resident pages of files and shared memory */
	uint64_t anonymous;    /* resident: heap, stacks, changed pages of files */
	bool has_arenas;       /* false: the figures of arenas are unknown */
	char why_no_arenas[48]; /* "" where there is no Python */
	uint64_t arenas;       /* resident pages of pymalloc's arenas */
	uint64_t arenas_size;  /* resident or not: the sum of what follows */
	uint64_t arenas_used;  /* blocks in use */
	uint64_t arenas_free_blocks; /* free ones, in pools with some in use */
	uint64_t arenas_free_pools;  /* pools with none in use */
	uint64_t arenas_overhead;    /* headers and rounding */
	bool has_malloc;       /* false: the figures of malloc are unknown */
	char why_no_malloc[80];
	uint64_t malloc_size;  /* resident or not: the sum of what follows */
	uint64_t malloc_used, malloc_free;
	uint64_t pause_ns;     /* how long the target was stopped for this */
	uint64_t shared;       /* of file_maps: resident shared memory, also memfd
				  and tmpfs */
	uint64_t malloc_arenas;    /* how many it has */
	uint64_t malloc_free_most; /* what is free in the one with the most of it */
	bool has_parts;        /* false: the figures below are unknown. The resident
				  anonymous pages, less `arenas`, are their sum */
	char why_no_parts[64];
	uint64_t malloc_used_resident, malloc_free_resident; /* 0 without has_malloc */
	uint64_t stacks;       /* of threads, */
	uint64_t nstacks;      /* and of how many beside the first; those included
				  that have ended and are not joined */
	uint64_t images;       /* data of the program and of libraries, changed pages
				  of files */
	uint64_t mapped;       /* mapped, by none of these */
	uint64_t unseen;       /* pages that could not be looked up */
	bool has_untraced;     /* false: the next are unknown. What malloc_used has beside
				  the first two: heads, rounding, what threads keep */
	uint64_t malloc_traced;   /* blocks that the recorder knows, as they were asked for */
	uint64_t malloc_untraced; /* others that are in use */
	uint64_t malloc_untraced_blocks;
};

/* As cheap as a snapshot with few traces: the process is stopped, and copied
 * where it has much memory. TM_ERR_GONE when it has ended. */
bool tm_session_memory(struct tm_session *session, struct tm_memory *ret,
		       struct tm_err *err) TM_MUST_CHECK;

/* ---- traces --------------------------------------------------------------- */

/*
 * One consistent snapshot, which belongs to the caller. TM_ERR_NOT_TRACED when
 * tracing is off, TM_ERR_BUSY when the tables were never at rest, TM_ERR_GONE.
 */
struct tm_snapshot *tm_session_take_snapshot(struct tm_session *session,
					     struct tm_err *err) TM_MUST_CHECK;

/*
 * The same, and what tm_session_memory() tells: of one instant, by one stop, where a
 * CPython's tracemalloc is read; ret_memory->pause_ns is what came on top of the
 * snapshot's pause. NULL with *err: tm_session_memory() may do all the same.
 */
struct tm_snapshot *tm_session_take_with_memory(struct tm_session *session,
						struct tm_memory *ret_memory,
						struct tm_err *err) TM_MUST_CHECK;

/*
 * One snapshot of several processes. *ret_once has of its traces what those that
 * were taken for this family before have not counted: memory that is shared since a
 * fork, since nobody has written to it, is there once although each process traces it.
 * Of a block that is partly so the rest is there. NULL: all of them count. A family is
 * used by one thread at a time, for one round of snapshots. Without
 * CAP_SYS_ADMIN two pages at one address that are shared, but not with each other,
 * are taken for one.
 */
struct tm_family *tm_family_create(void);
void tm_family_destroy(struct tm_family *family); /* NULL is fine */
struct tm_snapshot *tm_session_take_member(struct tm_session *session,
					   struct tm_family *family,
					   struct tm_snapshot **ret_once,
					   struct tm_err *err) TM_MUST_CHECK;

/*
 * Where a block was allocated: a snapshot with the one trace of the block at
 * `address`, or of the Python object whose id() it is; without a trace if there
 * is none (the block is older than tracing, or there is no such block). For an
 * object this is what tracemalloc.get_object_traceback() returns. Only reads.
 */
struct tm_snapshot *tm_session_where(struct tm_session *session, uint64_t address,
				     struct tm_err *err) TM_MUST_CHECK;

/* ---- control of tracing --------------------------------------------------- */

/*
 * tracemalloc's start(), stop(), clear_traces() and reset_peak(), from outside.
 *
 * In a CPython, start, stop and clear are executed by the target itself, on a
 * short-lived thread of its own that takes the GIL like any other: they work
 * while the main thread sleeps, runs Python or runs C code. Where a program that
 * embeds Python waits with the GIL held, the waiting thread makes the call. They
 * wait for their turn for at most `timeout_ms` (0: 5 seconds).
 *
 * TM_ERR_BUSY: nothing was done and nothing will be (a C call holds the GIL, the
 * process is stopped); the cause says what kept it. TM_ERR_LIMIT: the target
 * raised an exception, whose text is the cause. TM_ERR_UNSUPPORTED: this version
 * would hang or crash, given the subinterpreters that exist or existed.
 *
 * In a session on the recorder they load it, unload it and empty its table. The
 * target executes nothing for that, and `timeout_ms` has no meaning.
 */
enum { TM_NFRAME_MAX = 65535 };

/* What a call has done, and how the target is now. */
struct tm_control_result {
	bool changed;             /* false: it was so already */
	uint32_t traceback_limit; /* while tracing */
};

/*
 * start(nframe), 1 to TM_NFRAME_MAX (else TM_ERR_USAGE). A target that is
 * tracing already keeps its limit: `changed` is false. TM_ERR_NOT_TRACED: the
 * interpreter is starting up or shutting down.
 */
bool tm_session_start_tracing(struct tm_session *session, uint32_t nframe,
			      unsigned timeout_ms,
			      struct tm_control_result *ret,
			      struct tm_err *err) TM_MUST_CHECK;

/* stop(): all traces are gone. */
bool tm_session_stop_tracing(struct tm_session *session, unsigned timeout_ms,
			     struct tm_control_result *ret,
			     struct tm_err *err) TM_MUST_CHECK;

/* clear_traces(). TM_ERR_NOT_TRACED when tracing is off. */
bool tm_session_clear_traces(struct tm_session *session, unsigned timeout_ms,
			     struct tm_err *err) TM_MUST_CHECK;

/* reset_peak(), by writing to the target's memory. */
bool tm_session_reset_peak(struct tm_session *session,
			   struct tm_err *err) TM_MUST_CHECK;

/* ---- the memory that processes share ---------------------------------------- */

/*
 * What of its memory a process has alone. From /proc/PID/smaps: the kernel walks
 * through all of the memory for it, some 10 ms a GiB; the process keeps running.
 */
struct tm_shared {            /* bytes */
	uint64_t rss;         /* resident */
	uint64_t pss;         /* the same, where each page counts by its share: the
				 sum over all processes counts it once */
	uint64_t inherited;   /* anonymous and shared with other processes: it was
				 there at a fork, and neither side has written to it */
};

/* Any thread. False: it may not be read, or there is no such process. */
bool tm_shared_read(pid_t pid, struct tm_shared *ret);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
