/* Where code may come to: by calls and jumps, and by words of a linkage table; and where
 * the code of a function is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/arch.h"

enum { BASE = 0x1000 };

struct code {
	const char *bytes;
	size_t len;
};

static size_t read_bytes(void *ctx, uint64_t at, void *buf, size_t len)
{
	const struct code *code = ctx;

	if (at < BASE || at - BASE >= code->len)
		return 0;
	if (len > code->len - (at - BASE))
		len = code->len - (at - BASE);
	memcpy(buf, code->bytes + (at - BASE), len);
	return len;
}

static bool reach(const char *bytes, size_t len, uint64_t asked, struct tm_reach *ret)
{
	struct code code = { bytes, len };

	*ret = (struct tm_reach){ .asked = asked };
	return tm_code_reach(BASE, read_bytes, &code, ret);
}

#define REACH(code, asked, ret) reach(code, sizeof(code) - 1, asked, ret)

static void calls_and_branches_are_followed(void **state)
{
	/* je 1f; ret; 1: call 2f; ret; 2: jmp *0x100(%rip) */
	static const char code[] = "\x74\x01\xc3" "\xe8\x01\x00\x00\x00" "\xc3"
				   "\xff\x25\x00\x01\x00\x00";
	struct tm_reach got;

	(void)state;
	assert_true(REACH(code, BASE + 9, &got));
	assert_true(got.passed);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.words[0], BASE + 9 + 6 + 0x100);
	assert_true(REACH(code, BASE + 4, &got));
	assert_false(got.passed);
}

static void a_loop_ends(void **state)
{
	struct tm_reach got;

	(void)state;
	assert_true(REACH("\xeb\xfe", 0, &got));
	assert_true(REACH("\x90\xe8\xfa\xff\xff\xff\xc3", BASE, &got));
	assert_true(got.passed);
	assert_true(REACH("\x90\xe8\xfa\xff\xff\xff\xc3", BASE + 6, &got));
	assert_false(got.passed);
	assert_int_equal(got.n, 0);
}

/* And what comes before is seen all the same. */
static void what_registers_say_is_unknown(void **state)
{
	struct tm_reach got;

	(void)state;
	assert_false(REACH("\xff\xd0\xc3", 0, &got));                         /* call *%rax */
	assert_false(REACH("\xff\xe0", 0, &got));                             /* jmp *%rax */
	assert_false(REACH("\xff\x60\x08", 0, &got));                         /* jmp *8(%rax) */
	assert_false(REACH("\x74\x02\xff\xd0\xc3", BASE + 4, &got));
	assert_true(got.passed);
	assert_true(REACH("\xff\x15\x00\x01\x00\x00\xc3", 0, &got));         /* call *0x100(%rip) */
	assert_int_equal(got.words[0], BASE + 6 + 0x100);
}

static void bad_code_is_unknown(void **state)
{
	struct tm_reach got;

	(void)state;
	assert_false(REACH("", 0, &got));
	assert_false(REACH("\x90", 0, &got));
	assert_false(REACH("\xe9\x00\x00\x00\x10", 0, &got));
	assert_false(REACH("\x06", 0, &got));
}

/* ---- where the code of a function is ------------------------------------------------ */

enum { MAX = 4 };

static size_t extent(const char *bytes, size_t len, struct tm_range *ret)
{
	struct code code = { bytes, len };

	return tm_code_extent(BASE, read_bytes, &code, ret, MAX);
}

static void what_is_jumped_to_belongs_to_it(void **state)
{
	/* je 1f; call far away; ret; (2 bytes of others); 1: jmp 2f; (1 byte); 2: ret */
	static const char code[] = "\x74\x08" "\xe8\x00\x01\x00\x00" "\xc3" "\xcc\xcc"
				   "\xeb\x01" "\xcc" "\xc3";
	struct tm_range got[MAX];

	(void)state;
	assert_int_equal(extent(code, sizeof(code) - 1, got), 3);
	assert_int_equal(got[0].start, BASE);
	assert_int_equal(got[0].end, BASE + 8);
	assert_int_equal(got[1].start, BASE + 10);
	assert_int_equal(got[1].end, BASE + 12);
	assert_int_equal(got[2].start, BASE + 13);
	assert_int_equal(got[2].end, BASE + 14);
}

static void code_that_is_not_understood_has_no_extent(void **state)
{
	struct tm_range got[MAX];

	(void)state;
	/* je to where nothing can be read; one that is none; more pieces than there is room for */
	assert_int_equal(extent("\x74\x40\xc3", 3, got), 0);
	assert_int_equal(extent("\x06", 1, got), 0);
	assert_int_equal(extent("\xeb\x01\xcc" "\xeb\x01\xcc" "\xeb\x01\xcc" "\xeb\x01\xcc" "\xc3",
				13, got), 0);
}

static void a_loop_has_an_end(void **state)
{
	struct tm_range got[MAX];

	(void)state;
	assert_int_equal(extent("\xeb\xfe", 2, got), 1);
	assert_int_equal(got[0].end, BASE + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_and_branches_are_followed),
		cmocka_unit_test(a_loop_ends),
		cmocka_unit_test(what_registers_say_is_unknown),
		cmocka_unit_test(bad_code_is_unknown),
		cmocka_unit_test(what_is_jumped_to_belongs_to_it),
		cmocka_unit_test(code_that_is_not_understood_has_no_extent),
		cmocka_unit_test(a_loop_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
