/*
 * The variable that a function reads first, told by its code: as compilers
 * write the access and linkers relax it, and code that means something else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "arch/arch.h"
#include "py/code.h"

/* An image: code, a slot of the GOT that holds the address of the struct,
 * and the struct, in which the flag lies. */
enum { IMAGE = 0x400000, CODE = 0x400100, SLOT = 0x401000, STRUCT = 0x402000,
       STRUCT_SIZE = 0x800, FLAG = STRUCT + 0x764, OTHER = STRUCT + 0x10,
       OUTSIDE = STRUCT + 0x900, END = 0x403000 };

static unsigned char bytes[END - IMAGE];
static Elf64_Sym symbols[] = { { 0 }, {
	.st_name = 1, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), .st_shndx = 1,
	.st_value = CODE, .st_size = 64,
} };
static char names[] = "\0function";
static const struct tm_image image = {
	.path = "test", .dynsym = symbols, .ndynsym = 2, .dynstr = names,
	.dynstr_len = sizeof(names),
};
static const struct py_variable flag = {
	.within = { STRUCT, STRUCT + STRUCT_SIZE }, .base = STRUCT, .size = 4,
};

/* One way to read: R stands for 4 bytes relative to the end of the operand
 * (or to `more` bytes behind it), all else are the bytes of the code. */
struct shape {
	const char *name;
	tm_addr to;
	unsigned rel_at, more;
	unsigned char code[40];
};

#define R 0, 0, 0, 0
#define DISP 0x64, 0x07, 0, 0

static struct tm_mem *memory(const struct shape *shape)
{
	uint32_t rel = (uint32_t)(shape->to - (CODE + shape->rel_at + 4 + shape->more));
	uint64_t at = STRUCT;

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes + (SLOT - IMAGE), &at, sizeof(at));
	memcpy(bytes + (CODE - IMAGE), shape->code, sizeof(shape->code));
	if (shape->to)
		memcpy(bytes + (CODE - IMAGE) + shape->rel_at, &rel, sizeof(rel));
	return tm_mem_bytes(IMAGE, bytes, sizeof(bytes));
}

static tm_addr first_read(const struct shape *shape)
{
	struct tm_mem *mem = memory(shape);
	tm_addr at = py_code_first_read(mem, &image, "function", &flag);

	tm_mem_destroy(mem);
	return at;
}

static bool denies(const struct shape *shape)
{
	struct tm_mem *mem = memory(shape);
	bool ret = py_code_denies(mem, &image, "function", &flag, FLAG);

	tm_mem_destroy(mem);
	return ret;
}

