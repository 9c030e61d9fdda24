#include "arch/x86_64/values.h"

#include <string.h>

enum {
	RAX = 0, RSP = X86_STACK_POINTER, RBP = 5,
	KEPT = 0xf038,        /* rbx, rsp, rbp, r12 to r15: calls keep them */
	BUT_RAX_RDX = 0xfffa,
	MAX_INSN = 15,
};

/*
 * What an instruction does, as far as it matters here:
 *
 *	-  nothing: branches, nops, pushes, comparisons with the accumulator
 *	t  reads its operand (test, cmp)     c  computes a register from it
 *	L  loads a register (mov)            s  stores one
 *	m  changes its operand               x  changes its operands and rax
 *	w  writes it without reading it      l  lea
 *	I  mov $imm to the operand           i  mov $imm to a register
 *	o  pop, xchg: the opcode's register  a  changes rax and rdx
 *	A  group 1: add ... cmp with $imm    T  group 3: test, neg, mul ...
 *	G  group 5: inc, dec, call, push     C  call
 *	v  changes vector registers          .  not understood
 */
static const char one_byte[257] =
	"mmccaa..mmccaa.." "mmccaa..mmccaa.." /* 00 10 */
	"mmccaa..mmccaa.." "mmccaa..tttt--.." /* 20 30 */
	"................" "--------oooooooo" /* 40 50 */
	"...c....-c-c...." "----------------" /* 60 70 */
	"AA.AttxxssLL.l.w" "-oooooooaa......" /* 80 90 */
	"........--......" "iiiiiiiiiiiiiiii" /* a0 b0 */
	"mm--..II.o......" "mmmm............" /* c0 d0 */
	"...-....C-.-...." ".....-TT------GG"; /* e0 f0 */

static const char two_byte[257] =
	".............-.." "vvvvvvvv--------" /* 00 10 */
	"........vv.v..vv" "................" /* 20 30 */
	"cccccccccccccccc" ".vvvvvvvvvvvvvvv" /* 40 50 */
	"vvvvvvvvvvvvvvvv" "vvvvvvvv.....v.v" /* 60 70 */
	"----------------" "wwwwwwwwwwwwwwww" /* 80 90 */
	"...............c" "xx....cc..m.cccc" /* a0 b0 */
	"xx....v........." "vvvvvvv.vvvvvvvv" /* c0 d0 */
	"vvvvvvvvvvvvvvvv" "vvvvvvvvvvvvvvv."; /* e0 f0 */

static void forget(struct tm_reads *reads, unsigned reg)
{
	if (reg != RSP)
		reads->registers[reg].kind = TM_VALUE_UNKNOWN;
}

/* Bytes 4 to 7 are, without a REX, the high ones of registers 0 to 3. */
static void change(struct tm_reads *reads, const struct x86_step *step, unsigned reg)
{
	forget(reads, reg);
	if (step->size == 1 && !step->insn.rex)
		forget(reads, reg & 3);
}

static void set(struct tm_reads *reads, const struct x86_step *step, unsigned reg,
		struct tm_value value)
{
	if (step->size < 4 || reg == RSP) {
		change(reads, step, reg);
		return;
	}
	if (step->size == 4) {
		value.value = (uint32_t)value.value;
		if (value.kind == TM_VALUE_STACK)
			value.kind = TM_VALUE_UNKNOWN;
	}
	reads->registers[reg] = value;
}

static void forget_but(struct tm_reads *reads, unsigned kept)
{
	for (unsigned i = 0; i < TM_READS_REGISTERS; i++)
		if (!(kept >> i & 1))
			forget(reads, i);
}

static int64_t load_signed(const unsigned char *at, size_t size)
{
	uint64_t value = 0;
	unsigned shift = size ? 64 - 8 * (unsigned)size : 0;

	memcpy(&value, at, size);
	return (int64_t)(value << shift) >> shift;
}

/* What follows the operand, at the end of the instruction. */
static struct tm_value immediate(const struct x86_step *step, size_t size)
{
	const unsigned char *at = step->bytes + step->insn.length - size;

	return (struct tm_value){ TM_VALUE_CONSTANT, (uint64_t)load_signed(at, size) };
}

static struct tm_value from_base(const struct tm_reads *reads, unsigned base,
				 const unsigned char *disp, unsigned mod)
{
	struct tm_value address = reads->registers[base];

	address.value += (uint64_t)load_signed(disp, mod == 2 ? 4 : mod);
	return address;
}

