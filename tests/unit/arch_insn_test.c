/* Instructions: their lengths, and prologues that run elsewhere. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <cmocka.h>

#include "arch/arch.h"
#include "arch/x86_64/insn.h"

/* One instruction of each shape; the lengths are what GNU objdump says. */
static const struct {
	uint8_t length;
	uint8_t bytes[15];
} corpus[] = {
	{ 1, { 0x55 } },                                  /* push %rbp */
	{ 2, { 0x41, 0x54 } },                            /* push %r12 */
	{ 3, { 0x48, 0x89, 0xe5 } },                      /* mov %rsp,%rbp */
	{ 4, { 0xf3, 0x0f, 0x1e, 0xfa } },                /* endbr64 */
	{ 4, { 0x48, 0x83, 0xec, 0x18 } },                /* sub $0x18,%rsp */
	{ 7, { 0x48, 0x81, 0xec, 0x88, 0, 0, 0 } },       /* sub $0x88,%rsp */
	{ 7, { 0x48, 0x8b, 0x05, 1, 2, 3, 4 } },          /* mov rip-relative */
	{ 7, { 0x48, 0x8b, 0x1d, 1, 2, 3, 4 } },
	{ 10, { 0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8 } },   /* movabs */
	{ 5, { 0xb8, 1, 0, 0, 0 } },                      /* mov $1,%eax */
	{ 4, { 0x66, 0xb8, 1, 0 } },                      /* mov $1,%ax */
	{ 5, { 0x64, 0x48, 0x8b, 0x04, 0x25 } },          /* cut off: see below */
	{ 9, { 0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0 } },
	{ 2, { 0x74, 0x10 } },                            /* je */
	{ 6, { 0x0f, 0x84, 1, 0, 0, 0 } },                /* je rel32 */
	{ 5, { 0xe8, 1, 0, 0, 0 } },                      /* call */
	{ 2, { 0xeb, 0x05 } },                            /* jmp */
	{ 1, { 0xc3 } },                                  /* ret */
	{ 3, { 0xf6, 0xc1, 0x01 } },                      /* test $1,%cl */
	{ 2, { 0xf7, 0xd8 } },                            /* neg %eax */
	{ 6, { 0xf7, 0xc1, 1, 0, 0, 0 } },                /* test $1,%ecx */
	{ 9, { 0xa1, 1, 2, 3, 4, 5, 6, 7, 8 } },          /* mov moffs */
	{ 4, { 0xc8, 0x10, 0, 0 } },                      /* enter */
	{ 8, { 0x48, 0xc7, 0x45, 0xf8, 1, 0, 0, 0 } },    /* mov $1,-8(%rbp) */
	{ 4, { 0x0f, 0xba, 0xe0, 0x05 } },                /* bt $5,%eax */
	{ 5, { 0x66, 0x0f, 0x38, 0x00, 0xc1 } },          /* pshufb */
	{ 6, { 0x66, 0x0f, 0x3a, 0x0f, 0xc1, 0x08 } },    /* palignr */
	{ 3, { 0xc5, 0xf8, 0x77 } },                      /* vzeroupper */
	{ 4, { 0xc5, 0xfd, 0x6f, 0x06 } },                /* vmovdqa */
	{ 5, { 0xc4, 0xe2, 0x7d, 0x78, 0xc0 } },          /* vpbroadcastb */
	{ 6, { 0x62, 0xf1, 0xfe, 0x28, 0x6f, 0x06 } },    /* vmovdqu64 */
	{ 8, { 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0 } },       /* nop */
	{ 10, { 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0 } },
};

static void lengths(void **state)
{
	struct x86_insn insn;

	(void)state;
	for (size_t i = 0; i < sizeof(corpus) / sizeof(corpus[0]); i++) {
		const uint8_t *bytes = corpus[i].bytes;

		if (i == 11) {
			assert_false(x86_decode(bytes, corpus[i].length, &insn));
			continue;
		}
		assert_true(x86_decode(bytes, 15, &insn));
		assert_int_equal(insn.length, corpus[i].length);
		/* One byte less is not enough. */
		assert_false(x86_decode(bytes, corpus[i].length - 1u, &insn));
	}
}

static void refuses_what_64_bit_code_has_not(void **state)
{
	static const uint8_t bad[][2] = { { 0x06 }, { 0x27 }, { 0x9a }, { 0xd4 } };
	struct x86_insn insn;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_false(x86_decode(bad[i], 2, &insn));
	assert_false(x86_decode(bad[0], 0, &insn));
}

