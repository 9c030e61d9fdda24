/* What compilers say of their code: jitdump files, and Go's table. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "native/go_table.h"
#include "native/jitdump.h"

/* ---- jitdump ---------------------------------------------------------------------- */

static void put32(struct tm_buf *buf, uint32_t value)
{
	tm_buf_add(buf, &value, sizeof(value));
}

static void put64(struct tm_buf *buf, uint64_t value)
{
	tm_buf_add(buf, &value, sizeof(value));
}

static void put_prefix(struct tm_buf *buf, uint32_t kind, size_t rest, uint64_t when)
{
	put32(buf, kind);
	put32(buf, (uint32_t)(16 + rest));
	put64(buf, when);
}

static void put_load(struct tm_buf *buf, uint64_t when, tm_addr at, uint64_t size,
		     const char *name)
{
	put_prefix(buf, 0, 40 + strlen(name) + 1, when);
	put64(buf, 0);
	put64(buf, at);
	put64(buf, at);
	put64(buf, size);
	put64(buf, 1);
	tm_buf_add(buf, name, strlen(name) + 1);
}

static void put_move(struct tm_buf *buf, uint64_t when, tm_addr from, tm_addr to)
{
	put_prefix(buf, 1, 48, when);
	put64(buf, 0);
	put64(buf, to);
	put64(buf, from);
	put64(buf, to);
	put64(buf, 0x10);
	put64(buf, 1);
}

/* Two lines, the second of the same file. */
static void put_lines(struct tm_buf *buf, tm_addr code, tm_addr first, tm_addr second)
{
	put_prefix(buf, 2, 16 + 16 + 4 + 16 + 2, 1);
	put64(buf, code);
	put64(buf, 2);
	put64(buf, first);
	put64(buf, 10);
	tm_buf_add(buf, "a.x", 4);
	put64(buf, second);
	put64(buf, 11);
	tm_buf_add(buf, "\377", 2);
}

static const char *name_at(struct jitdump *dump, tm_addr at)
{
	const struct tm_code_frame *frame = jitdump_find(dump, at);

	return frame ? frame->function : "none";
}

static void the_latest_has_the_address(void **state)
{
	struct jitdump *dump = jitdump_create();
	struct tm_buf buf = { 0 };

	(void)state;
	put_load(&buf, 9, 0x1000, 0x100, "late");
	put_load(&buf, 5, 0x1080, 0x100, "early");
	assert_int_equal(jitdump_parse(dump, buf.data, buf.len), buf.len);
	assert_string_equal(name_at(dump, 0x1090), "late");
	assert_string_equal(name_at(dump, 0x1100), "early");
	assert_string_equal(name_at(dump, 0x1180), "none");
	tm_buf_clear(&buf);
	put_move(&buf, 12, 0x1080, 0x1010);
	assert_int_equal(jitdump_parse(dump, buf.data, buf.len), buf.len);
	assert_string_equal(name_at(dump, 0x101f), "early");
	assert_string_equal(name_at(dump, 0x1020), "late");
	tm_buf_free(&buf);
	jitdump_destroy(dump);
}

static void lines_are_of_the_next_function(void **state)
{
	struct jitdump *dump = jitdump_create();
	struct tm_buf buf = { 0 };

	(void)state;
	put_lines(&buf, 0x1000, 0x1000, 0x1008);
	put_load(&buf, 2, 0x1000, 0x10, "f");
	put_load(&buf, 2, 0x2000, 0x10, "g");
	put_lines(&buf, 0x3000, 0x3040, 0x3048); /* as V8 counts */
	put_load(&buf, 2, 0x3000, 0x90, "h");
	jitdump_parse(dump, buf.data, buf.len);
	assert_int_equal(jitdump_find(dump, 0x1007)->lineno, 10);
	assert_int_equal(jitdump_find(dump, 0x1008)->lineno, 11);
	assert_string_equal(jitdump_find(dump, 0x1008)->filename, "a.x");
	assert_null(jitdump_find(dump, 0x2000)->filename);
	assert_null(jitdump_find(dump, 0x3050)->filename);
	tm_buf_free(&buf);
	jitdump_destroy(dump);
}

static void what_is_not_whole_waits(void **state)
{
	struct jitdump *dump = jitdump_create();
	struct tm_buf buf = { 0 };
	size_t first;

	(void)state;
	put_load(&buf, 1, 0x1000, 0x10, "f");
	first = buf.len;
	put_load(&buf, 1, UINT64_MAX - 8, 0x10, "wraps");
	put_load(&buf, 1, 0x2000, 0, "empty");
	put_load(&buf, 1, 0x3000, 0x10, "");
	for (size_t len = first; len < 2 * first; len++)
		assert_int_equal(jitdump_parse(dump, buf.data, len), first);
	assert_int_equal(jitdump_parse(dump, buf.data, buf.len), buf.len);
	assert_string_equal(name_at(dump, 0x100f), "f");
	assert_string_equal(name_at(dump, UINT64_MAX - 4), "none");
	assert_string_equal(name_at(dump, 0x3000), "none");
	memset(buf.data + 4, 0, 4); /* a size that would never end */
	assert_int_equal(jitdump_parse(dump, buf.data, buf.len), 0);
	tm_buf_free(&buf);
	jitdump_destroy(dump);
}