/* Through a SIB byte: nothing is known of an index. */
static struct tm_value from_sib(const struct tm_reads *reads,
				const struct x86_insn *insn,
				const unsigned char *sib, unsigned mod)
{
	unsigned base = (sib[0] & 7u) | (insn->rex & 1u) << 3;

	if ((sib[0] >> 3 & 7) != 4 || (insn->rex & 2))
		return (struct tm_value){ 0 };
	if (mod != 0 || (base & 7) != 5)
		return from_base(reads, base, sib + 1, mod);
	return (struct tm_value){ TM_VALUE_CONSTANT, (uint64_t)load_signed(sib + 1, 4) };
}

static struct tm_value operand_address(const struct tm_reads *reads,
				       const struct x86_step *step)
{
	const struct x86_insn *insn = &step->insn;
	const unsigned char *modrm = step->bytes + insn->modrm_at;

	if (insn->elsewhere)
		return (struct tm_value){ 0 };
	if (insn->disp_at)
		return (struct tm_value){ TM_VALUE_CONSTANT,
					  x86_operand(insn, step->bytes, step->at) };
	if ((modrm[0] & 7) == 4)
		return from_sib(reads, insn, modrm + 1, modrm[0] >> 6);
	return from_base(reads, step->rm, modrm + 1, modrm[0] >> 6);
}

/* Does the GOT hold `base` there? */
static bool is_slot(const struct tm_reads *reads, const struct x86_step *step)
{
	uint64_t value;

	return reads->base && step->size == 8 &&
	       step->address.kind == TM_VALUE_CONSTANT &&
	       reads->read(reads->ctx, step->address.value, &value, sizeof(value)) ==
		       sizeof(value) && value == reads->base;
}

static void take_operand(const struct tm_reads *reads, struct x86_step *step)
{
	unsigned modrm = step->bytes[step->insn.modrm_at];

	step->reg = (modrm >> 3 & 7) | (step->insn.rex & 4u) << 1;
	step->rm = (modrm & 7) | (step->insn.rex & 1u) << 3;
	step->memory = modrm >> 6 != 3;
	if (step->memory) {
		step->address = operand_address(reads, step);
		step->slot = is_slot(reads, step);
	}
}

static unsigned operand_size(const struct x86_insn *insn)
{
	switch (insn->opcode) {
	case 0x0fb6: case 0x0fbe: /* movzx, movsx of a byte */
	case 0x0fb0: case 0x0fc0: /* cmpxchg, xadd */
		return 1;
	case 0x0fb7: case 0x0fbf: /* of 16 bits */
		return 2;
	case 0x63:                /* movsxd */
		return 4;
	default:
		break;
	}
	/* Most come in pairs: the even one is of bytes. */
	if ((insn->opcode & 0xfff0) == 0x0f90 || /* setcc */
	    (insn->opcode < 0x100 && insn->modrm_at && !(insn->opcode & 1)))
		return 1;
	return insn->rex & 8 ? 8 : insn->narrow ? 2 : 4;
}

static void load(struct tm_reads *reads, const struct x86_step *step)
{
	if (!step->memory)
		set(reads, step, step->reg, reads->registers[step->rm]);
	else if (step->slot)
		set(reads, step, step->reg,
		    (struct tm_value){ TM_VALUE_CONSTANT, reads->base });
	else
		change(reads, step, step->reg);
}

/* add and sub of an immediate keep an address known. */
static void compute(struct tm_reads *reads, const struct x86_step *step)
{
	enum { ADD = 0, SUB = 5, CMP = 7 };
	unsigned operation = step->reg & 7;
	size_t size = step->insn.opcode != 0x81 ? 1 : step->size == 2 ? 2 : 4;
	struct tm_value value = reads->registers[step->rm];
	uint64_t by = immediate(step, size).value;

	if (step->memory || operation == CMP)
		return;
	if (operation != ADD && operation != SUB)
		value.kind = TM_VALUE_UNKNOWN;
	value.value += operation == SUB ? -by : by;
	set(reads, step, step->rm, value);
}

static void change_operand(struct tm_reads *reads, const struct x86_step *step)
{
	if (!step->memory)
		change(reads, step, step->rm);
}

