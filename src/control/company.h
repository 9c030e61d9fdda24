/*
 * Interpreters other than the main one, and what tracing does to them
 * (enum py_company). Private to src/control.
 */
#ifndef TM_CONTROL_COMPANY_H
#define TM_CONTROL_COMPANY_H

#include "control/control.h"

/* Where the target counts the interpreters that it ever had (int64_t); 0 if
 * that cannot be found. */
tm_addr control_made_at(const struct control_target *target);

/* Has it had more than the main one? As seen from outside. */
bool control_made_many(const struct control_target *target, tm_addr made_at);

/* Nothing runs. False, with an error: the call is not made with the others
 * that live there now, as far as that can be seen from outside. */
bool control_company_allows(const struct control_target *target,
			    const struct control_call *call, struct tm_err *err);

/* The error for a call that is not made because of them; always false. */
bool control_refuse_company(const struct control_target *target,
			    const struct control_call *call, struct tm_err *err);

#endif
