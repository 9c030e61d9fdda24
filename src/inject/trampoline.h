/*
 * Moving the first instructions of a function elsewhere, so that a jump fits
 * in their place.
 */
#ifndef TM_INJECT_TRAMPOLINE_H
#define TM_INJECT_TRAMPOLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TM_JUMP_SIZE = 5,        /* jmp rel32 */
	TM_TRAMPOLINE_SIZE = 96, /* room for any prologue that is taken */
	TM_STUB_SIZE = 32,
};

struct tm_trampoline {
	uint8_t taken;           /* bytes of the function that were moved */
	uint8_t size;            /* of the code below */
	uint8_t code[TM_TRAMPOLINE_SIZE];
	/* For each byte that a jump would take: where in `code` the instruction
	 * went that begins there; 0: none does, but for the first. */
	uint8_t moved[TM_JUMP_SIZE];
};

/*
 * Move at least TM_JUMP_SIZE bytes from the function at `from`, whose first
 * `len` bytes are given (all of it, if its size is known), to `to`. Returns
 * NULL, or why it cannot be done.
 */
const char *tm_trampoline_make(const uint8_t *bytes, size_t len, uint64_t from,
			       uint64_t to, struct tm_trampoline *ret);

/* jmp rel32 from `from` to `to`; false if it is too far. */
bool tm_jump_make(uint64_t from, uint64_t to, uint8_t ret[TM_JUMP_SIZE]);

/* What a patched function jumps to: into `hook`, with `entry` in %r9. */
void tm_stub_make(uint64_t entry, uint64_t hook, uint8_t ret[TM_STUB_SIZE]);

#endif
