/*
 * Runs in the command: see run_payload.h. Built as src/control/payload.c is,
 * without anything that needs the rest of the program.
 */
#include "session/run_payload.h"

#include <errno.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>

#include "arch/payload.h"
#include "mem/mem.h"

#define IN_TARGET __attribute__((section("tm_run")))
#define CALL(place, id, type) ((type)(uintptr_t)(place)->fn[id])

/* ---- the detours: their handlers are below ------------------------------------- */

_Static_assert(TM_PAGE == 4096 && offsetof(struct run_place, moved) == 16 &&
	       offsetof(struct run_place, passed) == 56, "as in the detours");
_Static_assert(RUN_FINALIZE == 0 && RUN_FRAME == 1 && RUN_LOAD == 2 && RUN_PRCTL == 3 &&
	       RUN_SYSCALL == 4, "as in the detours");

/* struct run_place is one page below the section. */
#define PLACE "__start_tm_run - 4096"
#define DETOUR(name, number) \
	TM_PAYLOAD_DETOUR("tm_run", "run_detour_" name, "run_at_" name, \
			  PLACE " + 56 + 4 * " number, PLACE " + 16 + 8 * " number)

__asm__(".hidden __start_tm_run");
DETOUR("finalize", "0");
DETOUR("frame", "1");
DETOUR("load", "2");
DETOUR("prctl", "3");
DETOUR("syscall", "4");

/* PyMemAllocatorEx, the same in every version. */
struct allocator {
	void *ctx, *malloc, *calloc, *realloc, *free;
};

typedef void (*fn_free)(void *ctx, void *block);
typedef int (*fn_int_void)(void);
typedef void (*fn_allocator)(int domain, struct allocator *allocator);
typedef int (*fn_untrack)(unsigned domain, uintptr_t block);
typedef void *(*fn_import)(const char *name);
typedef void *(*fn_call_method)(void *object, const char *name, const char *format, ...);
typedef void (*fn_object)(void *object);
typedef void (*fn_err_fetch)(void **type, void **value, void **traceback);
typedef void (*fn_err_restore)(void *type, void *value, void *traceback);
typedef void (*fn_void)(void);

void run_at_finalize(void);
void run_at_frame(void);
void run_at_load(void);
void run_at_prctl(int option);
void run_at_syscall(long nr, long first);
void run_free_raw(void *ctx, void *block);
void run_free_mem(void *ctx, void *block);
void run_free_obj(void *ctx, void *block);

IN_TARGET static struct run_place *our_place(void)
{
	return (struct run_place *)((uintptr_t)run_payload_begin - TM_PAGE);
}

IN_TARGET static int32_t own_tid(void)
{
	return (int32_t)tm_payload_syscall(SYS_gettid, 0, 0, 0, 0);
}

/* Waits while *word is set, for as long as there is somebody to clear it. */
IN_TARGET static bool wait_clear(const struct run_place *place, const uint32_t *word,
				 int longest_ms)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < longest_ms && __atomic_load_n(word, __ATOMIC_ACQUIRE); i++) {
		if (tm_payload_syscall(SYS_kill, place->tracer, 0, 0, 0) == -ESRCH)
			return false;
		tm_payload_syscall(SYS_nanosleep, (long)&pause, 0, 0, 0);
	}
	return !__atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* The signal is let through for the moment in which it is sent: a blocked one
 * would wait, and a tracer sees only what is delivered. */
IN_TARGET static void signal_main(const struct run_place *place)
{
	uint64_t urgent = (uint64_t)1 << (SIGURG - 1), before = 0;

	tm_payload_syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, (long)&urgent, (long)&before,
		    sizeof(urgent));
	tm_payload_syscall(SYS_tgkill, place->pid, place->pid, SIGURG, 0);
	tm_payload_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, sizeof(before));
}

/* The main thread stops in it; another one continues. */
IN_TARGET static void say(struct run_place *place, enum run_word word)
{
	__atomic_store_n(&place->says, (uint32_t)word, __ATOMIC_RELEASE);
	signal_main(place);
	if (own_tid() == place->pid)
		__atomic_store_n(&place->says, RUN_SAYS_NOTHING, __ATOMIC_RELEASE);
}

IN_TARGET static bool is_filtered(const struct run_place *place)
{
	return place->filtered && *(const volatile uint32_t *)(uintptr_t)place->filtered;
}

/* ---- the end ------------------------------------------------------------------- */

/* A snapshot for which tmattach lets go takes a while; a main thread that blocks
 * its signal is not heard. */
enum { LONGEST_AWAY_MS = 60000, LONGEST_UNHEARD_MS = 2000 };

/* It may let go just when it gets the signal: then it gets it again. */
IN_TARGET static void say_end(struct run_place *place)
{
	bool back;

	do {
		back = wait_clear(place, &place->away, LONGEST_AWAY_MS);
		place->finalizing = 1;
		say(place, RUN_SAYS_FINALIZING);
		wait_clear(place, &place->says, LONGEST_UNHEARD_MS);
	} while (back && __atomic_load_n(&place->away, __ATOMIC_ACQUIRE));
}

