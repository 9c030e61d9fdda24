/*
 * What a call of an allocation function does to registers. This program has an
 * allocator of its own, which notes what it was entered with and sets what the
 * caller gets back; the compiler allows a caller in the same unit to know that.
 *
 *	registers
 *
 * Says "ready". Then each line on standard input has every function called
 * with every flag and register set, and is answered by "ok", or by what was
 * wrong first. 1: in a forked child; else in the program itself.
 */
#include <cpuid.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AX, CX, DX, BX, SP, BP, SI, DI, R8, R15 = 15, FLAGS, NREGS };
enum { ROUNDS = 24, ARENA = 4 << 20, XSAVE_SIZE = 16384 };

/* CF, PF, AF, ZF, SF, OF: those that instructions set. */
enum { STATUS_FLAGS = 0x8d5, ALWAYS_SET = 0x202 };

static const char *const reg_names[NREGS] = {
	"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9",
	"r10", "r11", "r12", "r13", "r14", "r15", "flags",
};

/* An XSAVE area: x87, MMX, SSE, MXCSR, and what else this processor has. */
struct vectors {
	uint8_t bytes[XSAVE_SIZE];
} __attribute__((aligned(64)));

struct state {
	uint64_t regs[NREGS];
	struct vectors vectors;
};

/* Used by the assembler below, by these names: what is called, with what; what
 * the function saw, and sets on its way out; what came back. */
struct state call_in, call_seen, call_left, call_out;
struct vectors call_host;
uint64_t call_function, call_kept_sp, call_vectors, call_armed, call_skew;

#define FOR_REGS(op) \
	op("rcx", "8") op("rdx", "16") op("rbx", "24") op("rbp", "40") \
	op("rsi", "48") op("rdi", "56") op("r8", "64") op("r9", "72") \
	op("r10", "80") op("r11", "88") op("r12", "96") op("r13", "104") \
	op("r14", "112") op("r15", "120")
#define STORE_SEEN(reg, at) "mov %" reg ", call_seen+" at "(%rip)\n"
#define STORE_OUT(reg, at) "mov %" reg ", call_out+" at "(%rip)\n"
#define LOAD_IN(reg, at) "mov call_in+" at "(%rip), %" reg "\n"
#define LOAD_LEFT(reg, at) "mov call_left+" at "(%rip), %" reg "\n"
/* Changes rax and rdx. */
#define VECTORS(op, at) \
	"mov call_vectors(%rip), %eax\n xor %edx, %edx\n" \
	op " " at "(%rip)\n"

/*
 * call_all(): call_function with call_in. Each allocation function notes rax
 * and its number and goes on in `allocate`, which notes the rest, calls give(),
 * and returns with call_left and what that said.
 */
__asm__(".text\n"
	".globl call_all\n"
	"call_all:\n"
	"push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
	"sub $8, %rsp\n"
	"sub call_skew(%rip), %rsp\n"
	VECTORS("xsave64", "call_host")
	VECTORS("xrstor64", "call_in+192")
	"mov %rsp, call_in+32(%rip)\n"
	"pushq call_in+128(%rip)\n popfq\n"
	FOR_REGS(LOAD_IN)
	"mov call_in(%rip), %rax\n"
	"call *call_function(%rip)\n"
	"mov %rax, call_out(%rip)\n"
	"mov %rsp, call_out+32(%rip)\n"
	"mov call_in+32(%rip), %rsp\n"
	FOR_REGS(STORE_OUT)
	"pushfq\n popq call_out+128(%rip)\n"
	VECTORS("xsave64", "call_out+192")
	VECTORS("xrstor64", "call_host")
	"add call_skew(%rip), %rsp\n"
	"add $8, %rsp\n"
	"pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
	"ret\n"

	"allocate:\n"
	FOR_REGS(STORE_SEEN)
	"mov %rsp, call_seen+32(%rip)\n"
	"pushfq\n popq call_seen+128(%rip)\n"
	"mov %eax, %ecx\n"
	"push %rdx\n"
	VECTORS("xsave64", "call_seen+192")
	"pop %rdx\n"
	"and $-16, %rsp\n"
	"call give\n"
	"mov %rax, call_left(%rip)\n"
	"cmpq $0, call_armed(%rip)\n je 1f\n"
	VECTORS("xrstor64", "call_left+192")
	"1: mov call_seen+32(%rip), %rsp\n"
	"pushq call_left+128(%rip)\n popfq\n"
	FOR_REGS(LOAD_LEFT)
	"mov call_left(%rip), %rax\n"
	"ret\n");

