/* A core file as a subject. Private to src/session. */
#ifndef TM_SESSION_CORE_H
#define TM_SESSION_CORE_H

#include "mem/core_file.h"
#include "session/subject.h"

/* What only a core has. */
struct tm_core {
	struct tm_core_file file;
	char *path, *exe;
	int *fds;               /* the mapped files that were found */
	size_t nfds, fds_cap;
	char lacking[256];      /* the first image whose file is not there */
};

/* tm_subject_open() of a core; errors are not explained yet. */
bool tm_core_open(struct tm_session *session, const char *path,
		  struct tm_err *err) TM_MUST_CHECK;
void tm_core_close(struct tm_core *core); /* NULL is fine */

/* What may explain an error: a file that is not there, a core cut short. */
void tm_core_advise(const struct tm_core *core, struct tm_err *err);

#endif
