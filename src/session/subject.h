/*
 * The object of a query: a live process or the core of one. Its parts are made when
 * they are first asked for, and shared by all queries. Private to src/session.
 */
#ifndef TM_SESSION_SUBJECT_H
#define TM_SESSION_SUBJECT_H

#include "mem/mem.h"
#include "native/symbols.h"
#include "native/unwind.h"
#include "py/pystack.h"
#include "py/runtime.h"
#include "remote/remote.h"
#include "target/process.h"
#include "tmattach/format.h"
#include "tmattach/process.h"

struct tm_session {
	struct tm_session_opts opts;
	struct tm_process process;      /* of a core: pid 0, and what it says */
	struct tm_core *core;           /* NULL: a live process */
	const char *object;             /* "pid 4711 (python3)", or the core's path */
	struct tm_mem *mem;
	struct tm_maps maps;            /* as they were read last */

	/* Use the functions below for what follows. */
	bool python_sought;
	struct py_runtime runtime;      /* `layout` is NULL: no known Python */
	struct tm_err no_python;        /* why not */
	struct py_stack_reader *stacks;
	struct native_modules modules;
	bool modules_changed;           /* since the unwinder was updated */
	struct tm_symbolizer *symbolizer;
	struct tm_native_names *names;  /* native_names.h */
	struct tm_unwinder *unwinder;
	struct tm_remote_code syscall_insn;
	struct tm_source_lines *source_lines;
	struct tm_function_names *functions; /* names of lines; NULL: none were asked for */
	bool huge_known;
	uint64_t huge;                  /* bytes in huge pages */

	struct tm_family *family;       /* whom the snapshot that is taken is one of */
	struct tm_snapshot *once;       /* and what it adds to it; NULL: all */
	struct tm_figures *figures;     /* that go along with it (memory.h); NULL: none */

	const struct tm_backend *backend; /* tracer.h; NULL: not chosen yet */
	bool told_mappings;             /* that there are mappings among the traces */
	struct tm_injection *injection; /* the recorder of a live process */
	tm_addr table;                  /* and where its table is in a core */
	struct tm_thread_names *threads; /* its threads (thread_names.h); NULL: none seen */
};

/* False with *err; close it in any case. `held` is a thread that the calling
 * thread has already stopped, and keeps stopped; 0: none. */
bool tm_subject_open(struct tm_session *session, pid_t pid, pid_t held,
		     struct tm_err *err) TM_MUST_CHECK;
void tm_subject_close(struct tm_session *session);

/* tm_session_open() on a process of which `held` is held like that: all acts happen on the
 * calling thread. */
struct tm_session *tm_session_open_held(pid_t pid, pid_t held,
					const struct tm_session_opts *opts,
					struct tm_err *err) TM_MUST_CHECK;

/* TM_ERR_GONE unless it is still there; a core always is. */
bool tm_subject_check(const struct tm_session *session,
		      struct tm_err *err) TM_MUST_CHECK;

/* Read the mappings again; those of a core do not change. */
bool tm_subject_refresh(struct tm_session *session,
			struct tm_err *err) TM_MUST_CHECK;

/* Find Python, tracing or not: session->runtime. */
bool tm_subject_python(struct tm_session *session,
		       struct tm_err *err) TM_MUST_CHECK;
/* Can its objects be read? Not of a free-threaded one whose allocator is not known. */
bool tm_subject_has_census(const struct tm_session *session);

/* The reader of its stacks. NULL with *err: no Python, or one not known. */
struct py_stack_reader *tm_subject_stacks(struct tm_session *session,
					  struct tm_err *err) TM_MUST_CHECK;

/* The images in session->maps, and the names of code in them. */
struct tm_symbolizer *tm_subject_symbolizer(struct tm_session *session);

/* Ready for stacks of this instant, whose mappings have been read. */
struct tm_unwinder *tm_subject_unwinder(struct tm_session *session,
					struct tm_err *err) TM_MUST_CHECK;

/* Find the system call instruction: session->syscall_insn. */
bool tm_subject_insn(struct tm_session *session,
		     struct tm_err *err) TM_MUST_CHECK;

/* The best explanation of an error that a lower room reported: a process that
 * has ended explains all others. Names the object. Returns false. */
bool tm_subject_explain(const struct tm_session *session, struct tm_err *err);

/* A remark for the user, if the session has a function for them. */
void tm_subject_note(const struct tm_session *session, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
