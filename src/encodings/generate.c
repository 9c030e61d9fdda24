/*
 * Makes the tables of src/session/source_charset.c from the C library's iconv(),
 * when tmattach is built: in a static program, iconv() would load modules of
 * the machine it runs on, and most machines have few.
 */
#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <stdio.h>

#include "encodings/charset.h"

/* iconv's name, and those that Python knows, without their separators. */
static const struct { const char *iconv, *names; } encodings[] = {
#define ENCODING(iconv, names) { iconv, names },
#include "encodings/encodings.def"
#undef ENCODING
};

enum { COUNT = sizeof(encodings) / sizeof(encodings[0]) };

/* The one code point that these bytes are; TM_CHARSET_LEAD where they are only
 * the first ones of a character, 0 where they are none. */
static uint32_t convert(iconv_t cd, const unsigned char *bytes, size_t n)
{
	uint32_t out[4] = { 0 };
	char *in = (char *)bytes, *to = (char *)out;
	size_t left = n, room = sizeof(out);

	iconv(cd, NULL, NULL, NULL, NULL);
	if (iconv(cd, &in, &left, &to, &room) == (size_t)-1)
		return errno == EINVAL ? TM_CHARSET_LEAD : 0;
	iconv(cd, NULL, NULL, &to, &room);
	return room == sizeof(out) - sizeof(out[0]) && out[0] >= 0x80 ? out[0] : 0;
}

static void print_code(uint32_t code, unsigned *column)
{
	printf("%u,%s", code <= UINT16_MAX ? code : 0, ++*column % 16 ? "" : "\n");
}

/* True if some byte is the first one of several. */
static bool print_high(iconv_t cd, size_t at)
{
	bool several = false;
	unsigned column = 0;

	printf("static const uint16_t high_%zu[] = {\n", at);
	for (unsigned byte = 0x80; byte <= 0xff; byte++) {
		unsigned char bytes[] = { (unsigned char)byte };
		uint32_t code = convert(cd, bytes, sizeof(bytes));

		several = several || code == TM_CHARSET_LEAD;
		print_code(code, &column);
	}
	printf("};\n");
	return several;
}

/* True if some pair is the beginning of a triple. */
static bool print_pairs(iconv_t cd, size_t at)
{
	bool triples = false;
	unsigned column = 0;

	printf("static const uint16_t pairs_%zu[] = {\n", at);
	for (unsigned lead = TM_PAIR_LEAD; lead <= TM_PAIR_LAST; lead++)
		for (unsigned trail = TM_PAIR_TRAIL; trail <= TM_PAIR_LAST; trail++) {
			unsigned char bytes[] = { (unsigned char)lead,
						  (unsigned char)trail };
			uint32_t code = convert(cd, bytes, sizeof(bytes));

			triples = triples || (lead == TM_TRIPLE_LEAD &&
					      code == TM_CHARSET_LEAD);
			print_code(code == TM_CHARSET_LEAD ? 0 : code, &column);
		}
	printf("};\n");
	return triples;
}

/* EUC-JP's third set. */
static void print_triples(iconv_t cd, size_t at)
{
	unsigned column = 0;

	printf("static const uint16_t triples_%zu[] = {\n", at);
	for (unsigned second = TM_TRIPLE_TRAIL; second <= TM_PAIR_LAST; second++)
		for (unsigned third = TM_TRIPLE_TRAIL; third <= TM_PAIR_LAST; third++) {
			unsigned char bytes[] = { TM_TRIPLE_LEAD, (unsigned char)second,
						  (unsigned char)third };

			print_code(convert(cd, bytes, sizeof(bytes)), &column);
		}
	printf("};\n");
}

/* GB 18030's characters of four bytes below U+10000: runs of them. */
static void print_runs(iconv_t cd, size_t at)
{
	uint32_t expected = 0;

	printf("static const struct tm_charset_run runs_%zu[] = {\n", at);
	for (unsigned n = 0; n < TM_QUADS_BMP; n++) {
		unsigned char bytes[] = {
			(unsigned char)(0x81 + n / 12600), (unsigned char)(0x30 + n / 1260 % 10),
			(unsigned char)(0x81 + n / 10 % 126), (unsigned char)(0x30 + n % 10),
		};
		uint32_t code = convert(cd, bytes, sizeof(bytes));

		if (code != expected)
			printf("{%u,%u},\n", n, code);
		expected = code ? code + 1 : 0;
	}
	printf("};\n");
}

static bool print_tables(size_t at)
{
	iconv_t cd = iconv_open("UTF-32LE", encodings[at].iconv);
	static const unsigned char quad[] = { 0x90, 0x30, 0x81, 0x30 };
	bool pairs, triples = false, quads;

	if (cd == (iconv_t)-1) {
		fprintf(stderr, "  note: iconv does not know %s: sources in it will "
			"not be shown\n", encodings[at].iconv);
		return false;
	}
	quads = convert(cd, quad, sizeof(quad)) == 0x10000;
	pairs = print_high(cd, at);
	if (pairs)
		triples = print_pairs(cd, at);
	if (triples)
		print_triples(cd, at);
	if (quads)
		print_runs(cd, at);
	iconv_close(cd);
	printf("#define ENTRY_%zu { .names = \" %s \", .high = high_%zu,", at,
	       encodings[at].names, at);
	if (pairs)
		printf(" .pairs = pairs_%zu,", at);
	if (triples)
		printf(" .triples = triples_%zu,", at);
	if (quads)
		printf(" .runs = runs_%zu, .nruns = sizeof(runs_%zu) / sizeof(runs_%zu[0]),",
		       at, at, at);
	printf(" },\n");
	return true;
}

int main(void)
{
	bool known[COUNT];

	printf("/* Made by src/encodings/generate.c: do not edit. */\n"
	       "#include \"encodings/charset.h\"\n");
	for (size_t i = 0; i < COUNT; i++)
		known[i] = print_tables(i);
	printf("const struct tm_charset tm_charsets[] = {\n");
	for (size_t i = 0; i < COUNT; i++)
		if (known[i])
			printf("ENTRY_%zu\n", i);
	printf("};\nconst size_t tm_ncharsets = "
	       "sizeof(tm_charsets) / sizeof(tm_charsets[0]);\n");
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
