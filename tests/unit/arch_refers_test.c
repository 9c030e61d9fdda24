/*
 * All that a function refers to, and the thread-local variable that it returns: as
 * compilers write both, and code that means something else or nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"

enum { IMAGE = 0x400000, CODE = 0x400100, COLD = 0x400800, SLOT = 0x401000,
       BASE = 0x402000, TABLE = BASE + 0x370, END = 0x403000 };

static unsigned char bytes[END - IMAGE];

static size_t read_image(void *ctx, uint64_t at, void *buf, size_t len)
{
	(void)ctx;
	if (at < IMAGE || at >= END)
		return 0;
	if (len > END - at)
		len = (size_t)(END - at);
	memcpy(buf, bytes + (at - IMAGE), len);
	return len;
}

static void put(uint64_t at, const void *code, size_t len)
{
	memcpy(bytes + (at - IMAGE), code, len);
}

static void put_u32(uint64_t at, uint64_t value)
{
	uint32_t word = (uint32_t)value;

	put(at, &word, sizeof(word));
}

static bool refers(size_t size, uint64_t to)
{
	struct tm_refers found;

	tm_code_refers(CODE, size, BASE, read_image, NULL, &found);
	for (size_t i = 0; i < found.n; i++)
		if (found.at[i] == to)
			return true;
	return false;
}

static void clear(void)
{
	uint64_t base = BASE;

	memset(bytes, 0xcc, sizeof(bytes));
	put(SLOT, &base, sizeof(base));
}

/* test; js; mov table+8(%rip),%rax; jne to the part that takes the context */
static void sees_both_ways_of_a_branch(void **state)
{
	static const unsigned char code[] = {
		0x48, 0x85, 0xff, 0x48, 0x8b, 0x05, 0, 0, 0, 0, 0x75, 0x01, 0xc3,
		0x48, 0x8b, 0x3d, 0, 0, 0, 0, 0xff, 0xe0,
	};

	(void)state;
	clear();
	put(CODE, code, sizeof(code));
	put_u32(CODE + 6, TABLE + 8 - (CODE + 10));
	put_u32(CODE + 16, TABLE - (CODE + 20));
	assert_true(refers(sizeof(code), TABLE + 8));
	assert_true(refers(sizeof(code), TABLE));
	assert_false(refers(sizeof(code), TABLE + 16));
}

/* jne to a part elsewhere: mov table(%rip),%rdi; jmp *table+8(%rip) */
static void follows_a_branch_to_the_cold_part(void **state)
{
	static const unsigned char code[] = { 0x0f, 0x85, 0, 0, 0, 0, 0xc3 };
	static const unsigned char cold[] = { 0x48, 0x8b, 0x3d, 0, 0, 0, 0,
					      0xff, 0x25, 0, 0, 0, 0 };

	(void)state;
	clear();
	put(CODE, code, sizeof(code));
	put_u32(CODE + 2, COLD - (CODE + 6));
	put(COLD, cold, sizeof(cold));
	put_u32(COLD + 3, TABLE - (COLD + 7));
	put_u32(COLD + 9, TABLE + 8 - (COLD + 13));
	assert_true(refers(sizeof(code), TABLE));
	assert_true(refers(sizeof(code), TABLE + 8));
}

/* jmp elsewhere, to another function, which is not this one's */
static void leaves_at_a_jump_to_another_function(void **state)
{
	static const unsigned char code[] = { 0xe9, 0, 0, 0, 0 };
	static const unsigned char other[] = { 0x48, 0x8b, 0x3d, 0, 0, 0, 0, 0xc3 };

	(void)state;
	clear();
	put(CODE, code, sizeof(code));
	put_u32(CODE + 1, COLD - (CODE + 5));
	put(COLD, other, sizeof(other));
	put_u32(COLD + 3, TABLE - (COLD + 7));
	assert_false(refers(sizeof(code), TABLE));
}

/* mov slot(%rip),%rax; mov 0x370(%rax),%rdi; jmp *0x378(%rax) */
static void goes_through_the_got(void **state)
{
	static const unsigned char code[] = {
		0x48, 0x8b, 0x05, 0, 0, 0, 0, 0x48, 0x8b, 0xb8, 0x70, 3, 0, 0,
		0xff, 0xa0, 0x78, 3, 0, 0,
	};

	(void)state;
	clear();
	put(CODE, code, sizeof(code));
	put_u32(CODE + 3, SLOT - (CODE + 7));
	assert_true(refers(sizeof(code), TABLE));
	assert_true(refers(sizeof(code), TABLE + 8));
}

/* mov $0x370,%ebx; add slot(%rip),%rbx; mov %rbx,%rdi: clang */
static void adds_what_the_got_holds(void **state)
{
	static const unsigned char code[] = {
		0xbb, 0x70, 3, 0, 0, 0x48, 0x03, 0x1d, 0, 0, 0, 0, 0x48, 0x89, 0xdf, 0xc3,
	};

	(void)state;
	clear();
	put(CODE, code, sizeof(code));
	put_u32(CODE + 8, SLOT - (CODE + 12));
	assert_true(refers(sizeof(code), TABLE));
}

/* mov $table,%edi */
static void takes_an_absolute_address(void **state)
{
	static const unsigned char code[] = { 0xbf, 0, 0, 0, 0, 0xc3 };

	(void)state;
	clear();
	put(CODE, code, sizeof(code));
	put_u32(CODE + 1, TABLE);
	assert_true(refers(sizeof(code), TABLE));
	assert_true(refers(0, TABLE));
}

