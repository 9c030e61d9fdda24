/*
 * Names of the code in recorded stacks, whose modules may be gone or have others in
 * their place. Private to src/session.
 */
#ifndef TM_SESSION_NATIVE_NAMES_H
#define TM_SESSION_NATIVE_NAMES_H

#include "session/subject.h"
#include "trace/recorder_modules.h"

struct tm_native_names;

/* Of the recorder whose table is at `at`; kept in the session, and brought up to date
 * by each call. NULL: *err. */
struct tm_native_names *tm_native_names(struct tm_session *session, struct tm_mem *table,
					tm_addr at, const struct tm_recorder_table *head,
					struct tm_err *err);
void tm_native_names_destroy(struct tm_native_names *names); /* NULL is fine */

/* A note of the modules whose allocators came later than the recorder, unless it was
 * made before. */
void tm_native_names_remark(struct tm_native_names *names);

/* What stands behind this word of a stack. */
struct tm_code_place tm_native_names_place(struct tm_native_names *names, uint64_t word);

#endif