static const struct shape right[] = {
	/* gcc without -fPIC, and both with full LTO: the variable itself. */
	{ "cmpl $0,flag(%rip)", FLAG, 2, 1, { 0x83, 0x3d, R, 0, 0xc3 } },
	{ "endbr64; mov flag(%rip),%edx", FLAG, 6, 0,
	  { 0xf3, 0x0f, 0x1e, 0xfa, 0x8b, 0x15, R, 0x85, 0xd2, 0xc3 } },
	{ "mov flag(%rip),%r9d", FLAG, 3, 0, { 0x44, 0x8b, 0x0d, R, 0xc3 } },
	{ "push; sub; call; cmpl $0,flag(%rip)", FLAG, 13, 1,
	  { 0x55, 0x48, 0x83, 0xec, 0x18, 0xe8, 1, 0, 0, 0, 0x90, 0x83, 0x3d, R, 0, 0xc3 } },
	{ "test %eax,flag(%rip)", FLAG, 2, 0, { 0x85, 0x05, R, 0xc3 } },
	{ "testl $1,flag(%rip)", FLAG, 2, 4, { 0xf7, 0x05, R, 1, 0, 0, 0, 0xc3 } },
	/* Without PIE: an absolute address. */
	{ "cmpl $0,flag", 0, 0, 0, { 0x83, 0x3c, 0x25, 0x64, 0x27, 0x40, 0, 0, 0xc3 } },
	/* gcc -fPIC in a shared object: through the GOT. */
	{ "mov slot(%rip),%rbx; mov 0x764(%rbx),%eax", SLOT, 3, 0,
	  { 0x48, 0x8b, 0x1d, R, 0x8b, 0x83, DISP, 0xc3 } },
	{ "mov slot(%rip),%r12; mov 0x764(%r12),%edx", SLOT, 3, 0,
	  { 0x4c, 0x8b, 0x25, R, 0x41, 0x8b, 0x94, 0x24, DISP, 0xc3 } },
	{ "mov slot(%rip),%rcx; add $0x764,%rcx; mov (%rcx),%eax", SLOT, 3, 0,
	  { 0x48, 0x8b, 0x0d, R, 0x48, 0x81, 0xc1, DISP, 0x8b, 0x01, 0xc3 } },
	/* The same in a program: relaxed by the linker. clang, gcc -fPIC. */
	{ "lea struct(%rip),%rbx; mov 0x764(%rbx),%eax", STRUCT, 3, 0,
	  { 0x48, 0x8d, 0x1d, R, 0x8b, 0x83, DISP, 0x85, 0xc0, 0xc3 } },
	{ "lea struct(%rip),%rbx; cmpl $0,0x764(%rbx)", STRUCT, 3, 0,
	  { 0x48, 0x8d, 0x1d, R, 0x83, 0xbb, DISP, 0, 0xc3 } },
	{ "lea near(%rip),%rax; cmpl $0,4(%rax)", FLAG - 4, 3, 0,
	  { 0x48, 0x8d, 0x05, R, 0x83, 0x78, 4, 0, 0xc3 } },
	{ "lea flag(%rip),%rax; mov (%rax),%eax", FLAG, 3, 0,
	  { 0x48, 0x8d, 0x05, R, 0x8b, 0x00, 0xc3 } },
	{ "lea struct(%rip),%r15; mov %edi,%ebp; mov 0x764(%r15),%edx", STRUCT, 3, 0,
	  { 0x4c, 0x8d, 0x3d, R, 0x89, 0xfd, 0x41, 0x8b, 0x97, DISP, 0xc3 } },
	{ "lea; mov %rbx,%rdi; addr32 call (relaxed); test %ecx,0x764(%rbx)", STRUCT, 3, 0,
	  { 0x48, 0x8d, 0x1d, R, 0x48, 0x89, 0xdf, 0x67, 0xe8, 0, 0, 0, 0,
	    0x85, 0x8b, DISP, 0xc3 } },
	{ "lea; mov %rbx,%rax; sub $4,%rax; mov 0x768(%rax),%eax", STRUCT, 3, 0,
	  { 0x48, 0x8d, 0x1d, R, 0x48, 0x89, 0xd8, 0x48, 0x83, 0xe8, 4,
	    0x8b, 0x80, 0x68, 0x07, 0, 0, 0xc3 } },
	{ "lea; lea 0x700(%rbx),%rax; mov 0x64(%rax),%eax", STRUCT, 3, 0,
	  { 0x48, 0x8d, 0x1d, R, 0x48, 0x8d, 0x83, 0, 7, 0, 0, 0x8b, 0x40, 0x64, 0xc3 } },
	/* Relaxed without PIE: mov $struct, cmp and test of $symbol. */
	{ "mov $struct,%rbx; mov 0x764(%rbx),%eax", 0, 0, 0,
	  { 0x48, 0xc7, 0xc3, 0, 0x20, 0x40, 0, 0x8b, 0x83, DISP, 0xc3 } },
	{ "mov $struct,%ebx; mov 0x764(%rbx),%eax", 0, 0, 0,
	  { 0xbb, 0, 0x20, 0x40, 0, 0x8b, 0x83, DISP, 0xc3 } },
	{ "cmp $struct,%rdi; mov flag(%rip),%eax", FLAG, 9, 0,
	  { 0x48, 0x81, 0xff, 0, 0x20, 0x40, 0, 0x8b, 0x05, R, 0xc3 } },
	{ "test $struct,%rdi; mov flag(%rip),%eax", FLAG, 9, 0,
	  { 0x48, 0xf7, 0xc7, 0, 0x20, 0x40, 0, 0x8b, 0x05, R, 0xc3 } },
	/* A cold part: jumped to; relaxed `jmp *slot(%rip)` is jmp; nop. */
	{ "jmp +1; cmpl $0,flag(%rip)", FLAG, 5, 1,
	  { 0xeb, 0x01, 0xcc, 0x83, 0x3d, R, 0, 0xc3 } },
	/* Others come first, of another size or elsewhere. */
	{ "mov %fs:0x28,%rax; cmpl $0,flag(%rip)", FLAG, 11, 1,
	  { 0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0, 0x83, 0x3d, R, 0, 0xc3 } },
	{ "lea; lock cmpxchg %dl,0x10(%rbx); mov 0x764(%rbx),%eax", STRUCT, 3, 0,
	  { 0x48, 0x8d, 0x1d, R, 0xf0, 0x0f, 0xb0, 0x53, 0x10, 0x8b, 0x83, DISP, 0xc3 } },
	{ "lea; cmpq $0,0x10(%rbx); mov 0x764(%rbx),%eax", STRUCT, 3, 0,
	  { 0x48, 0x8d, 0x1d, R, 0x48, 0x83, 0x7b, 0x10, 0, 0x8b, 0x83, DISP, 0xc3 } },
	{ "lea; mov %edi,0x10(%rbx); mov 0x764(%rbx),%eax", STRUCT, 3, 0,
	  { 0x48, 0x8d, 0x1d, R, 0x89, 0x7b, 0x10, 0x8b, 0x83, DISP, 0xc3 } },
	{ "mov outside(%rip),%ecx; mov flag(%rip),%ecx", OUTSIDE, 2, 0,
	  { 0x8b, 0x0d, R, 0x8b, 0x0d, 0x58, 0x26, 0, 0, 0xc3 } },
	/* Unoptimised: arguments go to the stack first. */
	{ "push; mov %rsp,%rbp; mov %edi,-4(%rbp); mov -4(%rbp),%eax; mov flag(%rip),%eax",
	  FLAG, 12, 0, { 0x55, 0x48, 0x89, 0xe5, 0x89, 0x7d, 0xfc, 0x8b, 0x45, 0xfc,
	  0x8b, 0x05, R, 0xc3 } },
	{ "pxor %xmm0,%xmm0; lea; movaps %xmm0,(%rsp); mov 0x764(%rbx),%eax", STRUCT, 7, 0,
	  { 0x66, 0x0f, 0xef, 0xc0, 0x48, 0x8d, 0x1d, R, 0x0f, 0x29, 0x04, 0x24,
	    0x8b, 0x83, DISP, 0xc3 } },
};

