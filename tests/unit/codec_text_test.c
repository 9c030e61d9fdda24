/* The text formats: .json, .jsonl, .csv. */
#include "unit/codec_fixture.h"

static const char *const names[] = { "json", "jsonl", "csv" };

static void traces_come_back(void **state)
{
	struct tm_err err;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct tm_codec *codec = tm_codec_by_name(names[i]);
		struct tm_snapshot *s = fixture_finish(fixture_python(0)), *back;
		struct tm_buf file = fixture_write(codec, s, NULL), again;

		back = fixture_read(codec, file.data, file.len, &err);
		if (!back)
			fail_msg("%s: %s", names[i], err.cause);
		fixture_same(s, back, true);
		assert_true(back->meta.has_total_nframe);
		/* What the format does not hold stays unknown. */
		again = fixture_write(codec, back, NULL);
		if (i > 0) {
			assert_int_equal(file.len, again.len);
			assert_memory_equal(file.data, again.data, file.len);
		}
		free(file.data);
		free(again.data);
		tm_snapshot_destroy(s);
		tm_snapshot_destroy(back);
	}
}

static void json_keeps_all_of_a_snapshot(void **state)
{
	const struct tm_codec *codec = tm_codec_by_name("json");
	struct tm_snapshot *s = fixture_finish(fixture_native(0)), *back;
	struct tm_buf file = fixture_write(codec, s, NULL);
	struct tm_err err;
	struct tm_meta *m;

	(void)state;
	back = fixture_read(codec, file.data, file.len, &err);
	assert_non_null(back);
	fixture_same(s, back, true);
	assert_int_equal(back->nmodules, s->nmodules);
	m = &back->meta;
	assert_int_equal(m->pid, 4711);
	assert_int_equal(m->traceback_limit, 25);
	assert_int_equal(m->taken_at, 1769860800123);
	assert_int_equal(m->traced_current, 123456789);
	assert_int_equal(m->traced_peak, 987654321);
	assert_int_equal(m->tracer_memory, 4242);
	assert_int_equal(m->pause_ns, 5250000);
	assert_int_equal(m->sample_bytes, 524288);
	assert_int_equal(m->dropped, 7);
	assert_true(m->has_total_nframe && m->partial);
	assert_string_equal(m->runtime, "CPython 3.13.5");
	free(file.data);
	tm_snapshot_destroy(s);
	tm_snapshot_destroy(back);
}

static void csv_keeps_native_names(void **state)
{
	const struct tm_codec *codec = tm_codec_by_name("csv");
	struct tm_snapshot *s = fixture_finish(fixture_native(0)), *back;
	struct tm_buf file = fixture_write(codec, s, NULL);
	struct tm_err err;

	(void)state;
	assert_non_null(strstr(file.data, "f\\(1).cc:12(ns::f<int>(char))"));
	back = fixture_read(codec, file.data, file.len, &err);
	assert_non_null(back);
	fixture_same(s, back, false);
	free(file.data);
	tm_snapshot_destroy(s);
	tm_snapshot_destroy(back);
}

static void a_line_is_what_the_manual_says(void **state)
{
	struct tm_builder *b = tm_builder_create();
	tm_id name = tm_builder_string(b, TEXT("\xed\xb2\x80\xf4\x8f\xbf\xbf,"));
	tm_id frames[] = { tm_builder_frame(b, name, 1),
			   tm_builder_frame(b, name, 2) };
	struct tm_snapshot *s;
	struct tm_buf file;

	(void)state;
	tm_builder_traces(b, tm_builder_site(b, tm_builder_traceback(b, frames,
		2, TM_TOTAL_NFRAME_NONE), 3), 99, 2);
	s = fixture_finish(b);
	file = fixture_write(tm_codec_by_name("jsonl"), s, NULL);
#define LINE "{\"domain\":3,\"size\":99,\"total_nframe\":null,\"traceback\":[" \
	"{\"filename\":\"\\udc80\xf4\x8f\xbf\xbf,\",\"lineno\":1}," \
	"{\"filename\":\"\\udc80\xf4\x8f\xbf\xbf,\",\"lineno\":2}]}\n"
	assert_string_equal(file.data, LINE LINE);
	free(file.data);
	file = fixture_write(tm_codec_by_name("csv"), s, NULL);
#define ROW "3,99,,\"\\udc80\xf4\x8f\xbf\xbf,:1;\\udc80\xf4\x8f\xbf\xbf,:2\"\r\n"
	assert_string_equal(file.data,
			    "domain,size,total_nframe,traceback\r\n" ROW ROW);
	free(file.data);
	tm_snapshot_destroy(s);
}

