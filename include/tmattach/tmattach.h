/*
 * libtmattach: the whole library in one include.
 *
 *	err.h      errors as values; what happens when memory runs out
 *	model.h    snapshots: pure data, and how it is built
 *	stats.h    filters, statistics, differences, series
 *	format.h   tracebacks and statistics as text
 *	file.h     snapshot files
 *	process.h  processes and core files: traces, control, memory
 *	threads.h  their threads, tasks and greenlets
 *	source.h   their source text
 *	run.h      starting a command with tracing on
 *
 * Ownership. What a function named _create, _open, _load, _take_... returns
 * belongs to the caller, who gives it to the function named _destroy or _close
 * beside it; these accept NULL. A plain `char *` or array that a comment calls
 * malloc'ed is for free(). A const pointer is borrowed: from a constant of the
 * library, or from the argument it was asked of, as long as that lives.
 *
 * Threads. Functions that take no session, builder or struct tm_source_lines
 * may be called from any thread at any time; snapshots and statistics are
 * immutable and can be shared. A session, a builder and source lines are used
 * by one thread at a time. tm_on_out_of_memory() comes before all other calls.
 * tm_run_watched() and tm_run_exec() take over signals and children of the
 * process: call them while no other thread is using the library.
 *
 * Compatibility. The shared library is libtmattach.so.0, its symbols have the
 * version LIBTMATTACH_0. As long as that number stays, functions, enumerators
 * and macros may be added; what exists keeps its name, type, value and meaning,
 * and no struct changes its size or layout. Anything else, also a new member of
 * a struct of options, raises the number. Initialise structs of options with
 * designated initialisers or zeroes ({0}): zero means the default, also for
 * members that later headers add, so that a program needs no change when it is
 * compiled again. Let the library make its structs: a result is read, not built.
 * The static library exports the same symbols and promises the same.
 */
#ifndef TMATTACH_TMATTACH_H
#define TMATTACH_TMATTACH_H

#include "tmattach/err.h"
#include "tmattach/file.h"
#include "tmattach/format.h"
#include "tmattach/model.h"
#include "tmattach/process.h"
#include "tmattach/run.h"
#include "tmattach/source.h"
#include "tmattach/stats.h"
#include "tmattach/threads.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* exported by the library */

/* The version of these headers. */
#define TM_VERSION_MAJOR 0
#define TM_VERSION_MINOR 2
#define TM_VERSION_PATCH 0

/* That of the library in use: "0.2.0". */
const char *tm_version(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
