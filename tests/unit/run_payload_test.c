/* What runs in a command of `run`, in a copy of it: with functions of our own
 * for those of CPython. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <setjmp.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "inject/detour.h"
#include "session/run_payload.h"

struct allocator {
	void *ctx, *malloc, *calloc, *realloc, *free;
};

static struct {
	bool initialized, finalizing, tracing, fails;
	bool leaves; /* tmattach lets go while it is told of the end */
	struct allocator allocators[RUN_DOMAINS];
	int freed[RUN_DOMAINS];
	int started, refs, urgent;
	uint32_t said;
	void *pending;
	struct run_place *place;
} target;

static int is_initialized(void) { return target.initialized; }
static int is_finalizing(void) { return target.finalizing; }
static int untrack(unsigned domain, uintptr_t at) { return target.tracing ? (int)(domain + at) : -2; }
static void dec_ref(void *object) { (void)object; target.refs--; }
static void clear(void) { assert_true(target.fails); }
static void get_allocator(int domain, struct allocator *ret) { *ret = target.allocators[domain]; }
static void set_allocator(int domain, struct allocator *it) { target.allocators[domain] = *it; }
static void free_raw(void *ctx, void *at) { assert_ptr_equal(ctx, at); target.freed[0]++; }
static void free_mem(void *ctx, void *at) { assert_ptr_equal(ctx, at); target.freed[1]++; }
static void free_obj(void *ctx, void *at) { assert_ptr_equal(ctx, at); target.freed[2]++; }

static void *import(const char *name)
{
	assert_string_equal(name, "_tracemalloc");
	assert_null(target.pending);
	target.refs++;
	return &target;
}

static void *method(void *module, const char *name, const char *format, int arg)
{
	assert_ptr_equal(module, &target);
	assert_string_equal(name, "start");
	assert_string_equal(format, "i");
	target.started = arg;
	target.refs += !target.fails;
	return target.fails ? NULL : &target;
}

static void fetch(void **type, void **value, void **traceback)
{
	*type = *value = *traceback = target.pending;
	target.pending = NULL;
}

static void restore(void *type, void *value, void *traceback)
{
	assert_ptr_equal(type, value);
	assert_ptr_equal(type, traceback);
	target.pending = type;
}

static void urgent(int sig)
{
	assert_int_equal(sig, SIGURG);
	target.urgent++;
	target.said = target.place->says;
	if (target.leaves) {
		target.leaves = false;
		__atomic_store_n(&target.place->away, 1, __ATOMIC_RELEASE);
	}
}

static uintptr_t fn[RUN_FN_COUNT] = {
	[RUN_FN_IS_FINALIZING] = (uintptr_t)is_finalizing,
	[RUN_FN_GET_ALLOCATOR] = (uintptr_t)get_allocator,
	[RUN_FN_SET_ALLOCATOR] = (uintptr_t)set_allocator,
	[RUN_FN_IS_INITIALIZED] = (uintptr_t)is_initialized,
	[RUN_FN_UNTRACK] = (uintptr_t)untrack,
	[RUN_FN_IMPORT_MODULE] = (uintptr_t)import,
	[RUN_FN_CALL_METHOD] = (uintptr_t)method,
	[RUN_FN_DEC_REF] = (uintptr_t)dec_ref,
	[RUN_FN_ERR_FETCH] = (uintptr_t)fetch,
	[RUN_FN_ERR_RESTORE] = (uintptr_t)restore,
	[RUN_FN_ERR_CLEAR] = (uintptr_t)clear,
};

/* ---- a detour ------------------------------------------------------------------ */

/* Every register with an argument in it, as it came to the function. */
static uint64_t seen[10];
void detoured(void);
__asm__("	.pushsection .text\n"
	"detoured:\n"
	"	push	%rax\n"
	"	lea	seen_here(%rip), %rax\n"
	"	mov	(%rax), %rax\n"
	"	mov	%rdi, (%rax)\n"
	"	mov	%rsi, 8(%rax)\n"
	"	mov	%rdx, 16(%rax)\n"
	"	mov	%rcx, 24(%rax)\n"
	"	mov	%r8, 32(%rax)\n"
	"	mov	%r9, 40(%rax)\n"
	"	mov	%r10, 48(%rax)\n"
	"	mov	%r11, 56(%rax)\n"
	"	mov	%rbx, 64(%rax)\n"
	"	pop	72(%rax)\n"
	"	ret\n"
	"	.popsection\n");
uint64_t *seen_here = seen;

static void call_with_registers(const void *entry)
{
	__asm__ volatile("mov $1, %%edi; mov $2, %%esi; mov $3, %%edx; mov $4, %%ecx\n"
			 "mov $5, %%r8d; mov $6, %%r9d; mov $7, %%r10d; mov $8, %%r11d\n"
			 "mov %0, %%rbx; mov $10, %%eax\n"
			 "lea -128(%%rsp), %%rsp; call *%%rbx; lea 128(%%rsp), %%rsp"
			 : : "r"(entry) : "rdi", "rsi", "rdx", "rcx", "r8", "r9", "r10", "r11",
			 "rbx", "rax", "memory");
}