static void members_in_any_order(void **state)
{
	static const char text[] =
		" {\"traceback\": [ {\"lineno\" : 5, \"filename\":\"\\ud83d\\ude00\\udc80\"} ],\n"
		"\"size\":7, \"total_nframe\":3, \"domain\":0, \"more\":{}}\n\n";
	struct tm_err err;
	struct tm_snapshot *s = fixture_read(tm_codec_by_name("jsonl"), text,
					     sizeof(text) - 1, &err);

	(void)state;
	assert_non_null(s);
	assert_string_equal(s->strings[0].bytes, "\xf0\x9f\x98\x80\xed\xb2\x80");
	assert_int_equal(s->total_size, 7);
	tm_snapshot_destroy(s);
}

/* The text of a frame is the key of what it was parsed to. */
static void frames_by_their_text(void **state)
{
	static const char text[] =
#define TRACE(FRAMES) "{\"domain\":0,\"size\":1,\"total_nframe\":1,\"traceback\":" FRAMES "}\n"
#define A "{\"filename\":\"a\\\"}],{\",\"lineno\":1}"
#define B "{\"filename\":\"b\\\\\",\"lineno\":2,\"more\":{\"x\":[{}]}}"
		TRACE("[" A "," B "]") TRACE("[" B "," A "]") TRACE("[" A " ," B "]")
		TRACE("[" A "," B " ]") TRACE("[" A "]");
	struct tm_err err;
	struct tm_snapshot *s = fixture_read(tm_codec_by_name("jsonl"), text,
					     sizeof(text) - 1, &err);

	(void)state;
	if (!s)
		fail_msg("%s", err.cause);
	assert_int_equal(s->total_count, 5);
	assert_int_equal(s->ntracebacks, 3);
	assert_int_equal(s->nstrings, 2);
	assert_string_equal(s->strings[0].bytes, "a\"}],{");
	assert_string_equal(s->strings[1].bytes, "b\\");
	tm_snapshot_destroy(s);
}

static void refused(const char *codec, const char *text, const char *word)
{
	struct tm_err err;

	assert_null(fixture_read(tm_codec_by_name(codec), text, strlen(text),
				 &err));
	if (!strstr(err.cause, word))
		fail_msg("'%s' is not in '%s'", word, err.cause);
	assert_non_null(strstr(err.cause, "byte "));
}