/* Groups 3 and 5: not, neg; inc, dec; mul, div; call. */
static void apply_group(struct tm_reads *reads, const struct x86_step *step)
{
	unsigned operation = step->reg & 7;
	bool five = step->effect == 'G';

	if (five ? operation < 2 : operation == 2 || operation == 3)
		change_operand(reads, step);
	else if (five ? operation < 4 : operation >= 4)
		forget_but(reads, five ? KEPT : BUT_RAX_RDX);
}

/* mov of what is known, and lea. */
static void apply_known(struct tm_reads *reads, const struct x86_step *step)
{
	unsigned in_opcode = (step->insn.opcode & 7u) | (step->insn.rex & 1u) << 3;

	switch (step->effect) {
	case 's':
		if (!step->memory)
			set(reads, step, step->rm, reads->registers[step->reg]);
		break;
	case 'l':
		set(reads, step, step->reg, step->address);
		break;
	case 'I':
		if (!step->memory)
			set(reads, step, step->rm,
			    immediate(step, step->size == 8 ? 4 : step->size));
		break;
	default: /* 'i' */
		forget(reads, in_opcode);
		if (step->insn.opcode >= 0xb8)
			set(reads, step, in_opcode, immediate(step, step->size));
		else
			forget(reads, in_opcode & 3);
		break;
	}
}

/* How clang gets the address of a member of what is found through the GOT. */
static void add_base(struct tm_reads *reads, const struct x86_step *step)
{
	enum { ADD_TO_REGISTER = 0x03 };
	struct tm_value value = reads->registers[step->reg];

	if (step->insn.opcode != ADD_TO_REGISTER || !step->slot) {
		change(reads, step, step->reg);
		return;
	}
	value.value += reads->base;
	set(reads, step, step->reg, value);
}

/* What changes registers to something that is not known. */
static void apply_change(struct tm_reads *reads, const struct x86_step *step)
{
	switch (step->effect) {
	case 'c':
		add_base(reads, step);
		break;
	case 'x':
		forget(reads, RAX);
		change(reads, step, step->reg);
		change_operand(reads, step);
		break;
	case 'o':
		forget(reads, (step->insn.opcode & 7u) | (step->insn.rex & 1u) << 3);
		forget(reads, step->insn.opcode == 0xc9 ? (unsigned)RBP : (unsigned)RAX);
		break;
	case 'a': case 'C':
		forget_but(reads, step->effect == 'C' ? KEPT : BUT_RAX_RDX);
		break;
	default: /* 'm', 'w' */
		change_operand(reads, step);
		break;
	}
}

static void apply(struct tm_reads *reads, const struct x86_step *step)
{
	switch (step->effect) {
	case '-': case 't': case 'v': break;
	case 'L':
		load(reads, step);
		break;
	case 'A':
		compute(reads, step);
		break;
	case 'T': case 'G':
		apply_group(reads, step);
		break;
	case 's': case 'l': case 'I': case 'i':
		apply_known(reads, step);
		break;
	case '.':
		forget_but(reads, 0);
		reads->missed = true;
		break;
	default:
		apply_change(reads, step);
		break;
	}
}

static bool fetch(struct tm_reads *reads, struct x86_step *ret)
{
	size_t skip = (size_t)(reads->pc - reads->code_at);

	if (reads->pc < reads->code_at || skip + MAX_INSN > reads->code_len) {
		reads->code_at = reads->pc;
		reads->code_len = reads->read(reads->ctx, reads->pc, reads->code,
					      sizeof(reads->code));
		skip = 0;
	}
	*ret = (struct x86_step){ .bytes = reads->code + skip, .at = reads->pc,
			      .effect = '.' };
	if (!x86_decode(ret->bytes, reads->code_len - skip, &ret->insn))
		return false;
	if (ret->insn.opcode < 0x100)
		ret->effect = one_byte[ret->insn.opcode];
	else if (ret->insn.opcode != X86_OTHER)
		ret->effect = two_byte[ret->insn.opcode & 0xff];
	ret->size = operand_size(&ret->insn);
	if (ret->insn.modrm_at)
		take_operand(reads, ret);
	return true;
}

bool x86_step(struct tm_reads *reads, struct x86_step *ret)
{
	if (!fetch(reads, ret))
		return false;
	apply(reads, ret);
	return true;
}
