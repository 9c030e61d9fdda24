/*
 * Texts of tracebacks and statistics, bit for bit as CPython makes them.
 *
 * Threads: all functions may be called from any thread; source lines are used by one at
 * a time.
 */
#ifndef TMATTACH_FORMAT_H
#define TMATTACH_FORMAT_H

#include "tmattach/stats.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* exported by the library */

/* tracemalloc._format_size(size, sign); returns buf, which has 32 bytes. */
char *tm_format_size(char buf[32], double size, bool sign);

/* Ages as users write them, the newest and the oldest: "12s-3h", "5m"; buf has 32 bytes.
 * "": they are not known. */
char *tm_format_ages(char buf[32], const struct tm_ages *ages);

/*
 * The texts that follow are malloc'ed, *ret_len (may be NULL) their length; they may
 * contain lone surrogates as 3-byte sequences and NULs, as the names do.
 */

/* str(Statistic) or str(StatisticDiff). */
char *tm_stat_str(const struct tm_stat *stat, bool diff, size_t *ret_len);

/*
 * Where source lines come from: returns the line's text without surrounding
 * white space, malloc'ed, or NULL if there is none. `lineno` counts from 1.
 */
struct tm_source_lines {
	char *(*line)(void *ctx, struct tm_text filename, uint32_t lineno);
	void *ctx;
};

/*
 * Traceback.format(limit, most_recent_first) joined with newlines:
 * limit > 0 the last `limit` frames, < 0 the first all-but, TM_NO_LIMIT all.
 * With `functions`, lines of Python frames end in ", in NAME" where it is known, as
 * those of native ones do.
 */
#define TM_NO_LIMIT INT32_MAX
char *tm_traceback_format(const struct tm_snapshot *snapshot, tm_id traceback,
			  int32_t limit, bool most_recent_first, bool functions,
			  const struct tm_source_lines *source,
			  size_t *ret_len);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