static void nonsense_is_refused(void **state)
{
	(void)state;
#define FRAMES "\"traceback\":[{\"filename\":\"a\",\"lineno\":1}]}"
	refused("jsonl", "nonsense", "not the beginning");
	refused("jsonl", "{\"domain\":0", "too early");
	refused("jsonl", "{\"domain\":0,\"size\":-1,\"total_nframe\":1," FRAMES,
		"domain or size");
	refused("jsonl", "{\"domain\":4294967296,\"size\":1,\"total_nframe\":1,"
		FRAMES, "domain or size");
	refused("jsonl", "{\"domain\":0,\"size\":1,\"total_nframe\":\"x\"," FRAMES,
		"total_nframe");
	refused("jsonl", "{\"domain\":0,\"size\":1,\"total_nframe\":1}",
		"without a traceback");
	refused("jsonl", "{\"domain\":0,\"size\":1,\"total_nframe\":1,"
		"\"traceback\":[]}", "list of frames");
	refused("jsonl", "{\"domain\":0,\"size\":1,\"total_nframe\":1,"
		"\"traceback\":[{\"filename\":1,\"lineno\":1}]}", "not a string");
	refused("jsonl", TRACE("[" A ",]"), "unexpected token");
	refused("jsonl", TRACE("[" A B "]"), "expected");
	refused("jsonl", TRACE("[" A ",{\"filename\":\"b\"}]"), "without filename");
	refused("json", "{\"format\":\"tmattach-stats\"}", "tmattach-stats");
	refused("json", "{\"format\":\"tmattach-snapshot\",\"version\":2,"
		"\"traces\":[]}", "version");
	refused("json", "{\"format\":\"tmattach-snapshot\",\"version\":1,"
		"\"traces\":[]} x", "after the end");
	refused("csv", "a,b,c,d\r\n", "not a table of traces");
#define HEAD "domain,size,total_nframe,traceback\r\n"
	refused("csv", HEAD "0,1,1\r\n", "as many fields");
	refused("csv", HEAD "0,1,1,a:1,5\r\n", "as many fields");
	refused("csv", HEAD "0,1,1,\"a:1\r\n", "without end");
	refused("csv", HEAD "0,1,1,a\r\n", "FILENAME:LINENO");
	refused("csv", HEAD "0,1,1,\r\n", "FILENAME:LINENO");
	refused("csv", HEAD "0,1,1,a\\u12:1\r\n", "FILENAME:LINENO");
	refused("csv", HEAD "x,1,1,a:1\r\n", "domain");
	refused("csv", HEAD "0,-1,1,a:1\r\n", "size");
	refused("csv", HEAD "0,1,99999999999,a:1\r\n", "total_nframe");
	refused("csv", HEAD "0,1,1,a:1", "too early");
	refused("csv", HEAD "0,1.5,1,a:1\r\n", "size");
	refused("csv", HEAD "0,,1,a:1\r\n", "size");
	refused("csv", HEAD "0,1.,1,a:1\r\n", "size");
	refused("csv", HEAD "0,1E+09,1,a:1\r\n", "size");
	refused("csv", HEAD "0,1,1,a:1.0\r\n", "FILENAME:LINENO");
	refused("csv", "size,count,filename\r\n", "does not name the columns");
	refused("csv", "traceback\r\n", "does not name the columns");
}

/* What other tools make of a table that they have read and saved. */
static void tables_of_other_tools_are_read(void **state)
{
	static const char *const same[] = {
		HEAD "0,70000,2,/a.py:1;b.py:22\r\n5,7,,\"c,d.py:3\"\r\n",
		/* pandas: to_csv() with its index, the column of a gap as float */
		",domain,size,total_nframe,traceback\n"
		"0,0,70000,2.0,/a.py:1;b.py:22\n1,5,7,,\"c,d.py:3\"\n",
		"traceback,size_kb,size,domain,total_nframe\n"
		"/a.py:1;b.py:22,68.4,70000.0,0,2\n\"c,d.py:3\",0,7.0,5,NaN\n",
		/* Excel: a mark, and the delimiter of a land with decimal commas */
		"\xef\xbb\xbf" "domain;size;total_nframe;traceback\r\n"
		"0;70000,0;2;\"/a.py:1;b.py:22\"\r\n5;7;;c,d.py:3\r\n;;;\r\n",
		"sep=;\r\ndomain;size;total_nframe;traceback\r\n"
		"0;70000;2;\"/a.py:1;b.py:22\"\r\n5;7;;c,d.py:3\r\n",
		/* LibreOffice: every cell in quotes, tabs; and bare CR */
		"\"domain\"\t\"size\"\t\"total_nframe\"\t\"traceback\"\n"
		"\"0\"\t\"70000\"\t\"2\"\t\"/a.py:1;b.py:22\"\n5\t7\t\tc,d.py:3\n",
		"domain,size,total_nframe,traceback\r"
		"0,70000,2,/a.py:1;b.py:22\r5,7,,\"c,d.py:3\"\r",
	};
	struct tm_snapshot *first = NULL, *s;
	struct tm_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		s = fixture_read(tm_codec_by_name("csv"), same[i],
				 strlen(same[i]), &err);
		if (!s)
			fail_msg("table %zu: %s", i, err.cause);
		assert_int_equal(s->total_size, 70007);
		assert_int_equal(s->total_count, 2);
		assert_true(s->meta.has_total_nframe);
		if (first)
			fixture_same(first, s, false);
		if (first)
			tm_snapshot_destroy(s);
		else
			first = s;
	}
	tm_snapshot_destroy(first);
	refused("csv", "\xff\xfe" "d\0o\0", "UTF-16");
}

