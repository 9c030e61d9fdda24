/* What is known of an encoding of source text whose ASCII is ASCII. */
#ifndef TM_ENCODINGS_CHARSET_H
#define TM_ENCODINGS_CHARSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TM_CHARSET_LEAD = 1, /* in `high`: the first byte of several */
	TM_PAIR_LEAD = 0x81, TM_PAIR_TRAIL = 0x40, TM_PAIR_LAST = 0xfe,
	TM_PAIR_TRAILS = TM_PAIR_LAST - TM_PAIR_TRAIL + 1,
	TM_TRIPLE_LEAD = 0x8f, TM_TRIPLE_TRAIL = 0xa1,
	TM_TRIPLE_TRAILS = TM_PAIR_LAST - TM_TRIPLE_TRAIL + 1,
	TM_QUADS_BMP = 39420,     /* of four bytes, below U+10000 */
	TM_QUADS_HIGHER = 189000, /* U+10000, and so on */
};

/* From the `first` sequence of four bytes up to the next run: these code points;
 * none if `code` is 0. */
struct tm_charset_run {
	uint16_t first, code;
};

struct tm_charset {
	const char *names;       /* " latin9 l9 iso885915 " */
	const uint16_t *high;    /* of the bytes from 0x80 */
	const uint16_t *pairs;   /* of two bytes; all tables have 0 for none */
	const uint16_t *triples; /* of TM_TRIPLE_LEAD and two more */
	const struct tm_charset_run *runs; /* of four bytes, as GB 18030 */
	size_t nruns;
};

/* Generated when tmattach is built. */
extern const struct tm_charset tm_charsets[];
extern const size_t tm_ncharsets;

#endif
