/* What a session knows about its target. Private to src/session. */
#ifndef TM_SESSION_ATTACH_H
#define TM_SESSION_ATTACH_H

#include "mem/mem.h"
#include "remote/remote.h"
#include "py/runtime.h"
#include "target/process.h"
#include "tmattach/session.h"

struct tm_session {
	struct tm_session_opts opts;
	struct tm_process process;
	struct tm_mem *mem;
	struct py_runtime runtime;
	uint64_t writable_bytes;  /* in private or shared writable mappings */
	bool huge_known;
	uint64_t huge;            /* bytes in huge pages, asked once if at all */
	struct tm_remote_code syscall_insn; /* for remote system calls */
	struct tm_source_lines *source_lines;
	const struct tm_backend *backend;
	struct tm_native *native; /* of tm_backend_native */
};

/* Find process and runtime; false with *err and nothing to release but what
 * tm_detach() releases. */
bool tm_attach(struct tm_session *session, pid_t pid, struct tm_err *err);
/* tm_session_open() for a process whose thread `held` the calling thread of
 * ours has stopped already and keeps so (target/process.h); 0: none. */
struct tm_session *tm_session_open_held(pid_t pid, pid_t held,
					const struct tm_session_opts *opts,
					struct tm_err *err) TM_MUST_CHECK;
void tm_detach(struct tm_session *session);

/* Look at the mappings again (they grow); keeps the runtime. */
bool tm_attach_refresh(struct tm_session *session, struct tm_err *err);

/* The best explanation of an error that a lower room reported: a process that
 * has ended explains all others. Names the object. Returns false. */
bool tm_attach_explain(const struct tm_session *session, struct tm_err *err);

/* A remark for the user, if anybody listens. */
void tm_session_note(const struct tm_session *session, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
