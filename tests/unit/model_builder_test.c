#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tmattach/model.h"

static const struct tm_meta no_meta;

static tm_id name(struct tm_builder *b, const char *s)
{
	return tm_builder_string(b, s, strlen(s));
}

/* A traceback through s:1, s:2 ... s:n. */
static tm_id chain(struct tm_builder *b, const char *s, uint32_t n,
		   uint32_t total)
{
	tm_id frames[64];

	for (uint32_t i = 0; i < n; i++)
		frames[i] = tm_builder_frame(b, name(b, s), i + 1);
	return tm_builder_traceback(b, frames, n, total);
}

static void equal_content_gets_equal_ids(void **state)
{
	struct tm_builder *b = tm_builder_create();
	struct tm_snapshot *s;
	struct tm_err err;
	tm_id tb, other;

	(void)state;
	assert_int_equal(name(b, "a.py"), 0);
	assert_int_equal(tm_builder_string(b, "a\0b", 3), 1);
	assert_int_equal(tm_builder_string(b, "a\0c", 3), 2);
	assert_int_equal(name(b, "a.py"), 0);
	assert_int_equal(name(b, ""), 3);
	tb = chain(b, "a.py", 3, 3);
	assert_int_equal(chain(b, "a.py", 3, 3), tb);
	other = chain(b, "a.py", 3, 9);
	assert_int_not_equal(other, tb);
	assert_int_equal(chain(b, "a.py", 3, 9), other);
	assert_int_not_equal(chain(b, "a.py", 2, 3), tb);
	assert_int_equal(tm_builder_site(b, tb, 0), 0);
	assert_int_equal(tm_builder_site(b, tb, 7), 1);
	assert_int_equal(tm_builder_site(b, tb, 0), 0);
	s = tm_builder_finish(b, &no_meta, &err);
	assert_non_null(s);
	assert_int_equal(s->ntracebacks, 3);
	assert_int_equal(s->tracebacks[other].same_frames, tb);
	assert_int_equal(s->nframes, 3);
	assert_int_equal(s->nframe_ids, 8);
	assert_memory_equal(s->strings[1].bytes, "a\0b", 4);
	assert_int_equal(tm_traceback_frame(s, tb, 2).lineno, 3);
	assert_string_equal(tm_traceback_frame(s, tb, 0).filename.bytes,
			    "a.py");
	assert_null(tm_traceback_frame(s, tb, 0).function.bytes);
	tm_snapshot_destroy(s);
	tm_snapshot_destroy(NULL);
	tm_builder_destroy(NULL);
}

/* What is written can be read again: bytes of a path become escapes, and two
 * paths stay two. Surrogates of Python's names stay. */
static void names_are_always_utf8(void **state)
{
	static const char surrogate[] = "bad-\xed\xb3\xbf.py";
	struct tm_builder *b = tm_builder_create();
	struct tm_snapshot *s;
	struct tm_err err;

	(void)state;
	assert_int_equal(name(b, "/srv/\xff/a"), 0);
	assert_int_equal(name(b, "/srv/\xfe/a"), 1);
	assert_int_equal(name(b, "cut off \xe6\x97"), 2);
	assert_int_equal(name(b, surrogate), 3);
	assert_int_equal(name(b, "/srv/\xff/a"), 0);
	s = tm_builder_finish(b, &no_meta, &err);
	assert_non_null(s);
	assert_string_equal(s->strings[0].bytes, "/srv/\xed\xb3\xbf/a");
	assert_string_equal(s->strings[2].bytes, "cut off \xed\xb3\xa6\xed\xb2\x97");
	assert_string_equal(s->strings[3].bytes, surrogate);
	tm_snapshot_destroy(s);
}

static void rows_add_up_in_sites_and_totals(void **state)
{
	struct tm_builder *b = tm_builder_create();
	tm_id one = tm_builder_site(b, chain(b, "a.py", 1, 1), 0);
	tm_id two = tm_builder_site(b, chain(b, "b.py", 2, 2), 389047);
	struct tm_row rows[] = {
		{ 100, one, 1 }, { 64, two, 1000 }, { 0, one, 2 },
	};
	struct tm_snapshot *s;
	struct tm_err err;

	(void)state;
	tm_builder_rows(b, rows, 3);
	tm_builder_traces(b, one, 5, 4);
	s = tm_builder_finish(b, &no_meta, &err);
	assert_non_null(s);
	assert_int_equal(s->nrows, 4);
	assert_int_equal(s->sites[one].size, 120);
	assert_int_equal(s->sites[one].count, 7);
	assert_int_equal(s->sites[two].size, 64000);
	assert_int_equal(s->sites[two].domain, 389047);
	assert_int_equal(s->total_size, 64120);
	assert_int_equal(s->total_count, 1007);
	tm_snapshot_destroy(s);
}

