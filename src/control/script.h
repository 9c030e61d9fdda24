/*
 * The second means: PEP 768 (CPython 3.14+). The interpreter runs a script of
 * ours at its next safe point. Private to src/control.
 *
 * It needs no system call of the target's and no function that it exports: so
 * it works where a seccomp filter watches the process (every container with
 * the usual profile) and where the program exports nothing. It is not the
 * first means: the script is Python source in a file, it runs on a thread of
 * the program's own under its trace functions and audit hooks, and not before
 * one of them runs Python code.
 *
 * The file (mode 0600, the target's own) is made in the target's root, tells
 * what became of it in its first line, and is gone afterwards. All threads are
 * asked, the first does it, and the others are told to forget it. If we are
 * killed meanwhile, the call is made when a thread comes to it, and the file
 * stays.
 */
#ifndef TM_CONTROL_SCRIPT_H
#define TM_CONTROL_SCRIPT_H

#include "control/control.h"
#include "py/debugger.h"

/* `err` says why the first means cannot be used; is there this one? Else what
 * is missing is added to it. */
bool control_script_can(const struct control_target *target,
			struct py_debugger *ret, struct tm_err *err);

/* As control_do(). */
bool control_script_do(const struct control_target *target,
		       const struct py_debugger *debugger,
		       const struct control_call *call, struct tm_err *err) TM_MUST_CHECK;

#endif
