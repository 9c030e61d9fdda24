/*
 * Instructions: how long they are, what in them depends on where they are,
 * and where their parts are. Enough to move the first ones of a function
 * elsewhere, and to follow what it reads (reads.c). Private to x86-64.
 */
#ifndef TM_ARCH_X86_64_INSN_H
#define TM_ARCH_X86_64_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum x86_flow {
	X86_PLAIN,
	X86_CALL,     /* call rel32 */
	X86_JUMP,     /* jmp rel8 or rel32 */
	X86_BRANCH,   /* jcc rel8 or rel32 */
	X86_LOOP,     /* loop, jrcxz: rel8 and no longer form */
	X86_END,      /* ret, jmp through memory or a register, ud2, hlt */
};

struct x86_insn {
	uint8_t length;
	enum x86_flow flow;
	uint8_t condition;   /* of a X86_BRANCH: the low half of its opcode */
	uint8_t rel_at;      /* offset of a branch's displacement; 0: none */
	uint8_t rel_size;    /* 1 or 4 */
	uint8_t disp_at;     /* offset of a rip-relative disp32; 0: none */
	uint16_t opcode;     /* 0x0fXX of two bytes; X86_OTHER beyond */
	uint8_t modrm_at;    /* offset of the ModRM byte; 0: none */
	uint8_t rex;         /* 0: none */
	bool narrow;         /* 16-bit operands */
	bool elsewhere;      /* a segment's or a 32-bit address */
	bool thread;         /* relative to the thread pointer */
};

#define X86_OTHER 0xffff

/* Decode the instruction at the start of `bytes`. False if it is cut off at
 * `len` or none that 64-bit code can contain. */
bool x86_decode(const uint8_t *bytes, size_t len, struct x86_insn *ret);

/* The target of its branch, or what its rip-relative operand points to, if
 * the instruction is at `at`. */
uint64_t x86_target(const struct x86_insn *insn, const uint8_t *bytes,
			uint64_t at);
uint64_t x86_operand(const struct x86_insn *insn, const uint8_t *bytes,
			 uint64_t at);

#endif