/* Garbage never reads beyond its end (the sanitizers watch) nor is longer. */
static void survives_garbage(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint8_t bytes[15];
		size_t len = seed % 16;
		struct x86_insn insn;

		for (size_t k = 0; k < len; k++) {
			seed = seed * 1664525u + 1013904223u;
			bytes[k] = (uint8_t)(seed >> 16);
		}
		if (x86_decode(bytes, len, &insn))
			assert_in_range(insn.length, 1, len);
		seed = seed * 1664525u + 1013904223u;
	}
}

/* Memory that is first written, then executed. */
struct page {
	uint8_t *bytes;
};

static int make_page(void **state)
{
	static struct page page;

	page.bytes = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*state = &page;
	return page.bytes == MAP_FAILED;
}

static int drop_page(void **state)
{
	struct page *page = *state;

	return munmap(page->bytes, 4096);
}

typedef int function(int);

/* Move the function's beginning, jump from it to where that is, run both. */
static void run_moved(struct page *page, const uint8_t *code, size_t len,
		      const int (*cases)[2], size_t ncases)
{
	uint8_t *from = page->bytes + 64, *to = page->bytes + 1024;
	struct tm_trampoline moved;
	union { uint8_t *bytes; function *call; } original = { from }, copy = { to };

	memset(page->bytes, 0x90, 4096);
	memcpy(from, code, len);
	assert_null(tm_trampoline_make(from, len, (uint64_t)from, (uint64_t)to, &moved));
	assert_true(moved.taken >= TM_JUMP_SIZE);
	memcpy(to, moved.code, moved.size);
	/* Whoever enters the original lands in the copy. */
	assert_true(tm_jump_make((uint64_t)from, (uint64_t)to, from));
	memset(from + TM_JUMP_SIZE, 0xcc, moved.taken - (size_t)TM_JUMP_SIZE);
	assert_int_equal(mprotect(page->bytes, 4096, PROT_READ | PROT_EXEC), 0);
	for (size_t i = 0; i < ncases; i++) {
		assert_int_equal(copy.call(cases[i][0]), cases[i][1]);
		assert_int_equal(original.call(cases[i][0]), cases[i][1]);
	}
}

/* test %edi,%edi; je +6; lea 1(%rdi),%eax; ret; pad; xor; ret */
static void moves_a_short_branch(void **state)
{
	static const uint8_t code[] = {
		0x85, 0xff, 0x74, 0x06, 0x8d, 0x47, 0x01, 0xc3, 0x90, 0x90,
		0xb8, 0x2a, 0, 0, 0, 0xc3,
	};
	static const int cases[][2] = { { 0, 42 }, { 5, 6 } };

	run_moved(*state, code, sizeof(code), cases, 2);
}

/* mov constant(%rip),%eax; add %edi,%eax; ret; constant: 1000 */
static void moves_a_rip_relative_operand(void **state)
{
	static const uint8_t code[] = {
		0x8b, 0x05, 0x03, 0, 0, 0, 0x01, 0xf8, 0xc3, 0xe8, 0x03, 0, 0,
	};
	static const int cases[][2] = { { 1, 1001 } };

	run_moved(*state, code, sizeof(code), cases, 1);
}

/* call to a function behind; it doubles */
static void moves_a_call(void **state)
{
	static const uint8_t code[] = {
		0xe8, 0x04, 0, 0, 0, 0xff, 0xc0, 0xc3, 0x90,
		0x8d, 0x04, 0x3f, 0xc3,
	};
	static const int cases[][2] = { { 21, 43 } };

	run_moved(*state, code, sizeof(code), cases, 1);
}

/* jmp rel8 alone, padded: as musl's entry points are */
static void moves_a_lone_jump(void **state)
{
	static const uint8_t code[] = {
		0xeb, 0x06, 0x66, 0x90, 0x90, 0x90, 0x90, 0x90,
		0x8d, 0x47, 0x07, 0xc3,
	};
	static const int cases[][2] = { { 1, 8 } };

	run_moved(*state, code, sizeof(code), cases, 1);
}

/* Where each instruction went that a thread may stand at. */
static void says_where_it_moved(void **state)
{
	/* mov %rsi,%rcx; rep stosb; ret */
	static const uint8_t plain[] = { 0x48, 0x89, 0xf1, 0xf3, 0xaa, 0xc3 };
	static const uint8_t plain_at[TM_JUMP_SIZE] = { 0, 0, 0, 3, 0 };
	/* test %edi,%edi; je +6, which grows; lea 1(%rdi),%eax; ret */
	static const uint8_t branch[] = {
		0x85, 0xff, 0x74, 0x06, 0x8d, 0x47, 0x01, 0xc3, 0x90, 0x90, 0xc3,
	};
	static const uint8_t branch_at[TM_JUMP_SIZE] = { 0, 0, 2, 0, 8 };
	struct tm_trampoline moved;

	(void)state;
	assert_null(tm_trampoline_make(plain, sizeof(plain), 0x1000, 0x2000, &moved));
	assert_memory_equal(moved.moved, plain_at, sizeof(plain_at));
	assert_null(tm_trampoline_make(branch, sizeof(branch), 0x1000, 0x2000, &moved));
	assert_memory_equal(moved.moved, branch_at, sizeof(branch_at));
}

