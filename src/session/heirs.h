/* Children that were forked while their parent was recorded. Private to src/session. */
#ifndef TM_SESSION_HEIRS_H
#define TM_SESSION_HEIRS_H

struct tm_session;

/*
 * Take out of all descendants what they have inherited of the recorder: hooks that do
 * nothing. What cannot be taken out is told in a note.
 */
void tm_tidy_heirs(const struct tm_session *session);

#endif
