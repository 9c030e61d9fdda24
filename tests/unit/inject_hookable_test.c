/* What it means that a function cannot be hooked, and which need no hook. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inject/private.h"

static enum inject_lack lack(const char *name, enum tm_recorder_kind kind, bool given)
{
	return inject_lack_of(&(struct tm_function){ .name = name, .kind = kind, .given = given });
}

static void what_only_gives_is_missed(void **state)
{
	(void)state;
	assert_int_equal(lack("calloc", TM_HOOK_CALLOC, false), INJECT_LACK_MISSED);
	assert_int_equal(lack("memalign", TM_HOOK_ALIGNED, false), INJECT_LACK_MISSED);
	assert_int_equal(lack("posix_memalign", TM_HOOK_POSIX_MEMALIGN, false), INJECT_LACK_MISSED);
	assert_int_equal(lack("valloc", TM_HOOK_MALLOC, false), INJECT_LACK_MISSED);
	assert_int_equal(lack("mi_malloc_small", TM_HOOK_MALLOC, false), INJECT_LACK_MISSED);
	assert_int_equal(lack("_Znwm", TM_HOOK_NEW, false), INJECT_LACK_MISSED);
	assert_int_equal(lack("mremap", TM_HOOK_MREMAP, false), INJECT_LACK_MISSED);
}

/* A block would count for ever that is gone, or not at its size. */
static void what_takes_back_is_needed(void **state)
{
	(void)state;
	assert_int_equal(lack("free", TM_HOOK_FREE, false), INJECT_LACK_REFUSED);
	assert_int_equal(lack("_ZdlPv", TM_HOOK_FREE, false), INJECT_LACK_REFUSED);
	assert_int_equal(lack("realloc", TM_HOOK_REALLOC, false), INJECT_LACK_REFUSED);
	assert_int_equal(lack("reallocarray", TM_HOOK_REALLOCARRAY, false), INJECT_LACK_REFUSED);
}

static void malloc_and_what_is_asked_for_are_needed(void **state)
{
	(void)state;
	assert_int_equal(lack("malloc", TM_HOOK_MALLOC, false), INJECT_LACK_REFUSED);
	assert_int_equal(lack("rpmalloc", TM_HOOK_MALLOC, false), INJECT_LACK_REFUSED);
	assert_int_equal(lack("pool_take:2", TM_HOOK_ALIGNED, true), INJECT_LACK_REFUSED);
}

#define IS_IDLE(code) tm_function_is_idle((const uint8_t *)(code), sizeof(code) - 1)

static void idle_is_what_only_returns(void **state)
{
	(void)state;
	assert_true(IS_IDLE("\xc3\x90"));
	assert_true(IS_IDLE("\xf3\xc3"));
	assert_true(IS_IDLE("\x31\xc0\xc3"));
	assert_true(IS_IDLE("\x33\xc0\xc3\xff"));
	assert_true(IS_IDLE("\xf3\x0f\x1e\xfa\x31\xc0\xc3"));
	assert_false(IS_IDLE(""));
	assert_false(IS_IDLE("\x31\xc0"));
	assert_false(IS_IDLE("\x31\xc0\x90\xc3"));
	assert_false(IS_IDLE("\x31\xff\xc3"));
	assert_false(IS_IDLE("\x89\xf8\xc3")); /* mov %edi, %eax; ret */
}

#define JUMPS_TO(code, at) tm_function_jumps_to((const uint8_t *)(code), sizeof(code) - 1, at)

static void what_hands_on_only_jumps(void **state)
{
	(void)state;
	assert_int_equal(JUMPS_TO("\xeb\x10", 0x1000), 0x1012);
	assert_int_equal(JUMPS_TO("\xeb\xee", 0x1000), 0xff0);
	assert_int_equal(JUMPS_TO("\xe9\x00\x01\x00\x00", 0x1000), 0x1105);
	assert_int_equal(JUMPS_TO("\xf3\x0f\x1e\xfa\xeb\x10", 0x1000), 0x1016);
	assert_int_equal(JUMPS_TO("\x74\x10\xc3", 0x1000), 0);                 /* je */
	assert_int_equal(JUMPS_TO("\xe8\x00\x01\x00\x00\xc3", 0x1000), 0);     /* call */
	assert_int_equal(JUMPS_TO("\xff\x25\x00\x01\x00\x00", 0x1000), 0);     /* by memory */
	assert_int_equal(JUMPS_TO("\x48\x89\xfe\xeb\x10", 0x1000), 0);         /* other arguments */
	assert_int_equal(JUMPS_TO("\xeb", 0x1000), 0);
	assert_int_equal(JUMPS_TO("", 0x1000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_only_gives_is_missed),
		cmocka_unit_test(what_takes_back_is_needed),
		cmocka_unit_test(malloc_and_what_is_asked_for_are_needed),
		cmocka_unit_test(idle_is_what_only_returns),
		cmocka_unit_test(what_hands_on_only_jumps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