/* Many different ones: every index grows several times over. */
static void ids_stay_right_when_there_are_many(void **state)
{
	struct tm_builder *b = tm_builder_create();
	struct tm_snapshot *s;
	struct tm_err err;

	(void)state;
	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < 20000; i++) {
			tm_id file = tm_builder_string(b, (char *)&i, 4);
			tm_id frame = tm_builder_frame(b, file, i);
			tm_id tb = tm_builder_traceback(b, &frame, 1, i % 3);

			assert_int_equal(tm_builder_site(b, tb, i % 2), i);
		}
	s = tm_builder_finish(b, &no_meta, &err);
	assert_non_null(s);
	assert_int_equal(s->nstrings, 20000);
	assert_int_equal(s->ntracebacks, 20000);
	tm_snapshot_destroy(s);
}

static void a_broken_rule_is_reported_at_the_end(void **state)
{
	static const tm_id no_frames[1] = { 0 };
	struct tm_snapshot *s;
	struct tm_builder *b;
	struct tm_err err;
	tm_id id;

	(void)state;
	for (int rule = 0; rule < 8; rule++) {
		b = tm_builder_create();
		id = tm_builder_site(b, chain(b, "a.py", 1, 1), 0);
		if (rule == 0)
			tm_builder_traces(b, id + 1, 1, 1);
		else if (rule == 1)
			tm_builder_traces(b, id, 1, 0);
		else if (rule == 2)
			tm_builder_traceback(b, no_frames, 0, 0);
		else if (rule == 3)
			tm_builder_site(b, tm_builder_frame(b, 99, 1), 0);
		else if (rule == 4)
			tm_builder_traces(b, id, UINT64_MAX / 2, 2);
		else if (rule == 5)
			tm_builder_module(b, 0, 55);
		else if (rule == 6)
			tm_builder_traceback(b, &(tm_id){ 1 }, 1, 1);
		else
			tm_builder_native_frame(b, 0, 1,
				&(struct tm_native_frame){ .module = 0 });
		s = tm_builder_finish(b, &no_meta, &err);
		assert_null(s);
		assert_int_equal(err.kind,
				 rule == 4 ? TM_ERR_LIMIT : TM_ERR_CORRUPT);
		assert_true(err.cause[0]);
	}
}

static void the_largest_total_is_accepted(void **state)
{
	struct tm_builder *b = tm_builder_create();
	struct tm_snapshot *s;
	struct tm_err err;

	(void)state;
	tm_builder_traces(b, tm_builder_site(b, chain(b, "a.py", 1, 1), 0),
			  INT64_MAX, 1);
	s = tm_builder_finish(b, &no_meta, &err);
	assert_non_null(s);
	assert_true(s->total_size == INT64_MAX);
	tm_snapshot_destroy(s);
}

static tm_id native(struct tm_builder *b, const char *file, uint32_t line,
		    const char *function, uint64_t address)
{
	tm_id module = tm_builder_module(b, name(b, "/lib/libx.so"),
					 TM_ID_NONE);
	struct tm_native_frame frame = {
		.function = function ? name(b, function) : TM_ID_NONE,
		.module = module,
		.address = address,
	};
	tm_id id = tm_builder_native_frame(b, name(b, file), line, &frame);

	return tm_builder_traceback(b, &id, 1, 1);
}

static void native_frames_at_one_place_are_the_same_frames(void **state)
{
	struct tm_builder *b = tm_builder_create();
	tm_id line = native(b, "x.c", 10, "f", 0x10);
	tm_id inlined = native(b, "x.c", 10, "g", 0x20);
	tm_id python = chain(b, "x.c", 1, 1);
	tm_id function = native(b, "", 0, "f", 0x30);
	tm_id deeper = native(b, "", 0, "f", 0x40);
	tm_id address = native(b, "", 0, NULL, 0x30);
	tm_id elsewhere = native(b, "", 0, NULL, 0x40);
	struct tm_snapshot *s;
	struct tm_err err;

	(void)state;
	assert_int_not_equal(line, inlined);
	assert_int_not_equal(function, deeper);
	assert_int_equal(native(b, "x.c", 10, "g", 0x20), inlined);
	s = tm_builder_finish(b, &no_meta, &err);
	assert_non_null(s);
	assert_int_equal(s->tracebacks[inlined].same_frames, line);
	assert_int_equal(s->tracebacks[python].same_frames, python);
	assert_int_equal(s->tracebacks[deeper].same_frames, function);
	assert_int_equal(s->tracebacks[address].same_frames, address);
	assert_int_equal(s->tracebacks[elsewhere].same_frames, elsewhere);
	assert_string_equal(tm_traceback_frame(s, inlined, 0).function.bytes,
			    "g");
	assert_string_equal(tm_traceback_frame(s, address, 0).module.bytes,
			    "/lib/libx.so");
	tm_snapshot_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_content_gets_equal_ids),
		cmocka_unit_test(rows_add_up_in_sites_and_totals),
		cmocka_unit_test(ids_stay_right_when_there_are_many),
		cmocka_unit_test(a_broken_rule_is_reported_at_the_end),
		cmocka_unit_test(the_largest_total_is_accepted),
		cmocka_unit_test(native_frames_at_one_place_are_the_same_frames),
		cmocka_unit_test(names_are_always_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
