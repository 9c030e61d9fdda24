#include "unit/codec_fixture.h"

static const struct tm_codec *tms(void)
{
	return tm_codec_by_name("tms");
}

static void everything_comes_back(void **state)
{
	struct tm_snapshot *s = fixture_finish(fixture_native(0)), *back;
	struct tm_buf file = fixture_write(tms(), s, NULL), again;
	struct tm_meta *m;
	struct tm_err err;

	(void)state;
	back = fixture_read(tms(), file.data, file.len, &err);
	assert_non_null(back);
	fixture_same(s, back, true);
	assert_int_equal(back->nstrings, s->nstrings);
	assert_int_equal(back->nmodules, s->nmodules);
	assert_int_equal(back->nnatives, s->nnatives);
	assert_int_equal(back->nsites, s->nsites);
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
	assert_string_equal(m->command, "python3 app.py \xff");
	again = fixture_write(tms(), back, NULL);
	assert_int_equal(file.len, again.len);
	assert_memory_equal(file.data, again.data, file.len);
	free(file.data);
	free(again.data);
	tm_snapshot_destroy(s);
	tm_snapshot_destroy(back);
}

static void modules_keep_their_build_ids(void **state)
{
	struct tm_snapshot *s = fixture_finish(fixture_native(0)), *back;
	struct tm_buf file = fixture_write(tms(), s, NULL);
	struct tm_err err;
	bool seen = false;

	(void)state;
	back = fixture_read(tms(), file.data, file.len, &err);
	assert_non_null(back);
	for (size_t i = 0; i < back->nmodules; i++)
		if (back->modules[i].build_id != TM_ID_NONE)
			seen |= strcmp(back->strings[back->modules[i].build_id]
				       .bytes, "0123456789abcdef") == 0;
	assert_true(seen);
	free(file.data);
	tm_snapshot_destroy(s);
	tm_snapshot_destroy(back);
}

static void equal_content_is_equal_bytes(void **state)
{
	struct tm_snapshot *s = fixture_finish(fixture_native(0));
	struct tm_buf first = fixture_write(tms(), s, NULL);

	(void)state;
	for (unsigned order = 1; order < 16; order++) {
		struct tm_snapshot *t = fixture_finish(fixture_native(order));
		struct tm_buf other = fixture_write(tms(), t, NULL);

		assert_int_equal(first.len, other.len);
		assert_memory_equal(first.data, other.data, first.len);
		free(other.data);
		tm_snapshot_destroy(t);
	}
	free(first.data);
	tm_snapshot_destroy(s);
}

static void rows_in_any_order(void **state)
{
	uint64_t random = 88172645463325252u;
	struct tm_builder *b[2] = { tm_builder_create(), tm_builder_create() };
	struct tm_buf file[2];
	enum { N = 100000 };
	uint64_t *sizes = tm_malloc(N * sizeof(*sizes));

	(void)state;
	for (size_t i = 0; i < N; i++)
		sizes[i] = fixture_random(&random) >> (34 + i % 29);
	for (int k = 0; k < 2; k++) {
		tm_id f = tm_builder_frame(b[k], tm_builder_string(b[k],
							TEXT("a")), 1);
		tm_id t = tm_builder_traceback(b[k], &f, 1, 1);
		tm_id sites[2] = { tm_builder_site(b[k], t, 1),
				   tm_builder_site(b[k], t, 0) };
		struct tm_snapshot *s;

		for (size_t i = 0; i < N; i++) {
			size_t at = k ? N - 1 - i : i;

			tm_builder_traces(b[k], sites[at % 2], sizes[at],
					  at == 77 ? UINT32_MAX : 1);
		}
		s = fixture_finish(b[k]);
		file[k] = fixture_write(tms(), s, NULL);
		tm_snapshot_destroy(s);
	}
	assert_int_equal(file[0].len, file[1].len);
	assert_memory_equal(file[0].data, file[1].data, file[0].len);
	free(file[0].data);
	free(file[1].data);
	free(sizes);
}

static void an_empty_snapshot(void **state)
{
	struct tm_snapshot *s = fixture_finish(tm_builder_create()), *back;
	struct tm_buf file = fixture_write(tms(), s, NULL);
	struct tm_err err;

	(void)state;
	back = fixture_read(tms(), file.data, file.len, &err);
	assert_non_null(back);
	assert_int_equal(back->total_count, 0);
	assert_int_equal(back->meta.pid, 4711);
	free(file.data);
	tm_snapshot_destroy(s);
	tm_snapshot_destroy(back);
}

static void every_truncation_is_refused(void **state)
{
	struct tm_snapshot *s = fixture_finish(fixture_native(0));
	struct tm_buf file = fixture_write(tms(), s, NULL);
	struct tm_err err;

	(void)state;
	for (size_t len = 0; len < file.len; len++) {
		assert_null(fixture_read(tms(), file.data, len, &err));
		assert_int_equal(err.kind, TM_ERR_CORRUPT);
		assert_non_null(strstr(err.cause, "byte "));
	}
	tm_snapshot_destroy(s);
	free(file.data);
}

