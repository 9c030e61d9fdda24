/* What on the stack of a stopped thread leads into some code: on stacks of bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "arch/arch.h"
#include "remote/quiet.h"

enum { BASE = 0x400000, WORDS = 4096, RESTORER = 0, STACK = 64, OTHER = 2048 };

static const struct tm_range ours = { 0x700000, 0x701000 };

struct ground {
	uint64_t words[WORDS]; /* at BASE */
	struct tm_mem *mem;
	size_t skips;          /* what pass() returns */
	size_t asked;
	tm_addr asked_at;
};

static tm_addr address(size_t word)
{
	return BASE + word * 8;
}

static size_t pass(void *ctx, const uint64_t *words, size_t left, tm_addr at)
{
	struct ground *ground = ctx;

	assert_true(left > 0 && tm_range_has(ours, words[0]));
	ground->asked++;
	ground->asked_at = at;
	return ground->skips;
}

static int begin(void **state)
{
	struct ground *ground = calloc(1, sizeof(*ground));

	ground->mem = tm_mem_bytes(BASE, ground->words, sizeof(ground->words));
	memcpy(&ground->words[RESTORER], tm_restorer_code, tm_restorer_code_len);
	*state = ground;
	return 0;
}

static int end(void **state)
{
	struct ground *ground = *state;

	tm_mem_destroy(ground->mem);
	free(ground);
	return 0;
}

static bool is_quiet(struct ground *ground, size_t sp, size_t tls)
{
	const struct tm_quiet quiet = { ground->mem, &ours, 1, pass, ground };
	const struct tm_standing standing = {
		.pc = 1, .sp = address(sp), .tls = tls ? address(tls) : 0,
	};

	ground->asked = 0;
	return tm_quiet_stack(&quiet, &standing);
}

/* As the kernel has it when a handler is called: return address, ucontext. */
static void interrupt(struct ground *ground, size_t at, uint64_t pc, uint64_t sp)
{
	ucontext_t context = { 0 };

	context.uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
	context.uc_mcontext.gregs[REG_RSP] = (greg_t)sp;
	context.uc_mcontext.gregs[REG_CSGSFS] = 0x33;
	ground->words[at] = address(RESTORER);
	memcpy(&ground->words[at + 1], &context, 40 * sizeof(uint64_t));
}

static void words_of_the_stack_are_asked_about(void **state)
{
	struct ground *ground = *state;

	assert_true(is_quiet(ground, STACK, 0));
	assert_int_equal(ground->asked, 0);
	ground->words[STACK + 5] = ours.start;
	ground->words[STACK + 6] = ours.end;
	assert_false(is_quiet(ground, STACK, 0));
	assert_int_equal(ground->asked_at, address(STACK + 5));
	assert_true(is_quiet(ground, STACK + 6, 0));
	ground->skips = 1;
	assert_true(is_quiet(ground, STACK, 0));
	assert_int_equal(ground->asked, 1);
}

static void what_is_passed_over_is_not_asked_about(void **state)
{
	struct ground *ground = *state;

	for (size_t i = 10; i < 14; i++)
		ground->words[STACK + i] = ours.end - 1;
	ground->skips = 4;
	assert_true(is_quiet(ground, STACK, 0));
	assert_int_equal(ground->asked, 1);
	ground->skips = 3;
	assert_true(is_quiet(ground, STACK, 0));
	assert_int_equal(ground->asked, 2);
}

static void a_stack_ends_at_the_thread_pointer(void **state)
{
	struct ground *ground = *state;

	ground->words[STACK + 100] = ours.start;
	assert_true(is_quiet(ground, STACK, STACK + 100));
	assert_false(is_quiet(ground, STACK, STACK + 101));
	/* Another libc has it elsewhere. */
	assert_false(is_quiet(ground, STACK, STACK - 1));
}

static void what_a_handler_has_interrupted_counts(void **state)
{
	struct ground *ground = *state;

	interrupt(ground, STACK + 20, 0x1234, address(OTHER));
	assert_true(is_quiet(ground, STACK, STACK + 300));
	ground->words[OTHER + 7] = ours.start;
	assert_false(is_quiet(ground, STACK, STACK + 300));
	assert_int_equal(ground->asked_at, address(OTHER + 7));
	ground->words[OTHER + 7] = 0;
	/* Whatever pass() says: there it goes on. */
	ground->skips = 1;
	interrupt(ground, STACK + 20, ours.start + 5, address(OTHER));
	assert_false(is_quiet(ground, STACK, STACK + 300));
	/* It only looks like such a frame: its address does not end a handler. */
	ground->words[STACK + 20] = address(OTHER);
	assert_true(is_quiet(ground, STACK, STACK + 300));
}

/* Two frames that lead to each other. */
static void an_endless_chain_of_handlers_ends(void **state)
{
	struct ground *ground = *state;

	interrupt(ground, STACK + 20, 0x1234, address(OTHER));
	interrupt(ground, OTHER + 20, 0x1234, address(STACK));
	assert_true(is_quiet(ground, STACK, 0));
}

static enum tm_stands stands(struct tm_process *process, bool runs,
			     struct tm_standing *standing)
{
	struct tm_stop stop = { .process = process };
	struct tm_thread thread = { .tid = fork(), .state = TM_THREAD_IN_KERNEL };
	enum tm_stands result;

	if (thread.tid == 0)
		for (;;)
			if (!runs)
				pause();
	process->pid = thread.tid;
	while (!runs && tm_process_state(thread.tid, thread.tid) != 'S')
		usleep(100);
	result = tm_quiet_stands(&stop, &thread, standing);
	kill(thread.tid, SIGKILL);
	waitpid(thread.tid, NULL, 0);
	assert_int_equal(tm_quiet_stands(&stop, &thread, &(struct tm_standing){ 0 }),
			 TM_STANDS_NOWHERE);
	return result;
}

static void where_threads_are_that_do_not_stop(void **state)
{
	struct tm_process process = { 0 };
	struct tm_standing standing;
	const tm_addr here = (uintptr_t)&standing; /* its stack is a copy of ours */

	(void)state;
	assert_int_equal(stands(&process, false, &standing), TM_STANDS_THERE);
	assert_true(standing.pc != 0 && here - standing.sp < 1 << 20);
	assert_int_equal(stands(&process, true, &standing), TM_STANDS_ANYWHERE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(words_of_the_stack_are_asked_about, begin, end),
		cmocka_unit_test_setup_teardown(what_is_passed_over_is_not_asked_about, begin, end),
		cmocka_unit_test_setup_teardown(a_stack_ends_at_the_thread_pointer, begin, end),
		cmocka_unit_test_setup_teardown(what_a_handler_has_interrupted_counts, begin, end),
		cmocka_unit_test_setup_teardown(an_endless_chain_of_handlers_ends, begin, end),
		cmocka_unit_test(where_threads_are_that_do_not_stop),
	};

	return cmocka_run_group_tests_name("remote_quiet", tests, NULL, NULL);
}
