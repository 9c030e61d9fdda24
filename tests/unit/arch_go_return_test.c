/* Where Go's asmcgocall goes on after C: by code of the linker's forms, and what is like it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/arch.h"

#define CALL "\xff\xd0"
#define TLS_OFFSET "\x48\xc7\xc1\xf8\xff\xff\xff"
#define TLS_GOT "\x48\x8b\x0d\x10\x20\x30\x00"
#define BACK "\x48\x8b\x7c\x24\x30\x48\x8b\x77\x08\x48\x2b\x74\x24\x28"
#define NOPS "\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90"

#define FIND(code, ret_kept) \
	tm_code_find_go_return((const unsigned char *)(code), sizeof(code) - 1, ret_kept)

static void it_is_found(void **state)
{
	static const char plain[] = NOPS CALL BACK NOPS, pie[] = NOPS CALL TLS_OFFSET BACK NOPS,
			  got[] = NOPS CALL TLS_GOT BACK, second[] = NOPS BACK NOPS CALL BACK NOPS;
	unsigned kept = 0;

	(void)state;
	assert_ptr_equal(FIND(plain, &kept), plain + sizeof(NOPS) - 1 + 2);
	assert_int_equal(kept, 6);
	assert_ptr_equal(FIND(pie, &kept), pie + sizeof(NOPS) - 1 + 2);
	assert_ptr_equal(FIND(got, &kept), got + sizeof(NOPS) - 1 + 2);
	assert_ptr_equal(FIND(second, &kept), second + 2 * (sizeof(NOPS) - 1) + sizeof(BACK) - 1 + 2);
}

static void nothing_else_is(void **state)
{
	static const char good[] = NOPS CALL BACK NOPS;
	const size_t call = sizeof(NOPS) - 1, end = call + 2 + sizeof(BACK) - 1;
	char code[sizeof(good)];
	unsigned kept;

	(void)state;
	for (size_t i = call; i < end; i++) {
		memcpy(code, good, sizeof(good));
		code[i] ^= 0x40;
		assert_null(FIND(code, &kept));
	}
	for (size_t len = 0; len < end; len++)
		assert_null(tm_code_find_go_return((const unsigned char *)good, len, &kept));
	assert_non_null(tm_code_find_go_return((const unsigned char *)good, end, &kept));
}

static void a_return_address_is_asked(void **state)
{
	static const char plain[] = BACK NOPS, pie[] = TLS_OFFSET BACK;
	unsigned kept;

	(void)state;
	assert_true(tm_code_returns_to_go((const unsigned char *)plain, TM_GO_RETURN_LEN, &kept));
	assert_true(tm_code_returns_to_go((const unsigned char *)pie, TM_GO_RETURN_LEN, &kept));
	assert_false(tm_code_returns_to_go((const unsigned char *)pie, TM_GO_RETURN_LEN - 1, &kept));
	assert_false(tm_code_returns_to_go((const unsigned char *)NOPS, TM_GO_RETURN_LEN, &kept));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_found),
		cmocka_unit_test(nothing_else_is),
		cmocka_unit_test(a_return_address_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