static void finds_the_flag(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		if (first_read(&right[i]) != FLAG)
			print_error("%s: 0x%lx\n", right[i].name,
				    (unsigned long)first_read(&right[i]));
		assert_int_equal(first_read(&right[i]), FLAG);
		assert_false(denies(&right[i]));
	}
}

/* What is in a register is forgotten where it may have changed. */
static const struct shape unknown[] = {
	{ "lea struct(%rip),%rax; call; mov 0x764(%rax),%eax", STRUCT, 3, 0,
	  { 0x48, 0x8d, 0x05, R, 0xe8, 0, 0, 0, 0, 0x8b, 0x80, DISP, 0xc3 } },
	{ "lea struct(%rip),%rbx; pop %rbx; mov 0x764(%rbx),%eax", STRUCT, 3, 0,
	  { 0x48, 0x8d, 0x1d, R, 0x5b, 0x8b, 0x83, DISP, 0xc3 } },
	{ "lea struct(%rip),%rbx; add %rsi,%rbx; mov 0x764(%rbx)", STRUCT, 3, 0,
	  { 0x48, 0x8d, 0x1d, R, 0x48, 0x01, 0xf3, 0x8b, 0x83, DISP, 0xc3 } },
	{ "lea struct(%rip),%rbx; mov $1,%bh; mov 0x764(%rbx)", STRUCT, 3, 0,
	  { 0x48, 0x8d, 0x1d, R, 0xb7, 1, 0x8b, 0x83, DISP, 0xc3 } },
	{ "lea struct(%rip),%rbx; mov 0x764(%rbx,%rsi,4)", STRUCT, 3, 0,
	  { 0x48, 0x8d, 0x1d, R, 0x8b, 0x84, 0xb3, DISP, 0xc3 } },
	{ "lea struct(%rip),%rbx; cpuid; mov 0x764(%rbx)", STRUCT, 3, 0,
	  { 0x48, 0x8d, 0x1d, R, 0x0f, 0xa2, 0x8b, 0x83, DISP, 0xc3 } },
	{ "lea struct(%rip),%rdx; cqo; mov 0x764(%rdx)", STRUCT, 3, 0,
	  { 0x48, 0x8d, 0x15, R, 0x48, 0x99, 0x8b, 0x82, DISP, 0xc3 } },
	{ "mov %fs:flag,%eax", 0, 0, 0,
	  { 0x64, 0x8b, 0x04, 0x25, 0x64, 0x27, 0x40, 0, 0xc3 } },
	{ "lea struct(%rip),%rbx alone", STRUCT, 3, 0, { 0x48, 0x8d, 0x1d, R, 0xc3 } },
	{ "mov slot(%rip),%rbx alone", SLOT, 3, 0, { 0x48, 0x8b, 0x1d, R, 0xc3 } },
	{ "nop flag(%rip)", FLAG, 3, 0, { 0x0f, 0x1f, 0x05, R, 0xc3 } },
	{ "mov %eax,flag(%rip)", FLAG, 2, 0, { 0x89, 0x05, R, 0xc3 } },
	{ "jmp to itself", 0, 0, 0, { 0xeb, 0xfe } },
	{ "jmp into nowhere", 0, 0, 0, { 0xe9, 0, 0, 0, 0x70 } },
	{ "no instruction", 0, 0, 0, { 0x06, 0x8b, 0x83, DISP } },
	{ "ret", 0, 0, 0, { 0xc3 } },
};