#define FUNCTION(number, name) \
	__asm__(".text\n .globl " #name "\n .type " #name ", @function\n" \
		#name ": mov %rax, call_seen(%rip)\n" \
		"mov $" #number ", %eax\n jmp allocate\n" \
		".size " #name ", . - " #name "\n"); \
	void function_##number(void) __asm__(#name);
FUNCTION(0, malloc)
FUNCTION(1, calloc)
FUNCTION(2, realloc)
FUNCTION(3, reallocarray)
FUNCTION(4, aligned_alloc)
FUNCTION(5, memalign)
FUNCTION(6, posix_memalign)
FUNCTION(7, free)
FUNCTION(8, _Znwm)
FUNCTION(9, _ZnwmRKSt9nothrow_t)
FUNCTION(10, _ZdlPv)

enum { NEW = 8, NEW_NOTHROW, NFUNCTIONS = 11 };

static const struct {
	const char *name;
	void (*call)(void);
} functions[NFUNCTIONS] = {
	{ "malloc", function_0 }, { "calloc", function_1 }, { "realloc", function_2 },
	{ "reallocarray", function_3 }, { "aligned_alloc", function_4 },
	{ "memalign", function_5 }, { "posix_memalign", function_6 },
	{ "free", function_7 }, { "operator new", function_8 },
	{ "operator new, nothrow", function_9 }, { "operator delete", function_10 },
};

void call_all(void);
uint64_t give(uint64_t a, uint64_t b, uint64_t c, unsigned function);

static uint8_t arena[ARENA] __attribute__((aligned(16)));
static size_t used;
static uint64_t random_state = 1;
/* How a function returns: as it was entered but for rax; with everything else
 * changed that it may change; and the first of two as if there were no room. */
static enum { PLAIN, CHANGES, NO_ROOM } mode;

static const bool belongs_to_caller[NREGS] = {
	[BX] = true, [BP] = true, [12] = true, [13] = true, [14] = true, [R15] = true,
};

static uint64_t draw(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return random_state ^ random_state >> 29;
}

static uint64_t block_of(uint64_t size)
{
	uint8_t *at = arena + used;

	used += (size + 31) & ~15ull;
	return used <= ARENA ? (uint64_t)at : 0;
}

static uint64_t moved(uint64_t block, uint64_t size)
{
	uint64_t got = block_of(size);

	if (got && block)
		memmove((void *)got, (void *)block, size);
	return got;
}

static uint64_t answer(uint64_t a, uint64_t b, uint64_t c, unsigned function)
{
	switch (function) {
	case 1: return block_of(a * b);
	case 2: return moved(a, b);
	case 3: return moved(a, b * c);
	case 4: case 5: return block_of(b);
	case 6: return *(uint64_t *)a = block_of(c), 0;
	case 7: case 10: return call_left.regs[AX];
	default: return block_of(a);
	}
}

uint64_t give(uint64_t a, uint64_t b, uint64_t c, unsigned function)
{
	bool no_room = mode == NO_ROOM && function == NEW_NOTHROW;

	for (int i = 0; i < NREGS; i++) {
		if (!call_armed || belongs_to_caller[i] || (mode != CHANGES && !no_room))
			call_left.regs[i] = call_seen.regs[i];
		else
			call_left.regs[i] = i == FLAGS ? (draw() & STATUS_FLAGS) | ALWAYS_SET
						       : draw();
	}
	if (call_armed && mode != CHANGES)
		memcpy(&call_left.vectors, &call_seen.vectors, sizeof(call_left.vectors));
	return no_room ? 0 : answer(a, b, c, function);
}

/* ---- vectors ------------------------------------------------------------- */

enum { FCW = 0, TAGS = 4, MXCSR = 24, ST0 = 32, XMM0 = 160, XMM_END = 416, IN_USE = 512,
       ANY_PARTS = 0xe7 /* x87, SSE, AVX, AVX-512 */ };

static struct { size_t at, len; } parts[8] = {
	{ 0, MXCSR + 4 }, { ST0, XMM_END - ST0 },
};

static void find_vectors(void)
{
	unsigned a, b, c, d, low, high;

	if (!__get_cpuid_count(1, 0, &a, &b, &c, &d) || !(c & 1u << 27))
		return;
	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	call_vectors = low & ANY_PARTS;
	for (unsigned i = 2; i < 8; i++)
		if (call_vectors & 1u << i && __get_cpuid_count(0xd, i, &a, &b, &c, &d)) {
			parts[i].len = a;
			parts[i].at = b;
		}
}

static void fill_vectors(struct vectors *v)
{
	memset(v, 0, sizeof(*v));
	for (size_t i = 1; i < 8; i++)
		for (size_t k = 0; k < parts[i].len; k++)
			v->bytes[parts[i].at + k] = (uint8_t)draw();
	for (size_t k = ST0; k < XMM0; k += 16)
		memset(v->bytes + k + 10, 0, 6);
	memcpy(v->bytes + FCW, &(uint16_t){ 0x37f }, 2);
	v->bytes[TAGS] = 0xff;
	memcpy(v->bytes + MXCSR, &(uint32_t){ 0x1f80 | (draw() & 0x603f) }, 4);
	memcpy(v->bytes + IN_USE, &call_vectors, 8);
}

static bool same_vectors(const struct vectors *a, const struct vectors *b)
{
	for (size_t i = 0; i < 8 && call_vectors; i++)
		if (memcmp(a->bytes + parts[i].at, b->bytes + parts[i].at, parts[i].len) != 0)
			return false;
	return true;
}

/* ---- the calls ------------------------------------------------------------ */

static bool same(const char *function, const char *what, const struct state *is,
		 const struct state *was)
{
	for (int i = 0; i < NREGS; i++)
		if (i != SP && i != BP && is->regs[i] != was->regs[i])
			return printf("%s: %s is %#llx %s, not %#llx\n", function, reg_names[i],
				      (unsigned long long)is->regs[i], what,
				      (unsigned long long)was->regs[i]), false;
	if (!same_vectors(&is->vectors, &was->vectors))
		return printf("%s: vector registers have changed %s\n", function, what), false;
	return true;
}

static void set_up(unsigned function, uint64_t block)
{
	static uint64_t place;
	const uint64_t args[NFUNCTIONS][3] = {
		{ 100 }, { 3, 40 }, { block, 90 }, { block, 3, 30 }, { 64, 128 }, { 64, 128 },
		{ (uint64_t)&place, 64, 70 }, { block }, { 50 }, { 60 }, { block },
	};

	for (int i = 0; i < NREGS; i++)
		call_in.regs[i] = draw();
	call_in.regs[FLAGS] = (draw() & STATUS_FLAGS) | ALWAYS_SET;
	call_in.regs[DI] = args[function][0];
	call_in.regs[SI] = args[function][1] ? args[function][1] : draw();
	call_in.regs[DX] = args[function][2] ? args[function][2] : draw();
	fill_vectors(&call_in.vectors);
	fill_vectors(&call_left.vectors);
}

static bool call_one(unsigned function, unsigned round, uint64_t block)
{
	const char *name = functions[function].name;

	set_up(function, block);
	call_function = (uint64_t)functions[function].call;
	call_skew = round & 1 ? 8 : 0;
	call_armed = 1;
	call_all();
	call_armed = 0;
	/* Inside, a frame pointer leads to the frame of the hook. */
	if (call_out.regs[SP] != call_in.regs[SP] || call_out.regs[BP] != call_in.regs[BP] ||
	    (call_in.regs[SP] - call_seen.regs[SP]) % 16 != 8)
		return printf("%s: rsp or rbp has changed\n", name), false;
	return same(name, "on the way in", &call_seen, &call_in) &&
	       same(name, "on the way out", &call_out, &call_left);
}

static bool call_each(void)
{
	bool good = true;

	for (unsigned round = 0; round < ROUNDS && good; round++)
		for (unsigned i = 0; i < NFUNCTIONS && good; i++) {
			/* What stands for operator new may change other registers
			 * than it does: what it may change is not compared. */
			mode = round % 3 == 0 ? PLAIN : i == NEW ? NO_ROOM : CHANGES;
			good = call_one(i, round, (uint64_t)malloc(80));
		}
	return good;
}

static void answer_line(bool in_child)
{
	int status = 0;
	pid_t child = in_child ? fork() : 0;

	if (child == 0 && call_each())
		puts("ok");
	fflush(stdout);
	if (in_child && child == 0)
		_exit(0);
	if (child > 0 && (waitpid(child, &status, 0) != child || status != 0))
		printf("the child ended with status %#x\n", status);
}

int main(void)
{
	char line[64];

	find_vectors();
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		size_t before = used;

		answer_line(atoi(line) == 1);
		used = before;
	}
	return 0;
}
