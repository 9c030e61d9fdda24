#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

#include "base/buf.h"
#include "session/source_command.h"
#include "session/source_zip.h"

/* ---- python -c ----------------------------------------------------------------- */

#define WORDS(...) (const char *const[]){ "python3", __VA_ARGS__ }, \
	sizeof((const char *const[]){ "python3", __VA_ARGS__ }) / sizeof(char *)

static void options_are_read_as_python_reads_them(void **state)
{
	(void)state;
	assert_string_equal(tm_command_text(WORDS("-c", "x = 1", "arg")), "x = 1");
	assert_string_equal(tm_command_text(WORDS("-cx = 1", "-c", "no")), "x = 1");
	assert_string_equal(tm_command_text(WORDS("-Bsc", "x")), "x");
	assert_string_equal(tm_command_text(WORDS("-X", "dev", "-Wc", "-c", "x")), "x");
	assert_string_equal(tm_command_text(WORDS("-BX", "-c", "-c", "x")), "x");
	assert_string_equal(tm_command_text(WORDS("--check-hash-based-pycs", "-c",
						  "-c", "x")), "x");
	assert_null(tm_command_text(WORDS("app.py", "-c", "x")));
	assert_null(tm_command_text(WORDS("-m", "app", "-c", "x")));
	assert_null(tm_command_text(WORDS("-Bmapp", "-c", "x")));
	assert_null(tm_command_text(WORDS("-", "-c", "x")));
	assert_null(tm_command_text(WORDS("--", "-c", "x")));
	assert_null(tm_command_text(WORDS("-B", "-c")));
	assert_null(tm_command_text(WORDS("-X")));
	assert_null(tm_command_text(NULL, 0));
}

/* ---- zip archives ---------------------------------------------------------------- */

static unsigned char zip[4096];
static size_t zip_len;

static void put(const void *bytes, size_t len)
{
	memcpy(zip + zip_len, bytes, len);
	zip_len += len;
}

static void put16(unsigned value)
{
	put(&(uint16_t){ (uint16_t)value }, 2);
}

static void put32(uint32_t value)
{
	put(&value, 4);
}

enum { TEXT_LEN = 600 };

static struct {
	size_t start, local, central, end;
	uint32_t packed;
} at;

/* What a local and a central header share, from the flags on. */
static void put_member(const char *name, uint32_t crc)
{
	put16(0);
	put16(8);
	put32(0);
	put32(crc);
	put32(at.packed);
	put32(TEXT_LEN);
	put16((unsigned)strlen(name));
	put16(0);
}

/* An archive behind a line of its own, with one deflated member, "a/b.py". */
static void make_zip(void)
{
	static const char name[] = "a/b.py", before[] = "#!/usr/bin/python3\n";
	unsigned char text[TEXT_LEN], packed[1024];
	z_stream z = { .next_in = text, .avail_in = TEXT_LEN, .next_out = packed,
		       .avail_out = sizeof(packed) };

	memset(text, 'x', TEXT_LEN);
	zip_len = 0;
	deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	at.packed = (uint32_t)z.total_out;
	deflateEnd(&z);
	put(before, sizeof(before) - 1);
	at.start = at.local = zip_len;
	put32(0x04034b50);
	put16(20);
	put_member(name, (uint32_t)crc32(0, text, TEXT_LEN));
	put(name, sizeof(name) - 1);
	put(packed, at.packed);
	at.central = zip_len;
	put32(0x02014b50);
	put32(20 | 20 << 16);
	put_member(name, (uint32_t)crc32(0, text, TEXT_LEN));
	put("\0\0\0\0\0\0\0\0\0\0", 10);
	put32((uint32_t)(at.local - at.start));
	put(name, sizeof(name) - 1);
	at.end = zip_len;
	put32(0x06054b50);
	put32(0);
	put32(1 | 1 << 16);
	put32((uint32_t)(at.end - at.central));
	put32((uint32_t)(at.central - at.start));
	put16(9);
	put("PK\5\6 text", 9); /* a comment that looks like an end */
}

static bool reads(const char *name, size_t max)
{
	struct tm_buf text = { 0 };
	FILE *file = tmpfile();
	bool ok;

	assert_int_equal(fwrite(zip, 1, zip_len, file), zip_len);
	fflush(file);
	ok = tm_zip_member(fileno(file), name, max, &text);
	if (ok) {
		assert_int_equal(text.len, TEXT_LEN);
		assert_memory_equal(text.data, "xxxx", 4);
	}
	tm_buf_free(&text);
	fclose(file);
	return ok;
}

static void a_member_is_unpacked(void **state)
{
	(void)state;
	make_zip();
	assert_true(reads("a/b.py", 1 << 20));
	assert_false(reads("a/b.p", 1 << 20));
	assert_false(reads("b.py", 1 << 20));
	assert_false(reads("a/b.py", TEXT_LEN - 1));
}

static void set32(size_t where, uint32_t value)
{
	memcpy(zip + where, &value, 4);
}

/* Each field that is believed, forged. */
static void forged_archives_are_none(void **state)
{
	static const uint32_t bad[] = { 0, 1, 0x7fffffff, 0xffffffff };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct { size_t where; } fields[] = {
			{ 0 /* of the end: */ }, { 12 }, { 16 },
		};
		for (size_t k = 0; k < 3; k++) {
			make_zip();
			if (k == 2 && bad[i] == 0)
				continue; /* more may stand before it */
			set32(at.end + fields[k].where, bad[i]);
			assert_false(reads("a/b.py", 1 << 20));
		}
		make_zip();
		set32(at.central + 16, bad[i]); /* crc */
		assert_false(reads("a/b.py", 1 << 20));
		make_zip();
		set32(at.central + 20, bad[i]); /* packed */
		assert_false(reads("a/b.py", 1 << 20));
		make_zip();
		set32(at.central + 24, bad[i]); /* size */
		assert_false(reads("a/b.py", 1 << 20));
		make_zip();
		if (bad[i]) {
			set32(at.central + 42, bad[i]); /* where */
			assert_false(reads("a/b.py", 1 << 20));
		}
	}
}

static void damaged_archives_are_none(void **state)
{
	(void)state;
	make_zip();
	for (size_t len = zip_len; len-- > 0;) {
		zip_len = len;
		assert_false(reads("a/b.py", 1 << 20));
	}
	make_zip();
	zip[at.central + 8] = 1; /* encrypted */
	assert_false(reads("a/b.py", 1 << 20));
	make_zip();
	zip[at.central + 10] = 99; /* another method */
	assert_false(reads("a/b.py", 1 << 20));
	make_zip();
	zip[at.central + 10] = 0; /* stored, and shorter than that */
	assert_false(reads("a/b.py", 1 << 20));
	make_zip();
	zip[at.local + 40] ^= 0x55; /* the bytes themselves */
	assert_false(reads("a/b.py", 1 << 20));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_read_as_python_reads_them),
		cmocka_unit_test(a_member_is_unpacked),
		cmocka_unit_test(forged_archives_are_none),
		cmocka_unit_test(damaged_archives_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