/* A copy of the code, and the place below it. */
static struct run_place *bring(void)
{
	size_t len = (size_t)(run_payload_end - run_payload_begin);
	char *pages = mmap(NULL, 2 * TM_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct run_place *place = (struct run_place *)pages;

	assert_ptr_not_equal(pages, MAP_FAILED);
	memcpy(pages + TM_PAGE, run_payload_begin, len);
	assert_int_equal(mprotect(pages + TM_PAGE, TM_PAGE, PROT_READ | PROT_EXEC), 0);
	*place = (struct run_place){
		.magic = RUN_MAGIC, .pid = getpid(), .nframe = 25,
		.module = "_tracemalloc", .method = "start", .format = "i",
	};
	for (int i = 0; i < RUN_FN_COUNT; i++)
		place->fn[i] = fn[i];
	for (int i = 0; i < RUN_DETOURS; i++)
		place->moved[i] = (uintptr_t)detoured;
	memset(&target, 0, sizeof(target));
	target.initialized = true;
	target.place = place;
	return place;
}

static void go(struct run_place *place, const char *entry)
{
	memset(seen, 0, sizeof(seen));
	call_with_registers((char *)place + TM_PAGE + (entry - run_payload_begin));
	for (uint64_t i = 0; i < 8; i++)
		assert_int_equal(seen[i], i + 1);
	assert_int_equal(seen[9], 10);
}

static void take_away(struct run_place *place)
{
	assert_int_equal(munmap(place, 2 * TM_PAGE), 0);
}

/* ---- what it does ----------------------------------------------------------------- */

static void starts_where_nothing_traces(void **state)
{
	struct run_place *place = bring();
	int pending;

	(void)state;
	target.initialized = false;
	go(place, run_detour_frame);
	assert_int_equal(place->up, RUN_NOT_UP);
	target.initialized = true;
	target.pending = &pending;
	go(place, run_detour_frame);
	assert_int_equal(place->up, RUN_STARTED);
	assert_int_equal(target.started, 25);
	assert_int_equal(target.refs, 0);
	assert_ptr_equal(target.pending, &pending);
	assert_int_equal(target.said, RUN_SAYS_UP);
	/* Once. */
	go(place, run_detour_frame);
	assert_int_equal(target.urgent, 1);
	take_away(place);
}

static void leaves_alone_what_traces(void **state)
{
	struct run_place *place = bring();

	(void)state;
	target.tracing = true;
	go(place, run_detour_frame);
	assert_int_equal(place->up, RUN_TRACES);
	assert_int_equal(target.started, 0);
	take_away(place);
}

static void says_what_fails(void **state)
{
	struct run_place *place = bring();

	(void)state;
	target.fails = true;
	go(place, run_detour_frame);
	assert_int_equal(place->up, RUN_FAILED);
	assert_int_equal(target.refs, 0);
	take_away(place);
}

static void call_free(int domain)
{
	int block;

	((void (*)(void *, void *))target.allocators[domain].free)(&block, &block);
}

/* Brought in, and its interpreter is about to end. */
static struct run_place *ending(void)
{
	struct run_place *place = bring();

	target.allocators[0].free = (void *)free_raw;
	target.allocators[1].free = (void *)free_mem;
	target.allocators[2].free = (void *)free_obj;
	for (int twice = 0; twice < 2; twice++)
		go(place, run_detour_finalize);
	return place;
}

static void stops_at_the_first_free(void **state)
{
	sigset_t blocked, before, after;

	(void)state;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGURG);
	sigaddset(&blocked, SIGUSR2);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	for (int domain = 0; domain < RUN_DOMAINS; domain++) {
		struct run_place *place = ending();

		call_free(domain);
		assert_int_equal(target.urgent, 0);
		target.finalizing = true;
		call_free(domain);
		assert_int_equal(target.urgent, 1);
		assert_int_equal(target.said, RUN_SAYS_FINALIZING);
		assert_int_equal(place->finalizing, 1);
		assert_int_equal(place->says, RUN_SAYS_NOTHING);
		call_free(domain);
		assert_int_equal(target.urgent, 1);
		assert_int_equal(target.freed[domain], 3);
		take_away(place);
	}
	sigprocmask(SIG_SETMASK, &before, &after);
	assert_int_equal(sigismember(&after, SIGURG), 1);
	assert_int_equal(sigismember(&after, SIGUSR2), 1);
}

/* It says so to another main thread, and nobody hears it: who has died is not
 * waited for, nor who was away. */
static void waits_for_nobody(void **state)
{
	struct run_place *place = ending();

	(void)state;
	place->pid = place->tracer = INT_MAX;
	place->away = 1;
	target.finalizing = true;
	call_free(2);
	assert_int_equal(place->finalizing, 1);
	assert_int_equal(place->says, RUN_SAYS_FINALIZING);
	assert_int_equal(target.urgent, 0);
	assert_int_equal(target.freed[2], 1);
	take_away(place);
}