static void the_file_has_its_name(void **state)
{
	(void)state;
	assert_true(jitdump_is("/tmp/jit-12.dump"));
	assert_false(jitdump_is("/tmp/jit-.dump"));
	assert_false(jitdump_is("/tmp/jit-12.dump~"));
	assert_false(jitdump_is("jit-12.dump"));
	assert_false(jitdump_is(""));
}

/* ---- Go --------------------------------------------------------------------------- */

enum { NAMES = 72, UNITS = 96, FILES = 104, VALUES = 112, FUNCTIONS = 128, GO_SIZE = 256 };

/* Two functions of 16 bytes from 0x401000 on; lines 7 and 8 of the first. */
static void make_go(char bytes[GO_SIZE], uint32_t magic)
{
	const bool wide = magic == 0xfffffffa;
	const uint64_t words[] = { 2, 1, 0x401000, NAMES, UNITS, FILES, VALUES, FUNCTIONS };
	const uint64_t base = wide ? 0x401000 : 0;
	/* Of the line: 7 for 8 bytes, 8 for 8; of the file: 0. */
	static const unsigned char values[] = { 0, 16, 8, 2, 8, 0, 2, 16, 0 };

	memset(bytes, 0, GO_SIZE);
	memcpy(bytes, &magic, 4);
	bytes[6] = 1;
	bytes[7] = 8;
	memcpy(bytes + 8, words, 16);
	memcpy(bytes + 24, words + (wide ? 3 : 2), wide ? 40 : 48);
	memcpy(bytes + NAMES, "main.first\0main.other", 22);
	memcpy(bytes + FILES, "/a.go", 6);
	memcpy(bytes + VALUES, values, sizeof(values));
	for (uint64_t i = 0; i <= 2; i++) {
		const uint64_t part[] = { base + i * 16, wide ? 40 + i * 40 : 20 + i * 36 };
		const size_t func = FUNCTIONS + (size_t)part[1];
		char *entry = bytes + FUNCTIONS + i * (wide ? 16 : 8);

		memcpy(entry, &part[0], wide ? 8 : 4);
		if (i == 2)
			break;
		memcpy(entry + (wide ? 8 : 4), &part[1], wide ? 8 : 4);
		memcpy(bytes + func, &part[0], wide ? 8 : 4);
		bytes[func + (wide ? 8 : 4)] = i ? 11 : 0;
		if (i == 0) {
			bytes[func + (wide ? 8 : 4) + 16] = 6;
			bytes[func + (wide ? 8 : 4) + 20] = 1;
		}
	}
}

static void go_functions_have_names_and_lines(void **state)
{
	static const uint32_t magics[] = { 0xfffffffa, 0xfffffff0, 0xfffffff1 };

	(void)state;
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		struct native_go_table table;
		struct native_go_place place;
		char bytes[GO_SIZE];

		make_go(bytes, magics[i]);
		assert_true(native_go_table_read(bytes, sizeof(bytes), &table));
		assert_true(native_go_table_find(&table, 0x401007, &place));
		assert_string_equal(place.function, "main.first");
		assert_string_equal(place.filename, "/a.go");
		assert_int_equal(place.lineno, 7);
		assert_true(native_go_table_find(&table, 0x401008, &place));
		assert_int_equal(place.lineno, 8);
		assert_true(native_go_table_find(&table, 0x40101f, &place));
		assert_string_equal(place.function, "main.other");
		assert_int_equal(place.lineno, 0);
		assert_false(native_go_table_find(&table, 0x401020, &place));
		assert_false(native_go_table_find(&table, 0x400fff, &place));
	}
}

static void other_formats_are_none(void **state)
{
	struct native_go_table table;
	char bytes[GO_SIZE];

	(void)state;
	make_go(bytes, 0xfffffffb); /* until 1.15 */
	assert_false(native_go_table_read(bytes, sizeof(bytes), &table));
	make_go(bytes, 0xfffffff1);
	bytes[7] = 4;
	assert_false(native_go_table_read(bytes, sizeof(bytes), &table));
	make_go(bytes, 0xfffffff1);
	assert_false(native_go_table_read(bytes, FUNCTIONS + 8, &table));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_latest_has_the_address),
		cmocka_unit_test(lines_are_of_the_next_function),
		cmocka_unit_test(what_is_not_whole_waits),
		cmocka_unit_test(the_file_has_its_name),
		cmocka_unit_test(go_functions_have_names_and_lines),
		cmocka_unit_test(other_formats_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
