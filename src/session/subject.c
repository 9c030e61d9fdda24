#include "session/subject.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "inject/inject.h"
#include "session/core.h"
#include "session/function_names.h"
#include "tmattach/source.h"

void tm_subject_note(const struct tm_session *session, const char *fmt, ...)
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

bool tm_subject_check(const struct tm_session *session, struct tm_err *err)
{
	return session->core || tm_process_check(&session->process, err);
}

bool tm_subject_explain(const struct tm_session *session, struct tm_err *err)
{
	struct tm_err gone;

	if (!tm_subject_check(session, &gone)) {
		*err = gone;
		return false;
	}
	if (!session->core && err->kind == TM_ERR_OS &&
	    (err->sys_errno == EPERM || err->sys_errno == EACCES))
		return tm_process_denied(&session->process, err);
	if (!strstr(err->object, session->object)) {
		char object[sizeof(err->object)];

		snprintf(object, sizeof(object), "%.150s%s%.150s", session->object,
			 err->object[0] ? ", " : "", err->object);
		tm_err_about(err, "%s", object);
	}
	if (session->core)
		tm_core_advise(session->core, err);
	return false;
}

/* ---- its parts ---------------------------------------------------------------- */

bool tm_subject_refresh(struct tm_session *session, struct tm_err *err)
{
	struct tm_maps maps;

	if (session->core)
		return true;
	if (!tm_maps_read(session->process.pid, &maps, err))
		return false;
	tm_maps_free(&session->maps);
	session->maps = maps;
	return true;
}

bool tm_subject_python(struct tm_session *session, struct tm_err *err)
{
	if (!session->python_sought &&
	    !py_runtime_find(session->mem, &session->maps, session->process.pid,
			     &session->runtime, &session->no_python))
		session->runtime.layout = NULL;
	session->python_sought = true;
	if (!session->runtime.layout)
		*err = session->no_python;
	return session->runtime.layout != NULL;
}

struct py_stack_reader *tm_subject_stacks(struct tm_session *session,
					  struct tm_err *err)
{
	if (!session->stacks && tm_subject_python(session, err))
		session->stacks = py_stack_reader_create(session->mem,
							 &session->runtime, err);
	return session->stacks;
}

struct tm_symbolizer *tm_subject_symbolizer(struct tm_session *session)
{
	if (!session->symbolizer) {
		native_modules_init(&session->modules, session->process.pid,
				    session->mem);
		session->symbolizer = tm_symbolizer_create(&session->modules);
	}
	session->modules_changed |= native_modules_update(&session->modules,
							  &session->maps);
	return session->symbolizer;
}

struct tm_unwinder *tm_subject_unwinder(struct tm_session *session,
					struct tm_err *err)
{
	tm_subject_symbolizer(session);
	if (!session->unwinder)
		session->unwinder = tm_unwinder_create(&session->modules, err);
	if (session->unwinder)
		tm_unwinder_begin(session->unwinder, session->modules_changed);
	session->modules_changed = false;
	return session->unwinder;
}

bool tm_subject_insn(struct tm_session *session, struct tm_err *err)
{
	return session->syscall_insn.insn ||
	       tm_remote_find_insn(session->mem, &session->maps,
				   &session->syscall_insn, err);
}

bool tm_subject_has_census(const struct tm_session *session)
{
	return !session->runtime.free_threaded || session->runtime.layout->mimalloc_known;
}

/* ---- a live process ------------------------------------------------------------ */

bool tm_subject_open(struct tm_session *session, pid_t pid, pid_t held,
		     struct tm_err *err)
{
	session->object = session->process.object;
	if (!tm_process_open(pid, &session->process, err))
		return false;
	session->process.held = held;
	session->mem = tm_mem_proc(session->process.pid, err);
	return (session->mem && tm_subject_refresh(session, err)) ||
	       tm_subject_explain(session, err);
}

void tm_subject_close(struct tm_session *session)
{
	tm_inject_close(session->injection);
	tm_source_lines_destroy(session->source_lines);
	tm_function_names_destroy(session->functions);
	py_stack_reader_destroy(session->stacks);
	tm_unwinder_destroy(session->unwinder);
	tm_symbolizer_destroy(session->symbolizer);
	native_modules_deinit(&session->modules);
	tm_mem_destroy(session->mem);
	tm_maps_free(&session->maps);
	tm_core_close(session->core);
}
