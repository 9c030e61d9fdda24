#include "session/recorded_lines.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "inject/inject.h"
#include "session/tracer.h"

struct tm_recorded {
	struct tm_session *session;
	struct tm_inject_look *look; /* NULL: a core, whose table is in `copy` */
	struct tm_recorder_copy copy;
	struct tm_err why;       /* the instant could not be marked, or the core's table read */
	bool marked;
};

static struct tm_recorded *of_process(struct tm_session *session)
{
	struct tm_recorded *recorded;
	struct tm_inject_status status;
	struct tm_err ignored;

	if (!tm_python_recorded(session) ||
	    !tm_inject_status(session->injection, &status, &ignored) || status.sample_bytes)
		return NULL;
	recorded = tm_calloc(1, sizeof(*recorded));
	recorded->session = session;
	recorded->look = tm_inject_look_create(session->injection, &recorded->copy);
	return recorded;
}

/* What cannot be read of a table that is there is told by tm_recorded_read(). */
static struct tm_recorded *of_core(struct tm_session *session)
{
	struct tm_recorded *recorded;
	struct tm_err ignored;

	if (!tm_core_recorder_find(session, &ignored))
		return NULL;
	recorded = tm_calloc(1, sizeof(*recorded));
	recorded->session = session;
	recorded->marked = tm_core_recorder_copy(session, &recorded->copy, &recorded->why);
	if (!recorded->marked || (tm_recorder_is_python(&recorded->copy.table) &&
				  recorded->copy.table.sample_bytes == 0))
		return recorded;
	tm_recorded_destroy(recorded);
	return NULL;
}

struct tm_recorded *tm_recorded_create(struct tm_session *session)
{
	return session->core ? of_core(session) : of_process(session);
}

void tm_recorded_destroy(struct tm_recorded *recorded)
{
	if (!recorded)
		return;
	if (recorded->look)
		tm_inject_look_destroy(recorded->look);
	tm_recorder_copy_free(&recorded->copy);
	free(recorded);
}

bool tm_recorded_prepare(struct tm_recorded *recorded, struct tm_err *err)
{
	return !recorded->look || tm_inject_look_prepare(recorded->look, err);
}

void tm_recorded_mark(struct tm_recorded *recorded)
{
	if (recorded->look)
		recorded->marked = tm_inject_look_begin(recorded->look, &recorded->why);
}

bool tm_recorded_read(struct tm_recorded *recorded, const struct tm_instant *instant,
		      struct tm_err *err)
{
	if (!recorded->marked) {
		*err = recorded->why;
		return false;
	}
	return !recorded->look || tm_inject_look_read(recorded->look, instant->held, err);
}

bool tm_recorded_lines(struct tm_recorded *recorded, struct tm_block_lines *ret,
		       struct tm_err *err)
{
	const struct tm_session *session = recorded->session;
	tm_addr at = session->table;
	struct tm_mem *table = recorded->look ? tm_inject_table(session->injection, &at)
					      : session->mem;

	return tm_block_lines_recorded(&recorded->copy, table, at,
				       session->runtime.layout->stack.lines, ret, err);
}
