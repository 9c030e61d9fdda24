/* Which call restart_syscall() goes on with: as registers of real waits have it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/futex.h>
#include <sys/syscall.h>

#include "arch/x86_64/private.h"

enum { NOT_KNOWN = -1 };
#define STACK 0x7ffd00001000

/* As the cancellable wrapper of a newer glibc has it: no number anywhere. */
static const unsigned char no_number[X86_BEFORE_LEN] = { 0x89, 0x5c, 0x24, 0x08, 0x90, 0x0f, 0x05 };

static long restarted(uint64_t rdi, uint64_t rsi, uint64_t rdx, uint64_t r10, uint64_t r9)
{
	const struct tm_regs regs = {
		.user = { .rdi = rdi, .rsi = rsi, .rdx = rdx, .r10 = r10, .r9 = r9 },
	};

	return x86_restarted(&regs, no_number);
}

static void by_its_arguments(void **state)
{
	const uint64_t op = FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG;

	(void)state;
	assert_int_equal(restarted(STACK, 1, 1000, 0, 0), SYS_poll);
	assert_int_equal(restarted(0, 0, 1000, 0, 0), SYS_poll);
	assert_int_equal(restarted(0, 0, STACK, STACK, 0), SYS_clock_nanosleep);
	assert_int_equal(restarted(STACK, op, 0, STACK, 0xffffffff), SYS_futex);
	assert_int_equal(restarted(STACK, op | FUTEX_CLOCK_REALTIME, 0, STACK, 0xffffffff),
			 SYS_futex);
	/* Many descriptors, or a futex; nothing to wait for, or a nap. */
	assert_int_equal(restarted(STACK, op, 1000, STACK, 0), NOT_KNOWN);
	assert_int_equal(restarted(STACK, 0, 1000, 0, 0), NOT_KNOWN);
	assert_int_equal(restarted(STACK, STACK, 0, 0, 0), NOT_KNOWN);
}

static void by_its_code(void **state)
{
	unsigned char before[X86_BEFORE_LEN] = { 0xb8, SYS_nanosleep, 0, 0, 0, 0x0f, 0x05 };
	const struct tm_regs regs = { .user = { .rdi = STACK, .rsi = 1 } };

	(void)state;
	assert_int_equal(x86_restarted(&regs, before), SYS_nanosleep);
	before[1] = SYS_clock_nanosleep;
	assert_int_equal(x86_restarted(&regs, before), SYS_clock_nanosleep);
	before[1] = SYS_getpid; /* the kernel restarts none such */
	assert_int_equal(x86_restarted(&regs, before), NOT_KNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_its_arguments),
		cmocka_unit_test(by_its_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