/* Whatever the bytes are, it comes to an end and stays within its limits. */
static void finds_what_musl_has_set(void **state)
{
	/* mov %fs:0,%rax; mov 0x80(%rax),%rax; mov %edi,%edi; mov (%rax,%rdi,8),%rax; ret */
	static const unsigned char musl[] = { 0x64, 0x48, 0x8b, 4, 0x25, 0, 0, 0, 0, 0x48, 0x8b,
					      0x80, 0x80, 0, 0, 0, 0x89, 0xff, 0x48, 0x8b, 4,
					      0xf8, 0xc3 };
	/* cmp $0x1f,%edi; ja; then as glibc: mov %fs:0x10,%rax; ... mov 0x318(%rax),%rax; ret */
	static const unsigned char other[] = { 0x83, 0xff, 0x1f, 0x77, 0x10, 0x64, 0x48, 0x8b, 4,
					       0x25, 0x10, 0, 0, 0, 0x48, 0x8b, 0x80, 0x18, 3,
					       0, 0, 0xc3 };
	uint32_t found = 0;

	(void)state;
	assert_true(tm_code_keys(musl, sizeof(musl), &found));
	assert_int_equal(found, 0x80);
	for (size_t len = 0; len < sizeof(musl); len++)
		assert_false(tm_code_keys(musl, len, &found));
	assert_false(tm_code_keys(other, sizeof(other), &found));
	assert_false(tm_code_keys(other + 5, sizeof(other) - 5, &found));
}

static void ends_in_any_bytes(void **state)
{
	(void)state;
	srand(20);
	for (unsigned round = 0; round < 2000; round++) {
		unsigned char code[64];
		struct tm_refers found;
		struct tm_local local;

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (unsigned char)(rand() >> 7);
		/* Mostly branches. */
		for (size_t i = 0; round % 2 && i + 2 < sizeof(bytes); i += 2)
			bytes[i] = 0x74;
		tm_code_refers(CODE, 0x800, BASE, read_image, NULL, &found);
		assert_in_range(found.n, 0, TM_REFERS_MAX);
		read_image(NULL, CODE + round % 256, code, sizeof(code));
		tm_code_local(code, round % (sizeof(code) + 1), CODE, &local);
	}
}

static bool local(const unsigned char *code, size_t len, struct tm_local *ret)
{
	return tm_code_local(code, len, CODE, ret);
}

static void finds_a_thread_local_variable(void **state)
{
	/* endbr64; mov %fs:-24,%rax; ret */
	static const unsigned char direct[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x64, 0x48, 0x8b, 4,
						0x25, 0xe8, 0xff, 0xff, 0xff, 0xc3 };
	/* push; data16 ... mov %fs:0,%rax; mov -8(%rax),%rax: relaxed by a linker */
	static const unsigned char relaxed[] = { 0x50, 0x66, 0x66, 0x66, 0x64, 0x48, 0x8b, 4,
						 0x25, 0, 0, 0, 0, 0x48, 0x8b, 0x40, 0xf8,
						 0x59, 0xc3 };
	/* sub; data16 lea index(%rip),%rdi; data16 data16 rex.W call; mov (%rax),%rax */
	static const unsigned char called[] = { 0x48, 0x83, 0xec, 8, 0x66, 0x48, 0x8d, 0x3d,
						0x10, 0, 0, 0, 0x66, 0x66, 0x48, 0xe8,
						0, 0, 0, 0, 0x48, 0x8b, 0, 0xc3 };
	struct tm_local found;

	(void)state;
	assert_true(local(direct, sizeof(direct), &found));
	assert_int_equal(found.kind, TM_LOCAL_OFFSET);
	assert_int_equal((int64_t)found.value, -24);
	assert_true(local(relaxed, sizeof(relaxed), &found));
	assert_int_equal(found.kind, TM_LOCAL_OFFSET);
	assert_int_equal((int64_t)found.value, -8);
	assert_true(local(called, sizeof(called), &found));
	assert_int_equal(found.kind, TM_LOCAL_INDEX);
	assert_int_equal(found.value, CODE + 12 + 0x10);
}

static void finds_none_where_there_is_none(void **state)
{
	/* mov word(%rip),%rax; ret */
	static const unsigned char global[] = { 0x48, 0x8b, 0x05, 0, 1, 0, 0, 0xc3 };
	/* mov %fs:40,%rax: the canary */
	static const unsigned char canary[] = { 0x64, 0x48, 0x8b, 4, 0x25, 40, 0, 0, 0, 0xc3 };
	/* mov %gs:-24,%rax; ret */
	static const unsigned char other[] = { 0x65, 0x48, 0x8b, 4, 0x25, 0xe8, 0xff, 0xff,
					       0xff, 0xc3 };
	/* jmp, then what would be one */
	static const unsigned char jump[] = { 0xeb, 0, 0x64, 0x48, 0x8b, 4, 0x25, 0xe8, 0xff,
					      0xff, 0xff, 0xc3 };
	struct tm_local found;

	(void)state;
	assert_false(local(global, sizeof(global), &found));
	assert_false(local(canary, sizeof(canary), &found));
	assert_false(local(other, sizeof(other), &found));
	assert_false(local(jump, sizeof(jump), &found));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sees_both_ways_of_a_branch),
		cmocka_unit_test(follows_a_branch_to_the_cold_part),
		cmocka_unit_test(leaves_at_a_jump_to_another_function),
		cmocka_unit_test(goes_through_the_got),
		cmocka_unit_test(adds_what_the_got_holds),
		cmocka_unit_test(takes_an_absolute_address),
		cmocka_unit_test(ends_in_any_bytes),
		cmocka_unit_test(finds_what_musl_has_set),
		cmocka_unit_test(finds_a_thread_local_variable),
		cmocka_unit_test(finds_none_where_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
