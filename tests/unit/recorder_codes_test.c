/* Code objects as the recorder keeps them. */
#include <stdio.h>

#include "recorder_python.h"

static void equal_content_has_one_id(void **state)
{
	uint32_t a, b;

	(void)state;
	use(&v311);
	a = code_id(make_code("/a.py", "f", 1));
	b = code_id(make_code("/a.py", "g", 1));
	assert_int_not_equal(a, 0);
	assert_int_not_equal(a, b);
	assert_int_equal(code_id(make_code("/a.py", "f", 1)), a);
	assert_int_not_equal(code_id(make_code("/a.py", "f", 2)), a);
	assert_int_equal(code_of(tm_py_frame(a, 0))->filename,
			 code_of(tm_py_frame(b, 0))->filename);
}

/* A code object is freed, and another one takes its place and that of its texts. */
static void what_took_its_place_is_told_apart(void **state)
{
	const struct tm_recorder_py_code *was;
	uint64_t code, text;
	uint32_t id;

	(void)state;
	use(&v311);
	table()->sample_bytes = 4096;
	code = make_code("<string>", "<module...>", 1);
	id = code_id(code);
	assert_int_equal(code_id(code), id);
	text = *(uint64_t *)(code + v311.code_lines) + v311.bytes_data;
	for (int i = 0; i < 11; i++) {
		*(char *)(text + i) ^= 0x20;
		assert_int_not_equal(code_id(code), id);
		was = code_of(tm_py_frame(code_id(code), 0));
		assert_memory_equal(text_of(was->lines)->bytes, text, 11);
		assert_text(was->name, "<module...>");
		*(char *)(text + i) ^= 0x20;
		assert_int_equal(code_id(code), id);
	}
	/* Exact: told by its end. */
	table()->sample_bytes = 0;
	*(char *)text ^= 0x20;
	code_ends(code);
	assert_int_not_equal(code_id(code), id);
}

static void texts_keep_their_characters(void **state)
{
	static const uint16_t wide[] = { 0x41, 0x20ac, 0xd800 };
	static const uint32_t wider[] = { 0x1f40d, 0x42 };
	const struct tm_recorder_python *p = &table()->python;
	const struct tm_recorder_py_code *code;
	uint64_t at;

	(void)state;
	use(&v311);
	at = make_code("x", "x", 1);
	PUT(uint64_t, at + p->code_filename, make_str_of(wide, 3, 2, false));
	PUT(uint64_t, at + p->code_name, make_str_of(wider, 2, 4, false));
	code = code_of(tm_py_frame(code_id(at), 0));
	assert_int_equal(text_of(code->filename)->kind, TM_PY_CHARS_2);
	assert_int_equal(text_of(code->filename)->size, 6);
	assert_memory_equal(text_of(code->filename)->bytes, wide, 6);
	assert_int_equal(text_of(code->name)->kind, TM_PY_CHARS_4);
	assert_memory_equal(text_of(code->name)->bytes, wider, 8);
	PUT(uint64_t, at + p->code_name, make_str_of("\xe9", 1, 1, false));
	code = code_of(tm_py_frame(code_id(at), 0));
	assert_int_equal(text_of(code->name)->kind, TM_PY_CHARS_1);
	assert_memory_equal(text_of(code->name)->bytes, "\xe9", 1);
}

static void what_is_no_text_is_unknown(void **state)
{
	const struct tm_recorder_python *p = &table()->python;
	const struct tm_recorder_py_code *code;
	uint64_t at, name;

	(void)state;
	use(&v311);
	at = make_code("x", "x", 1);
	name = make_str("not compact");
	PUT(uint32_t, name + p->str_state, 1 << p->str_kind_shift);
	PUT(uint64_t, at + p->code_name, name);
	name = make_str("huge");
	PUT(uint64_t, name + p->str_length, TM_PY_MAX_TEXT + 1);
	PUT(uint64_t, at + p->code_filename, name);
	PUT(uint64_t, at + p->code_lines, 0);
	code = code_of(tm_py_frame(code_id(at), 0));
	assert_int_equal(code->name, 0);
	assert_int_equal(code->filename, 0);
	assert_int_equal(code->lines, 0);
}

static void a_full_area_is_counted(void **state)
{
	char name[300];
	uint32_t lost = 0;
	uint64_t at;

	(void)state;
	use(&v311);
	table()->codes_size = 64 << 10;
	at = take(512);
	for (int i = 0; i < 1000; i++) {
		memset(name, 'a', sizeof(name));
		snprintf(name + 290, 10, "%d", i);
		used = 64 << 10;
		fill_code(at, "/a.py", name, i, "");
		lost += code_id(at) == 0;
	}
	assert_in_range(lost, 700, 900);
	assert_int_equal(table()->lost_codes, lost);
	/* Some that were kept, and frames of the others. */
	used = 64 << 10;
	memset(name, 'a', sizeof(name));
	snprintf(name + 290, 10, "%d", 1);
	fill_code(at, "/a.py", name, 1, "");
	assert_int_not_equal(code_id(at), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(equal_content_has_one_id),
		TEST(what_took_its_place_is_told_apart),
		TEST(texts_keep_their_characters),
		TEST(what_is_no_text_is_unknown),
		TEST(a_full_area_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
