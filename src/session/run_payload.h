/*
 * The code that runs in a command of `tmattach run`: position independent,
 * without data of its own, without a call that is not in struct run_place. It
 * is compiled into a section of its own and copied into the command, one page
 * above that struct. Functions of the command go through it first (detours):
 *
 *   RUN_FINALIZE  Py_FinalizeEx(): from now on every free() of the interpreter's
 *                 allocators goes through us, too. The first one after the
 *                 interpreter has marked itself as finalizing is the moment at
 *                 which nothing is torn down yet.
 *   RUN_FRAME     _PyEval_EvalFrameDefault(): the first one of an interpreter
 *                 that is up. If it does not trace, it is told to, unless a
 *                 recorder comes.
 *   RUN_LOAD      _dl_debug_state() of the loader: libraries were mapped.
 *   RUN_PRCTL     prctl() and syscall() of the C library: where they install a
 *   RUN_SYSCALL   seccomp filter, which may kill for what we would say, no word
 *                 is said any more.
 *
 * What it has to say, it says by a SIGURG to the main thread, mostly to itself. A
 * tracer sees that signal and takes it away; without one it is ignored, which is
 * its default, so the command needs nobody. Private to src/session.
 */
#ifndef TM_SESSION_RUN_PAYLOAD_H
#define TM_SESSION_RUN_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

enum run_detour {
	RUN_FINALIZE,
	RUN_FRAME,
	RUN_LOAD,
	RUN_PRCTL,
	RUN_SYSCALL,
	RUN_DETOURS,
};

/* What it says. */
enum run_word {
	RUN_SAYS_NOTHING,
	RUN_SAYS_LOADED,
	RUN_SAYS_UP,
	RUN_SAYS_FINALIZING,
};

/* What was found when the interpreter was up. */
enum run_up {
	RUN_NOT_UP,
	RUN_TRACES,   /* by itself */
	RUN_STARTED,  /* not by itself; it was asked to, and does now */
	RUN_FAILED,   /* the same, and does not */
	RUN_UP,       /* nobody asked: a recorder comes */
};

/* Functions of CPython, in the order of run_hold.c. */
enum run_function {
	RUN_FN_IS_FINALIZING,
	RUN_FN_GET_ALLOCATOR,
	RUN_FN_SET_ALLOCATOR,
	RUN_FN_IS_INITIALIZED,
	RUN_FN_UNTRACK,
	RUN_FN_IMPORT_MODULE,
	RUN_FN_CALL_METHOD,
	RUN_FN_DEC_REF,
	RUN_FN_ERR_FETCH,
	RUN_FN_ERR_RESTORE,
	RUN_FN_ERR_CLEAR,
	RUN_FN_COUNT,
};

/* raw, mem, obj */
enum { RUN_DOMAINS = 3 };

#define RUN_MAGIC "tmattach run 1"

struct run_place {
	char magic[16];
	uint64_t moved[RUN_DETOURS];  /* the functions' first instructions */
	uint32_t passed[RUN_DETOURS]; /* 1: nothing is to be done there any more */
	int32_t pid;                  /* of the command; its main thread is traced */
	uint64_t fn[RUN_FN_COUNT];
	uint64_t free[RUN_DOMAINS];   /* what the allocators' free was */
	uint64_t filtered;            /* where such a word is; 0: nowhere */
	int32_t tracer;               /* the pid of tmattach */
	uint32_t away;                /* 1: the tracer has let go, and will be back in a moment */
	int32_t nframe;               /* for tracemalloc; 0: it is left alone */
	char module[16], method[8], format[8];

	/* Written by the command. */
	uint32_t says;                /* enum run_word; cleared where it is heard */
	uint32_t up;                  /* enum run_up */
	int32_t finalizer;            /* the thread that ends the interpreter */
	uint32_t finalizing;          /* it begins to tear itself down: said */
	uint32_t mute;                /* the same, and not said */
	uint32_t filters;             /* a seccomp filter is about to be installed */
};

/* Where the code is in us; its length; the ways into it. */
#define RUN_IN_PAYLOAD __attribute__((visibility("hidden")))
extern const char run_payload_begin[] __asm__("__start_tm_run") RUN_IN_PAYLOAD;
extern const char run_payload_end[] __asm__("__stop_tm_run") RUN_IN_PAYLOAD;
extern const char run_detour_finalize[] RUN_IN_PAYLOAD;
extern const char run_detour_frame[] RUN_IN_PAYLOAD;
extern const char run_detour_load[] RUN_IN_PAYLOAD;
extern const char run_detour_prctl[] RUN_IN_PAYLOAD;
extern const char run_detour_syscall[] RUN_IN_PAYLOAD;

#endif