static void empty_objects_cannot_fill_the_memory(void **state)
{
	struct tm_buf text = { 0 };

	(void)state;
	tm_buf_adds(&text, "{\"x\":[");
	for (int i = 0; i < 1000000; i++)
		tm_buf_adds(&text, "{},");
	refused("jsonl", text.data, "empty objects");
	tm_buf_free(&text);
}

static void truncations_and_damages_do_no_harm(void **state)
{
	struct tm_err err;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct tm_codec *codec = tm_codec_by_name(names[i]);
		struct tm_snapshot *s = fixture_finish(fixture_native(0));
		struct tm_buf file = fixture_write(codec, s, NULL);
		uint64_t random = 4101842887655102017u;
		unsigned refusals = 0;

		for (size_t len = 0; len < file.len; len += 1 + len / 200)
			tm_snapshot_destroy(fixture_read(codec, file.data, len,
							 &err));
		for (unsigned k = 0; k < 2000; k++) {
			size_t at = fixture_random(&random) % file.len;
			char old = file.data[at];
			struct tm_snapshot *back;

			file.data[at] = (char)fixture_random(&random);
			back = fixture_read(codec, file.data, file.len, &err);
			refusals += !back;
			tm_snapshot_destroy(back);
			file.data[at] = old;
		}
		assert_true(refusals > 50);
		tm_snapshot_destroy(s);
		free(file.data);
	}
}

/* Whatever reads them back reads the same; a terminal gets none of it raw. */
static void nothing_drives_a_terminal(void **state)
{
	static const char name[] = "a\x1b]0;x\x07\x7f\xc2\x9b" "31m\xc2\x85"
		"\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8f\xd8\x9c\xe2\x80\xa8\xc2\xa0\xc3\xa4.py";
	static const char *const raw[] = { "\x1b", "\x07", "\x7f", "\xc2\x9b", "\xc2\x85",
		"\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x80\x8f", "\xd8\x9c", "\xe2\x80\xa8" };
	struct tm_err err;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct tm_codec *codec = tm_codec_by_name(names[i]);
		struct tm_builder *b = tm_builder_create();
		struct tm_buf file;
		struct tm_snapshot *back;
		tm_id id = tm_builder_string(b, name, sizeof(name) - 1);
		tm_id frame = tm_builder_frame(b, id, 7);
		struct tm_snapshot *s;

		tm_builder_traces(b, tm_builder_site(b, tm_builder_traceback(b, &frame, 1, 1), 0),
				  10, 1);
		s = fixture_finish(b);
		file = fixture_write(codec, s, NULL);
		tm_snapshot_destroy(s);
		for (size_t k = 0; k < sizeof(raw) / sizeof(raw[0]); k++)
			assert_null(memmem(file.data, file.len, raw[k], strlen(raw[k])));
		assert_non_null(memmem(file.data, file.len, "\xc2\xa0\xc3\xa4.py", 7));
		back = fixture_read(codec, file.data, file.len, &err);
		assert_non_null(back);
		assert_int_equal(back->strings[back->frames[0].filename].len, sizeof(name) - 1);
		assert_memory_equal(back->strings[back->frames[0].filename].bytes, name,
				    sizeof(name) - 1);
		free(file.data);
		tm_snapshot_destroy(back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(traces_come_back),
		cmocka_unit_test(json_keeps_all_of_a_snapshot),
		cmocka_unit_test(csv_keeps_native_names),
		cmocka_unit_test(tables_of_other_tools_are_read),
		cmocka_unit_test(a_line_is_what_the_manual_says),
		cmocka_unit_test(members_in_any_order),
		cmocka_unit_test(frames_by_their_text),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(empty_objects_cannot_fill_the_memory),
		cmocka_unit_test(truncations_and_damages_do_no_harm),
		cmocka_unit_test(nothing_drives_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