static void refuses(void **state)
{
	static const uint8_t loop[16] = { 0xe2, 0xfe, 0x90, 0x90, 0x90, 0xc3 };
	static const uint8_t too_short[16] = { 0xc3, 0x55, 0x48, 0x89, 0xe5, 0xc3 };
	/* xor; inc; jne back into the first five bytes; ret */
	static const uint8_t back[16] = { 0x31, 0xc0, 0xff, 0xc0, 0x85, 0xff, 0x75, 0xfa, 0xc3 };
	struct tm_trampoline moved;
	uint8_t jump[TM_JUMP_SIZE];

	(void)state;
	assert_non_null(tm_trampoline_make(loop, 16, 0x1000, 0x2000, &moved));
	assert_non_null(tm_trampoline_make(too_short, 16, 0x1000, 0x2000, &moved));
	assert_non_null(tm_trampoline_make(back, 9, 0x1000, 0x2000, &moved));
	assert_false(tm_jump_make(0x1000, 0x1000 + (1ull << 32), jump));
}

/* What stands before a return address. */
static void knows_calls(void **state)
{
	static const struct {
		unsigned char code[TM_CALL_MAX];
		bool call, through_memory;
	} before[] = {
		{ { 0x90, 0x90, 0xe8, 1, 2, 3, 4 }, true, false },
		{ { 0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xd0 }, true, false },          /* *%rax */
		{ { 0x90, 0x90, 0x90, 0x90, 0x41, 0xff, 0xd3 }, true, false },          /* *%r11 */
		{ { 0x90, 0x90, 0x90, 0x90, 0x41, 0xff, 0x11 }, true, true },           /* *(%r9) */
		{ { 0x90, 0x90, 0x90, 0x41, 0xff, 0x51, 8 }, true, true },              /* *8(%r9) */
		{ { 0x90, 0x41, 0xff, 0x91, 1, 2, 0 }, false, false },
		{ { 0x41, 0xff, 0x91, 1, 2, 0, 0 }, true, true },                       /* *513(%r9) */
		{ { 0x90, 0xff, 0x15, 1, 2, 3, 4 }, true, true },                       /* *x(%rip) */
		{ { 0x90, 0x90, 0x90, 0x90, 0xff, 0x14, 0xc8 }, true, true },           /* *(%rax,%rcx,8) */
		{ { 0xff, 0x14, 0xc5, 1, 2, 3, 4 }, true, true },                       /* *x(,%rax,8) */
		{ { 0x90, 0x90, 0x90, 0xff, 0x54, 0x24, 8 }, true, true },              /* *8(%rsp) */
		{ { 0xff, 0x94, 0x24, 1, 2, 3, 4 }, true, true },                       /* *x(%rsp) */
		{ { 0x90, 0x90, 0xe9, 1, 2, 3, 4 }, false, false },                     /* jmp */
		{ { 0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xe0 }, false, false },         /* jmp *%rax */
		{ { 0x90, 0x90, 0x90, 0x90, 0xff, 0x14, 0x25 }, false, false },
		{ { 0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0x14 }, false, false },
		{ { 0xe8, 1, 2, 3, 4, 0x90, 0x90 }, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		assert_int_equal(tm_code_ends_in_call(before[i].code, false), before[i].call);
		assert_int_equal(tm_code_ends_in_call(before[i].code, true),
				 before[i].through_memory);
	}
}

static void follows_what_hands_on(void **state)
{
	enum { AT = 0x1000 };
	static const uint8_t jump[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0xe9, 0xf7, 0x0f, 0, 0 };
	static const uint8_t branch[] = { 0x74, 0x7e, 0xc3 };
	static const uint8_t both[] = { 0x74, 0x7e, 0xeb, 0x70 };
	static const uint8_t loop[] = { 0xeb, 0xfe };

	(void)state;
	assert_int_equal(tm_code_hands_on(jump, sizeof(jump), AT), 0x2000);
	assert_int_equal(tm_code_hands_on(branch, sizeof(branch), AT), AT + 0x80);
	assert_int_equal(tm_code_hands_on(both, sizeof(both), AT), AT + 0x74);
	assert_int_equal(tm_code_hands_on(loop, sizeof(loop), AT), AT);
	assert_int_equal(tm_code_hands_on(jump, 0, AT), AT);
}

static void sees_operands(void **state)
{
	enum { AT = 0x1000 };
	/* cmpl $7, 0x100(%rip); movl $7, 0x100(%rip); mov $0x402000, %ebx */
	static const uint8_t code[] = { 0x83, 0x3d, 0, 1, 0, 0, 7,
					0xc7, 0x05, 0, 1, 0, 0, 7, 0, 0, 0,
					0xbb, 0, 0x20, 0x40, 0 };
	uint64_t meanings[TM_OPERAND_MEANINGS];

	(void)state;
	assert_int_equal(tm_code_operand(code, sizeof(code), 2, AT), AT + 7 + 0x100);
	assert_int_equal(tm_code_operand(code, sizeof(code), 9, AT), AT + 17 + 0x100);
	assert_int_equal(tm_code_operand(code, sizeof(code), 18, AT), 0x402000);
	assert_int_equal(tm_code_operand(code, sizeof(code) - 1, 18, AT), 0); /* cut off */
	assert_int_equal(tm_code_operand(code, sizeof(code), 3, AT), 0);
	assert_int_equal(tm_code_operand(code, 3, 2, AT), 0);
	tm_code_meanings(code + 18, AT + 18, meanings);
	assert_int_equal(meanings[0], AT + 22 + 0x402000);
	assert_int_equal(meanings[1], 0x402000);
}

static void knows_where_a_landing_is(void **state)
{
	static const uint8_t code[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x55 };

	(void)state;
	assert_int_equal(tm_landing_len(code, sizeof(code)), TM_LANDING_LEN);
	assert_int_equal(tm_landing_len(code, 4), 0); /* nothing is left to patch */
	assert_int_equal(tm_landing_len(code + 1, 4), 0);
}

static void finds_room_for_a_call(void **state)
{
	/* As loaders have them: ret; endbr64, ret; and what fills the place behind. */
	static const uint8_t plain[16] = { 0xc3, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0,
					   0x0f, 0x1f, 0x40, 0 };
	static const uint8_t landed[16] = { 0xf3, 0x0f, 0x1e, 0xfa, 0xc3, 0x66, 0x2e, 0x0f, 0x1f,
					    0x84, 0, 0, 0, 0, 0, 0x90 };
	static const uint8_t full[16] = { 0xc3, 0x0f, 0x1f, 0, 0x55, 0x48, 0x89, 0xe5 };
	static const uint8_t more[16] = { 0x31, 0xc0, 0xc3 };
	uint64_t word;
	size_t at;

	(void)state;
	assert_true(tm_door_in_place(plain, sizeof(plain), &at, &word));
	assert_int_equal(at, 0);
	assert_memory_equal((char *)&word + TM_DOOR_CALL_LEN, plain, 1); /* it still returns */
	assert_true(tm_door_in_place(landed, sizeof(landed), &at, &word));
	assert_int_equal(at, TM_LANDING_LEN);
	assert_false(tm_door_in_place(full, sizeof(full), &at, &word));
	assert_false(tm_door_in_place(more, sizeof(more), &at, &word));
	assert_false(tm_door_in_place(plain, 7, &at, &word));
}

/* A call that only this CPU has waits as its successor. */
static void generalizes_system_calls(void **state)
{
	(void)state;
	assert_int_equal(tm_syscall_generic(SYS_poll), SYS_ppoll);
	assert_int_equal(tm_syscall_generic(SYS_select), SYS_pselect6);
	assert_int_equal(tm_syscall_generic(SYS_epoll_wait), SYS_epoll_pwait);
	assert_int_equal(tm_syscall_generic(SYS_pause), SYS_rt_sigsuspend);
	assert_int_equal(tm_syscall_generic(SYS_open), SYS_openat);
	assert_int_equal(tm_syscall_generic(SYS_read), SYS_read);
	assert_int_equal(tm_syscall_generic(-1), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths),
		cmocka_unit_test(refuses_what_64_bit_code_has_not),
		cmocka_unit_test(survives_garbage),
		cmocka_unit_test_setup_teardown(moves_a_short_branch, make_page, drop_page),
		cmocka_unit_test_setup_teardown(moves_a_rip_relative_operand, make_page, drop_page),
		cmocka_unit_test_setup_teardown(moves_a_call, make_page, drop_page),
		cmocka_unit_test_setup_teardown(moves_a_lone_jump, make_page, drop_page),
		cmocka_unit_test(says_where_it_moved),
		cmocka_unit_test(refuses),
		cmocka_unit_test(knows_calls),
		cmocka_unit_test(follows_what_hands_on),
		cmocka_unit_test(sees_operands),
		cmocka_unit_test(knows_where_a_landing_is),
		cmocka_unit_test(finds_room_for_a_call),
		cmocka_unit_test(generalizes_system_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
