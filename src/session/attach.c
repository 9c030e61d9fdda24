#include "session/attach.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/guard.h"
#include "remote/remote.h"
#include "session/backend.h"
#include "session/native.h"
#include "target/maps.h"

void tm_session_note(const struct tm_session *session, const char *fmt, ...)
{
	char text[256];
	va_list args;

	if (!session->opts.note)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	session->opts.note(session->opts.note_ctx, text);
}

bool tm_attach_explain(const struct tm_session *session, struct tm_err *err)
{
	struct tm_err gone;

	if (!tm_process_check(&session->process, &gone)) {
		*err = gone;
		return false;
	}
	if (err->kind == TM_ERR_OS &&
	    (err->sys_errno == EPERM || err->sys_errno == EACCES))
		return tm_process_denied(&session->process, err);
	if (!strstr(err->object, session->process.object)) {
		char object[sizeof(err->object)];

		snprintf(object, sizeof(object), "%s%s%.200s",
			 session->process.object, err->object[0] ? ", " : "",
			 err->object);
		tm_err_about(err, "%s", object);
	}
	return false;
}

bool tm_attach_refresh(struct tm_session *session, struct tm_err *err)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };

	if (!tm_maps_read(session->process.pid, &maps, err))
		return tm_attach_explain(session, err);
	session->writable_bytes = tm_maps_writable_bytes(&maps);
	return true;
}

static bool find_runtime(struct tm_session *session, struct tm_err *err)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };

	if (!tm_maps_read(session->process.pid, &maps, err) ||
	    !tm_remote_find_insn(session->mem, &maps, &session->syscall_insn, err))
		return false;
	session->writable_bytes = tm_maps_writable_bytes(&maps);
	session->backend = &tm_backend_cpython;
	return py_runtime_find(session->mem, &maps, session->process.pid,
			       &session->runtime, err);
}

/* A process without a CPython that we know, or one to be recorded all the
 * same: where the user wants a recorder, or one is there. */
static bool choose_backend(struct tm_session *session, bool found,
			   struct tm_err *err)
{
	const struct tm_session_opts *opts = &session->opts;

	if (found && !opts->use_recorder)
		return true;
	if (!found && err->kind != TM_ERR_UNSUPPORTED)
		return false;
	if (!found)
		session->runtime = (struct py_runtime){ 0 };
	if (opts->use_recorder || opts->native_too)
		return tm_native_attach(session, false);
	if (tm_native_attach(session, true))
		return true;
	if (!err->hint[0])
		tm_err_hint(err, "`tmattach start %d' puts the recorder for native "
				 "programs into it", (int)session->process.pid);
	return false;
}

bool tm_attach(struct tm_session *session, pid_t pid, struct tm_err *err)
{
	const pid_t held = session->process.held;
	bool found;

	if (!tm_process_open(pid, &session->process, err))
		return false;
	session->process.held = held;
	session->mem = tm_mem_proc(pid, err);
	found = session->mem && find_runtime(session, err);
	if (session->mem && choose_backend(session, found, err))
		return true;
	return tm_attach_explain(session, err);
}

void tm_detach(struct tm_session *session)
{
	tm_native_detach(session);
	tm_mem_destroy(session->mem);
	session->mem = NULL;
}