static void knows_nothing_where_nothing_can_be_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		if (first_read(&unknown[i]))
			print_error("%s\n", unknown[i].name);
		assert_int_equal(first_read(&unknown[i]), 0);
		assert_false(denies(&unknown[i]));
	}
}

/* Another variable, for certain. */
static const struct shape other[] = {
	{ "cmpl $0,other(%rip)", OTHER, 2, 1, { 0x83, 0x3d, R, 0, 0xc3 } },
	{ "lea struct(%rip),%rbx; cmpl $0,0x10(%rbx)", STRUCT, 3, 0,
	  { 0x48, 0x8d, 0x1d, R, 0x83, 0x7b, 0x10, 0, 0xc3 } },
	{ "mov slot(%rip),%rax; mov 0x10(%rax),%eax", SLOT, 3, 0,
	  { 0x48, 0x8b, 0x05, R, 0x8b, 0x40, 0x10, 0xc3 } },
};

/* Another one first, but not for certain, or the expected one later. */
static const struct shape doubtful[] = {
	{ "mov (%rdi),%ecx; cmpl $0,other(%rip)", OTHER, 4, 1,
	  { 0x8b, 0x0f, 0x83, 0x3d, R, 0, 0xc3 } },
	{ "cpuid; cmpl $0,other(%rip)", OTHER, 4, 1,
	  { 0x0f, 0xa2, 0x83, 0x3d, R, 0, 0xc3 } },
	{ "lea struct(%rip),%rbx; mov 0x10(%rbx),%eax; mov 0x764(%rbx),%eax", STRUCT, 3, 0,
	  { 0x48, 0x8d, 0x1d, R, 0x8b, 0x43, 0x10, 0x8b, 0x83, DISP, 0xc3 } },
};

static void denies_only_when_sure(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		assert_int_equal(first_read(&other[i]), OTHER);
		assert_true(denies(&other[i]));
	}
	for (size_t i = 0; i < sizeof(doubtful) / sizeof(doubtful[0]); i++) {
		assert_int_equal(first_read(&doubtful[i]), OTHER);
		assert_false(denies(&doubtful[i]));
	}
}

static void needs_the_function(void **state)
{
	struct tm_mem *mem = memory(&right[0]);

	(void)state;
	assert_int_equal(py_code_first_read(mem, &image, "another", &flag), 0);
	assert_false(py_code_denies(mem, &image, "another", &flag, FLAG));
	tm_mem_destroy(mem);
}

/* Any bytes at all: the walk ends, and what it says lies in the struct. */
static void survives_garbage(void **state)
{
	struct shape shape = { 0 };
	struct tm_mem *mem = memory(&shape);
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		tm_addr at;

		for (size_t k = 0; k < 256; k++) {
			seed = seed * 1664525u + 1013904223u;
			bytes[CODE - IMAGE + k] = (unsigned char)(seed >> 16);
		}
		at = py_code_first_read(mem, &image, "function", &flag);
		if (at)
			assert_in_range(at, STRUCT, STRUCT + STRUCT_SIZE - 1);
	}
	tm_mem_destroy(mem);
}

/* Code that ends with the memory. */
static void stops_at_the_end_of_memory(void **state)
{
	struct tm_mem *mem = memory(&right[0]);
	struct tm_mem *cut = tm_mem_bytes(CODE, bytes + (CODE - IMAGE), 5);

	(void)state;
	assert_int_equal(py_code_first_read(cut, &image, "function", &flag), 0);
	tm_mem_destroy(cut);
	tm_mem_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_flag),
		cmocka_unit_test(knows_nothing_where_nothing_can_be_known),
		cmocka_unit_test(denies_only_when_sure),
		cmocka_unit_test(needs_the_function),
		cmocka_unit_test(survives_garbage),
		cmocka_unit_test(stops_at_the_end_of_memory),
	};

	return cmocka_run_group_tests_name("py_code", tests, NULL, NULL);
}
