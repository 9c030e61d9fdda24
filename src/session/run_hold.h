/*
 * Where a command is held: the code of run_payload.h in it, and the functions
 * that go through it. Private to src/session.
 */
#ifndef TM_SESSION_RUN_HOLD_H
#define TM_SESSION_RUN_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "mem/mem.h"
#include "session/run_payload.h"
#include "target/process.h"

/* One image of the command whose functions make a detour. */
struct run_hold {
	tm_addr place;         /* of struct run_place; 0: there is none */
	bool made[RUN_DETOURS];
};

/* What CPython exports; an address of 0: it does not. */
struct run_python {
	tm_addr finalize;      /* 0: no CPython is loaded */
	uint64_t finalize_size;
	tm_addr frame;
	uint64_t frame_size;
	tm_addr fn[RUN_FN_COUNT];
};

/* Can be called as soon as it is loaded, before Python has begun. */
bool run_hold_find(pid_t pid, struct run_python *ret);

/*
 * Detours in a command (process.held is in a stop). One that cannot be made
 * is not in ret->made; *err says why. In its C library: where libraries were
 * loaded, if that is wanted, and where it installs a seccomp filter.
 */
bool run_hold_libc(const struct tm_process *process, bool load, struct run_hold *ret,
		   struct tm_err *err);
/* What is wanted of its interpreter. */
struct run_wanted {
	bool end;        /* its end is to be told, */
	bool up;         /* and when it is up; */
	uint32_t nframe; /* then tracemalloc is started with as many frames, unless 0 */
};

/* `libc` may be zeroed. */
bool run_hold_python(const struct tm_process *process, const struct run_python *python,
		     const struct run_hold *libc, const struct run_wanted *wanted,
		     struct run_hold *ret, struct tm_err *err);

/* What the command has written; zeroes if there is nothing to be read. */
struct run_place run_hold_read(pid_t pid, const struct run_hold *hold);
/* It is the copy in a child of the process in which it was made. */
void run_hold_adopt(const struct tm_process *process, const struct run_hold *hold);
/* We are away for a moment, or back: its end waits for us. */
void run_hold_away(const struct tm_process *process, const struct run_hold *hold, bool away);
/* Its message has been read. */
void run_hold_heard(const struct tm_process *process, const struct run_hold *hold);
/* Nothing is to be done there any more. */
void run_hold_pass(const struct tm_process *process, const struct run_hold *hold,
		   enum run_detour detour);

#endif