/* A child that was forked meanwhile has no such thread. */
IN_TARGET static void before_free(struct run_place *place)
{
	if (place->finalizing || place->mute ||
	    !CALL(place, RUN_FN_IS_FINALIZING, fn_int_void)())
		return;
	if (is_filtered(place)) {
		place->mute = 1;
		return;
	}
	if (own_tid() == place->finalizer)
		say_end(place);
}

IN_TARGET void run_free_raw(void *ctx, void *block)
{
	struct run_place *place = our_place();

	before_free(place);
	((fn_free)(uintptr_t)place->free[0])(ctx, block);
}

IN_TARGET void run_free_mem(void *ctx, void *block)
{
	struct run_place *place = our_place();

	before_free(place);
	((fn_free)(uintptr_t)place->free[1])(ctx, block);
}

IN_TARGET void run_free_obj(void *ctx, void *block)
{
	struct run_place *place = our_place();

	before_free(place);
	((fn_free)(uintptr_t)place->free[2])(ctx, block);
}

/* Other threads may free meanwhile: where the old one is, is written first. */
IN_TARGET static void hook_free(struct run_place *place, int domain, fn_free hook)
{
	struct allocator allocator;

	CALL(place, RUN_FN_GET_ALLOCATOR, fn_allocator)(domain, &allocator);
	if (allocator.free == (void *)hook)
		return;
	__atomic_store_n(&place->free[domain], (uint64_t)(uintptr_t)allocator.free,
			 __ATOMIC_RELEASE);
	allocator.free = (void *)hook;
	CALL(place, RUN_FN_SET_ALLOCATOR, fn_allocator)(domain, &allocator);
}

/* Still before the exit handlers. A child that the command has forked ends by
 * itself. */
IN_TARGET void run_at_finalize(void)
{
	struct run_place *place = our_place();

	if (!CALL(place, RUN_FN_IS_INITIALIZED, fn_int_void)())
		return;
	if (!is_filtered(place)) {
		if (tm_payload_syscall(SYS_getpid, 0, 0, 0, 0) != place->pid)
			return;
		place->finalizer = own_tid();
	}
	hook_free(place, 0, run_free_raw);
	hook_free(place, 1, run_free_mem);
	hook_free(place, 2, run_free_obj);
}

/* ---- the beginning --------------------------------------------------------------- */

/* _tracemalloc.start(nframe): as an import in the middle of the program would. */
IN_TARGET static bool start(struct run_place *place)
{
	void *type = NULL, *value = NULL, *traceback = NULL, *module, *result = NULL;

	CALL(place, RUN_FN_ERR_FETCH, fn_err_fetch)(&type, &value, &traceback);
	module = CALL(place, RUN_FN_IMPORT_MODULE, fn_import)(place->module);
	if (module) {
		result = CALL(place, RUN_FN_CALL_METHOD, fn_call_method)(
			module, place->method, place->format, place->nframe);
		CALL(place, RUN_FN_DEC_REF, fn_object)(module);
	}
	if (result)
		CALL(place, RUN_FN_DEC_REF, fn_object)(result);
	else
		CALL(place, RUN_FN_ERR_CLEAR, fn_void)();
	CALL(place, RUN_FN_ERR_RESTORE, fn_err_restore)(type, value, traceback);
	return result != NULL;
}

IN_TARGET static bool is_tracing(struct run_place *place)
{
	enum { NOT_TRACING = -2 };

	/* There is no block there: nothing is lost. */
	return CALL(place, RUN_FN_UNTRACK, fn_untrack)(0, 0) != NOT_TRACING;
}

IN_TARGET void run_at_frame(void)
{
	struct run_place *place = our_place();

	if (!CALL(place, RUN_FN_IS_INITIALIZED, fn_int_void)())
		return;
	place->passed[RUN_FRAME] = 1;
	if (!place->nframe)
		place->up = RUN_UP;
	else if (is_tracing(place))
		place->up = RUN_TRACES;
	else
		place->up = start(place) ? RUN_STARTED : RUN_FAILED;
	if (!is_filtered(place) && tm_payload_syscall(SYS_getpid, 0, 0, 0, 0) == place->pid)
		say(place, RUN_SAYS_UP);
}

IN_TARGET void run_at_load(void)
{
	struct run_place *place = our_place();

	if (!place->filters && own_tid() == place->pid)
		say(place, RUN_SAYS_LOADED);
}

/* ---- a filter ---------------------------------------------------------------------- */

IN_TARGET void run_at_prctl(int option)
{
	if (option == PR_SET_SECCOMP)
		our_place()->filters = 1;
}

IN_TARGET void run_at_syscall(long nr, long first)
{
	if (nr == SYS_seccomp || (nr == SYS_prctl && first == PR_SET_SECCOMP))
		our_place()->filters = 1;
}
