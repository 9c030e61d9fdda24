/* Call frame information as bytes: what it is read by, and its entries. Private to cfi.c. */
#ifndef TM_RECORDER_CFI_H
#define TM_RECORDER_CFI_H

#include "recorder.h"

enum { CFI_TOO_FAR = 1 << 20 };

/* A part of the copy of .eh_frame: offsets from its beginning. */
struct bytes {
	const uint8_t *base;
	uint64_t at, end;
	bool bad;
};

struct expression {
	const uint8_t *ops; /* NULL: it is none */
	uint32_t n;
};

struct entry {
	struct bytes cie, fde; /* their instructions */
	uint64_t begin, size;
	uint64_t code_factor;
	int64_t data_factor;
	uint8_t encoding;
	bool augmented, is_signal;
};

/* All of them stop at the end, which is `bad`. */
uint64_t cfi_fixed(struct bytes *b, unsigned n);
uint64_t cfi_uleb(struct bytes *b);
int64_t cfi_sleb(struct bytes *b);
struct expression cfi_block(struct bytes *b);

/* The entry of the last function that begins at or before `pc`, if that is in it. */
bool cfi_find(const struct tm_recorder_loaded *m, uint64_t pc, struct entry *ret);

#endif
