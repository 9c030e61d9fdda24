/* The part of arch.h that is about which memory code reads and refers to. Included by
 * arch.h alone. */
#ifndef TM_ARCH_READS_H
#define TM_ARCH_READS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu.h"

/* ---- reads.c ---------------------------------------------------------------- */

/*
 * Which memory a function reads at addresses that its code alone determines: those
 * in an instruction, and those in a register that was loaded with an address
 * before, plus a displacement. So a variable is found whichever way compiler
 * and linker have gone: by its address, by its address from the GOT, or as a
 * member of a structure whose address is in a register.
 *
 * Followed is one path: conditional branches fall through, jumps are taken,
 * calls return. Code is hostile: any bytes end the walk sooner or later.
 */
enum { TM_READS_WINDOW = 64 };

struct tm_read {
	uint64_t at;
	unsigned size; /* bytes */
};

enum tm_value_kind {
	TM_VALUE_UNKNOWN,
	TM_VALUE_CONSTANT,
	TM_VALUE_STACK,    /* somewhere on the stack */
};

/* cpu.h: TM_READS_REGISTERS. */
struct tm_reads {
	/* Something was passed over that may have read, too. */
	bool missed;

	/* Private. */
	size_t (*read)(void *ctx, uint64_t at, void *buf, size_t len);
	void *ctx;
	uint64_t base;
	uint64_t pc;       /* 0: at the end */
	unsigned steps;
	struct tm_value {
		enum tm_value_kind kind;
		uint64_t value;
	} registers[TM_READS_REGISTERS];
	unsigned char code[TM_READS_WINDOW];
	uint64_t code_at;
	size_t code_len;
};

/*
 * Begin at the entry of a function. `base` is an address that the GOT may
 * hold (0: none): what gets it from there is no read of a variable. `read`
 * copies bytes of the process; it returns how many leading ones it could.
 */
void tm_reads_begin(struct tm_reads *reads, uint64_t function, uint64_t base,
		    size_t (*read)(void *ctx, uint64_t at, void *buf, size_t len),
		    void *ctx);

/* The next read. False at the end, and where the code is not understood. */
bool tm_reads_next(struct tm_reads *reads, struct tm_read *ret);

/* ---- refers.c --------------------------------------------------------------- */

/*
 * All addresses that a function refers to on any of its paths, its rarely executed
 * part included: read, written, jumped through or computed, as far as its code alone
 * tells them. What it has inlined is among them, and small numbers are. `size` 0: not
 * known. Else as tm_reads_begin().
 */
enum { TM_REFERS_MAX = 512 };

struct tm_refers {
	uint64_t at[TM_REFERS_MAX]; /* each once */
	size_t n;
};

void tm_code_refers(uint64_t function, uint64_t size, uint64_t base,
		    size_t (*read)(void *ctx, uint64_t at, void *buf, size_t len),
		    void *ctx, struct tm_refers *ret);

/* Where the variable is that each thread has of its own. */
enum tm_local_kind {
	TM_LOCAL_OFFSET, /* from the thread pointer */
	TM_LOCAL_INDEX,  /* the address of two words: number of the image, offset */
};

struct tm_local {
	enum tm_local_kind kind;
	uint64_t value;
};

/*
 * The one that a short function at `at` returns: false if it returns none, or gets
 * to it in a way that is not known. cpu.h says where the C library keeps what images
 * have (glibc): TM_LOCAL_IMAGES, from the thread pointer to a pointer to an array;
 * TM_LOCAL_IMAGE_SIZE, of an item, whose first word is the address or TM_LOCAL_NONE;
 * and where what pthread_setspecific() has set: TM_LOCAL_KEYS, from the thread
 * pointer to {sequence, value} of key 0; TM_LOCAL_NKEYS, how many are there.
 */
bool tm_code_local(const unsigned char *bytes, size_t len, uint64_t at,
		   struct tm_local *ret);

/*
 * musl's are elsewhere. Is this its pthread_getspecific()? *ret: so far from the thread
 * pointer is a pointer to an array of what has been set, a word a key; the array of
 * images has a word for each, too, and how many they are for number 0.
 */
bool tm_code_keys(const unsigned char *bytes, size_t len, uint32_t *ret);

#endif
