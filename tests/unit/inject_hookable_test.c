/* What it means that a function cannot be hooked, and which need no hook. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inject/family.h"
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

static void operators_may_share_a_variant(void **state)
{
	const struct tm_function functions[] = {
		{ .name = "_Znwm", .nothrow = "_ZnwmRKSt9nothrow_t" },
		{ .name = "_ZnamRKSt9nothrow_t" },
		{ .name = "_ZnwmSt11align_val_t", .nothrow = "_ZnwmSt11align_val_tRKSt9nothrow_t" },
		{ .name = "_ZnwmRKSt9nothrow_t" },
		{ .name = "_ZnamSt11align_val_tRKSt9nothrow_t" },
	};

	(void)state;
	assert_ptr_equal(tm_function_variant(functions, 5, &functions[0]), &functions[3]);
	assert_ptr_equal(tm_function_variant(functions, 3, &functions[0]), &functions[1]);
	assert_ptr_equal(tm_function_variant(functions, 5, &functions[2]), &functions[4]);
	assert_null(tm_function_variant(functions, 4, &functions[2]));
	assert_null(tm_function_variant(functions, 5, &functions[1]));
}

/* What gcc calls a local function that it has moved, and what it has changed. */
static void names_are_known_whole(void **state)
{
	char room[INJECT_NAME_LEN];

	(void)state;
	assert_string_equal(inject_whole_name("je_malloc.lto_priv.12", room), "je_malloc");
	assert_string_equal(inject_whole_name("je_malloc", room), "je_malloc");
	assert_string_equal(inject_whole_name("je_malloc.constprop.0", room), "je_malloc.constprop.0");
	assert_string_equal(inject_whole_name("f.lto_priv.0.cold", room), "f.lto_priv.0.cold");
	assert_string_equal(inject_whole_name("f.lto_priv.", room), "f.lto_priv.");
	assert_non_null(inject_family_of("scalable_malloc"));
	assert_non_null(inject_family_of("dlfree"));
	assert_null(inject_family_of("dlopen"));
	assert_null(inject_family_of("scalable_"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_only_gives_is_missed),
		cmocka_unit_test(what_takes_back_is_needed),
		cmocka_unit_test(malloc_and_what_is_asked_for_are_needed),
		cmocka_unit_test(idle_is_what_only_returns),
		cmocka_unit_test(what_hands_on_only_jumps),
		cmocka_unit_test(operators_may_share_a_variant),
		cmocka_unit_test(names_are_known_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
