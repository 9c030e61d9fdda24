/*
 * What an instruction does to registers of which is known what they hold. Private
 * to x86-64: reads.c and refers.c walk with it.
 */
#ifndef TM_ARCH_X86_64_VALUES_H
#define TM_ARCH_X86_64_VALUES_H

#include "arch/arch.h"
#include "arch/x86_64/insn.h"

enum { X86_STACK_POINTER = 4 };

/* One instruction, taken apart. */
struct x86_step {
	struct x86_insn insn;
	const unsigned char *bytes;
	uint64_t at;
	char effect;
	unsigned size, reg, rm;   /* of the operand; rm: that is a register, */
	bool memory;              /* or in memory: at the address */
	struct tm_value address;
	bool slot;                /* of the GOT: reads->base is there */
};

/* Execute the instruction at reads->pc, as far as registers go; it is not moved.
 * False where there is none. */
bool x86_step(struct tm_reads *reads, struct x86_step *ret);

#endif
