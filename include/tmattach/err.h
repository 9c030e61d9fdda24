/*
 * Errors are values: what they are about, what went wrong, what to do next.
 *
 * A function that can fail returns bool (or a pointer) and takes a
 * `struct tm_err *` as its last parameter. On failure it fills the struct in
 * and returns false (or NULL); on success it leaves the struct alone. The
 * struct belongs to the caller, has a fixed size and owns nothing. The library
 * never prints one.
 */
#ifndef TMATTACH_ERR_H
#define TMATTACH_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* exported by the library */

#define TM_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define TM_MUST_CHECK __attribute__((warn_unused_result))

enum tm_err_kind {
	TM_ERR_NONE,
	TM_ERR_OS,          /* a system call failed: see sys_errno */
	TM_ERR_GONE,        /* the target exited or was replaced by exec */
	TM_ERR_DENIED,      /* the kernel does not let us attach */
	TM_ERR_FAULT,       /* an address could not be read */
	TM_ERR_UNSUPPORTED, /* a runtime, layout, machine or file we do not know */
	TM_ERR_BUSY,        /* no consistent instant within the allowed tries */
	TM_ERR_CORRUPT,     /* bytes that contradict themselves */
	TM_ERR_LIMIT,       /* a bound of ours was reached */
	TM_ERR_USAGE,       /* the caller asked for something that makes no sense */
	TM_ERR_NOT_TRACED,  /* the target is not tracing allocations */
	TM_ERR_NO_RUNTIME,  /* no Python is in it (TM_ERR_UNSUPPORTED: there is,
			       and it cannot be read) */
};

struct tm_err {
	enum tm_err_kind kind;
	int sys_errno;      /* 0 where no system call is the cause */
	char object[320];   /* "pid 4711", "dump.tms": what the message is about */
	char cause[512];
	char hint[512];     /* the next step for the user; "" if there is none */
};

/*
 * Fill in *err; `cause` is a printf format. Always returns false, so that a
 * failing function can end with `return tm_err_set(...)`.
 */
bool tm_err_set(struct tm_err *err, enum tm_err_kind kind, const char *object,
		const char *cause, ...) TM_PRINTF(4, 5);

/* The same for a failed system call: ": strerror(sys_errno)" is appended. */
bool tm_err_os(struct tm_err *err, int sys_errno, const char *object,
	       const char *what, ...) TM_PRINTF(4, 5);

/* Add the next step to an error that was just set. Always returns false. */
bool tm_err_hint(struct tm_err *err, const char *hint, ...) TM_PRINTF(2, 3);

/* Replace the object of an error that a lower room could not name. */
bool tm_err_about(struct tm_err *err, const char *object, ...) TM_PRINTF(2, 3);

/*
 * What to do when memory runs out, like C++'s new handler: `hook` is called on
 * the thread that needs `size` bytes, again and again until there are that many.
 * It frees something and returns true, for another try; or it ends the program;
 * or it returns false, and the program is aborted with a message, as it is
 * without a hook. `size` 0: a library we use needed memory, or more than there
 * can be is asked for; there is no other try. The hook must not leave by longjmp() or an exception: some calls
 * need memory on threads of the library. No target is harmed at any of these
 * moments. NULL removes the hook. There is one for the whole program: set it
 * before any other call.
 */
void tm_on_out_of_memory(bool (*hook)(size_t size));

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
