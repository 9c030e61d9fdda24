/*
 * The lines that have allocated the blocks of a CPython, by our recorder's table of the
 * instant of a look that reads something else. Private to src/session.
 *
 *	tm_recorded_prepare()    before the look
 *	tm_recorded_mark()       while the process is stopped for it
 *	tm_recorded_read()       first of all when it reads
 *	tm_recorded_lines()      at leisure
 */
#ifndef TM_SESSION_RECORDED_LINES_H
#define TM_SESSION_RECORDED_LINES_H

#include "session/look.h"
#include "trace/block_lines.h"

struct tm_recorded;

/* NULL: no recorder is in its Python, or one that records by chance only. */
struct tm_recorded *tm_recorded_create(struct tm_session *session);
void tm_recorded_destroy(struct tm_recorded *recorded); /* NULL is fine */

bool tm_recorded_prepare(struct tm_recorded *recorded, struct tm_err *err) TM_MUST_CHECK;
/* What goes wrong is told by the next. */
void tm_recorded_mark(struct tm_recorded *recorded);
/* TM_ERR_BUSY: not at this instant. */
bool tm_recorded_read(struct tm_recorded *recorded, const struct tm_instant *instant,
		      struct tm_err *err) TM_MUST_CHECK;
bool tm_recorded_lines(struct tm_recorded *recorded, struct tm_block_lines *ret,
		       struct tm_err *err) TM_MUST_CHECK;

#endif
