/*
 * One call on its way: what its beginning (begin.c) and the rest (control.c) share. Private
 * to src/control.
 */
#ifndef TM_CONTROL_DOING_H
#define TM_CONTROL_DOING_H

#include "control/drain.h"
#include "control/instant.h"
#include "control/mapping.h"

struct doing {
	const struct control_target *target;
	const struct control_call *call;
	struct control_view view;
	struct tm_stop stop;
	struct control_mapping mapping;
	struct control_drain drain;
	bool launched;          /* a helper may come of it, or has */
	tm_addr made_at;        /* of _PyRuntime; 0: not known */
	uint64_t deadline;
};

/* ---- begin.c -------------------------------------------------------------------- */

/* Wait for the helper of another tmattach (stray.h). */
bool control_wait_for_others(struct doing *doing, struct tm_err *err) TM_MUST_CHECK;
/* What can be examined while the target runs. */
bool control_look(struct doing *doing, struct tm_err *err) TM_MUST_CHECK;
/* Bring the helper in. */
bool control_begin(struct doing *doing, struct tm_err *err) TM_MUST_CHECK;

/* ---- doing.c -------------------------------------------------------------------- */

/* The time is up, or the caller no longer wants it... */
bool control_is_over(const struct doing *doing);
/* ...and which of both; false. */
bool control_explain_over(const struct doing *doing, struct tm_err *err);
/*
 * Nothing runs: a thread that still waits for the GIL is to do nothing but
 * end, and one that executes what can be undone is to undo it. *ret_begun: too
 * late, it has the GIL.
 */
bool control_withdraw(struct doing *doing, bool *ret_begun, struct tm_err *err) TM_MUST_CHECK;

#endif
