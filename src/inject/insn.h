/*
 * x86-64 instructions: how long they are and what in them depends on where
 * they stand. Enough to move the first ones of a function elsewhere.
 */
#ifndef TM_INJECT_INSN_H
#define TM_INJECT_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tm_insn_flow {
	TM_INSN_PLAIN,
	TM_INSN_CALL,     /* call rel32 */
	TM_INSN_JUMP,     /* jmp rel8 or rel32 */
	TM_INSN_BRANCH,   /* jcc rel8 or rel32 */
	TM_INSN_LOOP,     /* loop, jrcxz: rel8 and no longer form */
	TM_INSN_END,      /* ret, jmp through memory or a register, ud2, hlt */
};

struct tm_insn {
	uint8_t length;
	enum tm_insn_flow flow;
	uint8_t condition;   /* of a TM_INSN_BRANCH: the low half of its opcode */
	uint8_t rel_at;      /* offset of a branch's displacement; 0: none */
	uint8_t rel_size;    /* 1 or 4 */
	uint8_t disp_at;     /* offset of a rip-relative disp32; 0: none */
};

/* Decode the instruction at the start of `bytes`. False if it is cut off at
 * `len` or none that 64-bit code can contain. */
bool tm_insn_decode(const uint8_t *bytes, size_t len, struct tm_insn *ret);

/* The target of its branch, or what its rip-relative operand points to, if
 * the instruction stands at `at`. */
uint64_t tm_insn_target(const struct tm_insn *insn, const uint8_t *bytes,
			uint64_t at);
uint64_t tm_insn_operand(const struct tm_insn *insn, const uint8_t *bytes,
			 uint64_t at);

#endif
