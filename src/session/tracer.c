#include "session/tracer.h"

#include "session/core.h"

static bool find_tracemalloc(struct tm_session *session, struct tm_err *err)
{
	return tm_subject_python(session, err) &&
	       py_tracing_find(session->mem, &session->maps, session->process.pid,
			       &session->runtime, err);
}

/* ---- a live process ------------------------------------------------------------ */

/* What start can do for it. Users who start tracing in a Python expect lines
 * of Python: a recorder that has none must be asked for. */
static bool advise(const struct tm_session *session, struct tm_err *err)
{
	if (err->hint[0])
		return false;
	if (!session->runtime.name[0])
		return tm_err_hint(err, "`tmattach start %d' injects the recorder for "
				   "native programs", (int)session->process.leader);
	return tm_err_hint(err, "`tmattach start --recorder %d' injects the recorder "
			   "for native programs, which sees C functions, but no "
			   "lines of Python", (int)session->process.leader);
}

/* In a CPython whose tracemalloc we know: is it the recorder that records Python
 * objects, or is to? Where both are on, tracemalloc answers. */
static bool python_is_recorded(struct tm_session *session)
{
	const struct tm_session_opts *opts = &session->opts;
	struct py_status status;
	struct tm_err unreadable;

	if (opts->sample_bytes || opts->exact)
		return true;
	return tm_python_recorded(session) &&
	       (!py_status_read(session->mem, &session->runtime, &status, &unreadable) ||
		status.state != PY_TRACING);
}

/* A process whose tracemalloc we do not know, or one to be recorded all the
 * same: where the user wants a recorder, or one is there. */
static bool choose_live(struct tm_session *session, struct tm_err *err)
{
	const struct tm_session_opts *opts = &session->opts;
	bool found = find_tracemalloc(session, err);
	bool none = !found && !session->runtime.name[0];

	session->backend = &tm_backend_cpython;
	if (found && !opts->use_recorder) {
		if (python_is_recorded(session))
			session->backend = &tm_backend_python;
		return true;
	}
	if (!found && err->kind != TM_ERR_NO_RUNTIME && err->kind != TM_ERR_UNSUPPORTED)
		return false;
	session->backend = &tm_backend_native;
	return opts->use_recorder || (opts->allow_native && none) ||
	       tm_native_recorded(session) || advise(session, err);
}

/* ---- a core ---------------------------------------------------------------------- */

/* Variables must come from the core: files hold their initial values. */
static bool check_roots(const struct tm_session *session, struct tm_err *err)
{
	const struct tm_core_file *file = &session->core->file;
	const struct py_roots *roots = &session->runtime.roots;

	if (tm_core_holds(file, roots->tracing) && tm_core_holds(file, roots->traces) &&
	    tm_core_holds(file, roots->traced) && tm_core_holds(file, roots->lock))
		return true;
	return tm_err_set(err, TM_ERR_UNSUPPORTED, session->object,
			  "the variables of %s were not written to the core "
			  "(coredump_filter)", session->runtime.name);
}

/* CPython's tables, or the recorder's where they are asked for or there are
 * none. */
static bool choose_in_core(struct tm_session *session, struct tm_err *err)
{
	const bool wanted = session->opts.use_recorder;
	bool found = find_tracemalloc(session, err);
	struct tm_err none;

	session->backend = &tm_backend_cpython;
	if (found && !wanted)
		return check_roots(session, err);
	if (!found && err->kind != TM_ERR_UNSUPPORTED && err->kind != TM_ERR_NO_RUNTIME &&
	    err->kind != TM_ERR_CORRUPT && !wanted)
		return false;
	session->backend = &tm_backend_core_recorder;
	if (tm_core_recorder_find(session, &none))
		return true;
	/* What is wrong with the recorder, if there was one. */
	if (none.kind != TM_ERR_NOT_TRACED || wanted)
		*err = none;
	else if (!session->core->lacking[0])
		tm_err_hint(err, "the process had no recorder in it, either");
	return false;
}

const struct tm_backend *tm_tracer(struct tm_session *session, struct tm_err *err)
{
	struct tm_err tried = { 0 }; /* it was about one tracer: there may be the other */

	if (!session->backend &&
	    !(session->core ? choose_in_core : choose_live)(session, &tried)) {
		session->backend = NULL;
		tm_subject_explain(session, &tried);
		*err = tried;
	}
	return session->backend;
}