static void says_it_again_to_who_had_just_let_go(void **state)
{
	struct run_place *place = ending();

	(void)state;
	place->tracer = INT_MAX; /* and is not waited for: it has died since */
	target.leaves = target.finalizing = true;
	call_free(0);
	assert_int_equal(target.urgent, 2);
	assert_int_equal(target.freed[0], 1);
	take_away(place);
}

/* Of a child, or of a process that a filter watches, nothing is heard. */
static void is_silent(void **state)
{
	struct run_place *place = ending();

	(void)state;
	place->finalizer++; /* as in a child that was forked meanwhile */
	target.finalizing = true;
	call_free(2);
	assert_int_equal(place->finalizing, 0);
	assert_int_equal(target.urgent, 0);
	take_away(place);

	place = ending();
	place->filtered = (uintptr_t)&place->filters;
	target.finalizing = true;
	go(place, run_detour_prctl); /* of option 1, which is harmless */
	assert_int_equal(place->filters, 0);
	((void (*)(int))((char *)place + TM_PAGE + (run_detour_prctl - run_payload_begin)))(22);
	assert_int_equal(place->filters, 1);
	call_free(1);
	assert_int_equal(place->mute, 1);
	assert_int_equal(target.urgent, 0);
	assert_int_equal(target.freed[1], 1);
	place->filters = 0;
	((void (*)(long))((char *)place + TM_PAGE + (run_detour_syscall - run_payload_begin)))(SYS_seccomp);
	assert_int_equal(place->filters, 1);
	take_away(place);
}

/* ---- where functions lead ------------------------------------------------------------ */

static tm_addr follow(const void *bytes, size_t len, uint64_t size)
{
	struct tm_mem *mem = tm_mem_bytes(0x1000, bytes, len);
	tm_addr found = tm_detour_follow(mem, 0x1000, size);

	tm_mem_destroy(mem);
	return found;
}

/* Py_FinalizeEx() as compilers made it. */
static void follows_what_hands_on(void **state)
{
	static const uint8_t jumps[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0xe9, 0xf7, 0x0f, 0, 0 };
	static const uint8_t calls[] = { 0x55, 0x48, 0x89, 0xe5, 0xe8, 0xf7, 0x0f, 0, 0, 0x5d, 0xc3 };
	/* Its first test is here, the rest is elsewhere. */
	static const uint8_t partly[] = { 0x85, 0xc0, 0x75, 0x03, 0x31, 0xc0, 0xc3,
					  0xe9, 0xf4, 0x0f, 0, 0 };
	static const uint8_t cold[] = { 0x85, 0xc0, 0x0f, 0x85, 0xf8, 0x1f, 0, 0,
					0xe9, 0xf3, 0x0f, 0, 0 };
	static const uint8_t whole[80] = { 0x55, 0xe9, 0xfa, 0x0f, 0, 0 };

	(void)state;
	assert_int_equal(follow(jumps, sizeof(jumps), sizeof(jumps)), 0x2000);
	assert_int_equal(follow(calls, sizeof(calls), sizeof(calls)), 0x2000);
	assert_int_equal(follow(partly, sizeof(partly), sizeof(partly)), 0x2000);
	assert_int_equal(follow(whole, sizeof(whole), sizeof(whole)), 0x1000);
	assert_int_equal(follow(jumps, sizeof(jumps), 0), 0x1000);
	assert_int_equal(follow(cold, sizeof(cold), sizeof(cold)), 0x2000);
}

static void moves_what_is_only_a_return(void **state)
{
	static const uint8_t padded[16] = { 0xc3, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0,
					    0x0f, 0x1f, 0x40, 0x00, 0x90 };
	static const uint8_t full[16] = { 0xc3, 0x31, 0xc0, 0xc3, 0x31, 0xc0, 0xc3 };
	struct tm_trampoline moved;
	struct tm_mem *mem = tm_mem_bytes(0x1000, padded, sizeof(padded));

	(void)state;
	assert_null(tm_detour_make(mem, 0x1000, 1, 0x2000, &moved));
	assert_int_equal(moved.size, 1);
	tm_mem_destroy(mem);
	mem = tm_mem_bytes(0x1000, full, sizeof(full));
	assert_non_null(tm_detour_make(mem, 0x1000, 1, 0x2000, &moved));
	tm_mem_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_where_nothing_traces),
		cmocka_unit_test(leaves_alone_what_traces),
		cmocka_unit_test(says_what_fails),
		cmocka_unit_test(stops_at_the_first_free),
		cmocka_unit_test(waits_for_nobody),
		cmocka_unit_test(says_it_again_to_who_had_just_let_go),
		cmocka_unit_test(is_silent),
		cmocka_unit_test(follows_what_hands_on),
		cmocka_unit_test(moves_what_is_only_a_return),
	};

	signal(SIGURG, urgent);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