static void every_damaged_byte_is_refused(void **state)
{
	struct tm_snapshot *s = fixture_finish(fixture_native(0));
	struct tm_buf file = fixture_write(tms(), s, NULL);
	uint64_t random = 4101842887655102017u;
	struct tm_err err;

	(void)state;
	for (size_t i = 0; i < file.len * 4; i++) {
		size_t at = i % file.len;
		char old = file.data[at];
		struct tm_snapshot *back;

		do
			file.data[at] = (char)fixture_random(&random);
		while (file.data[at] == old);
		back = fixture_read(tms(), file.data, file.len, &err);
		/* The minor version may differ, but the checksum covers it. */
		assert_null(back);
		assert_non_null(strstr(err.cause, "byte "));
		file.data[at] = old;
	}
	tm_snapshot_destroy(s);
	free(file.data);
}

static void trailing_bytes_are_refused(void **state)
{
	struct tm_snapshot *s = fixture_finish(fixture_native(0));
	struct tm_buf file = fixture_write(tms(), s, NULL);
	char *longer = tm_malloc(file.len + 1);
	struct tm_err err;

	(void)state;
	memcpy(longer, file.data, file.len);
	longer[file.len] = 0;
	assert_null(fixture_read(tms(), longer, file.len + 1, &err));
	assert_non_null(strstr(err.cause, "after the end"));
	free(longer);
	free(file.data);
	tm_snapshot_destroy(s);
}

/* Also between native frames, and where not all have one. */
static void functions_come_back(void **state)
{
	struct tm_builder *b = tm_builder_create();
	struct tm_meta meta = fixture_meta();
	struct tm_native_frame native = { .function = TM_ID_NONE, .module = TM_ID_NONE };
	static const char *const names[] = { "Shop.sell", "Shop.<lambda>", NULL };
	static const char *const codecs[] = { "tms", "json", "jsonl" };
	struct tm_err err;
	struct tm_snapshot *s;
	tm_id file = tm_builder_string(b, "app.py", 6);
	tm_id frames[6];

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		const char *name = names[i % 3];

		frames[i] = i == 4 ? tm_builder_native_frame(b, file, 9, &native) :
			tm_builder_function_frame(b, file, (uint32_t)(i / 3 + 1), name ?
				tm_builder_string(b, name, strlen(name)) : TM_ID_NONE);
	}
	tm_builder_traces(b, tm_builder_site(b, tm_builder_traceback(b, frames, 6, 6), 0),
			  10, 1);
	s = tm_builder_finish(b, &meta, &err);
	for (size_t k = 0; k < sizeof(codecs) / sizeof(codecs[0]); k++) {
		const struct tm_codec *codec = tm_codec_by_name(codecs[k]);
		struct tm_buf file_bytes = fixture_write(codec, s, NULL);
		struct tm_snapshot *again = fixture_read(codec, file_bytes.data,
							 file_bytes.len, &err);

		assert_non_null(again);
		for (uint32_t i = 0; i < 6; i++) {
			struct tm_frame_view was = tm_traceback_frame(s, 0, i);
			struct tm_frame_view is = tm_traceback_frame(again, 0, i);

			assert_int_equal(was.native, is.native);
			assert_int_equal(was.function.len, is.function.len);
			assert_int_equal(!was.function.bytes, !is.function.bytes);
			if (was.function.bytes)
				assert_string_equal(was.function.bytes, is.function.bytes);
		}
		tm_snapshot_destroy(again);
		free(file_bytes.data);
	}
	tm_snapshot_destroy(s);
}

static void a_newer_major_version_is_unsupported(void **state)
{
	struct tm_snapshot *s = fixture_finish(fixture_python(0));
	struct tm_buf file = fixture_write(tms(), s, NULL);
	struct tm_err err;

	(void)state;
	file.data[8] = 2;
	assert_null(fixture_read(tms(), file.data, file.len, &err));
	assert_int_equal(err.kind, TM_ERR_UNSUPPORTED);
	assert_non_null(strstr(err.cause, "2.3"));
	free(file.data);
	tm_snapshot_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_comes_back),
		cmocka_unit_test(modules_keep_their_build_ids),
		cmocka_unit_test(equal_content_is_equal_bytes),
		cmocka_unit_test(rows_in_any_order),
		cmocka_unit_test(an_empty_snapshot),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_damaged_byte_is_refused),
		cmocka_unit_test(trailing_bytes_are_refused),
		cmocka_unit_test(functions_come_back),
		cmocka_unit_test(a_newer_major_version_is_unsupported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
