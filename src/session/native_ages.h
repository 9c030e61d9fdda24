/* What the session's options ask of the ages of the recorder's blocks. Private to
 * src/session. */
#ifndef TM_SESSION_NATIVE_AGES_H
#define TM_SESSION_NATIVE_AGES_H

#include "session/subject.h"
#include "trace/recorder_copy.h"

/* Do they ask anything that only the recorder can tell? */
bool tm_wants_ages(const struct tm_session_opts *opts);
/* Who else was asked cannot: false, with *err. */
bool tm_no_ages(const struct tm_session *session, struct tm_err *err);
/* Keep of the copy the blocks and mappings of these ages; `mem` has the table at `at`. */
bool tm_native_of_ages(const struct tm_session *session, struct tm_recorder_copy *copy,
		       struct tm_mem *mem, tm_addr at, struct tm_err *err) TM_MUST_CHECK;
/* Say how far a table at the peak may be from that. */
void tm_native_tell_peak(const struct tm_session *session,
			 const struct tm_recorder_copy *copy, struct tm_meta *meta);
/* Say once how much of it are mappings. */
void tm_native_tell_mappings(struct tm_session *session, const struct tm_recorder_copy *copy);

#endif
