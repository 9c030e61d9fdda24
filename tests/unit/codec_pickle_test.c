#include "unit/codec_fixture.h"

static const struct tm_codec *pickle(void)
{
	return tm_codec_by_name("pickle");
}

static void round_trip(struct tm_builder *b, const struct tm_codec_opts *opts,
		       bool four)
{
	struct tm_snapshot *s = fixture_finish(b), *back;
	struct tm_buf file = fixture_write(pickle(), s, opts), again;
	struct tm_err err;

	back = fixture_read(pickle(), file.data, file.len, &err);
	assert_non_null(back);
	assert_int_equal(back->meta.has_total_nframe, four);
	assert_int_equal(back->meta.traceback_limit, 25);
	assert_int_equal(back->total_count, s->total_count);
	assert_int_equal(back->total_size, s->total_size);
	if (four)
		fixture_same(s, back, false);
	again = fixture_write(pickle(), back, opts);
	assert_int_equal(file.len, again.len);
	assert_memory_equal(file.data, again.data, file.len);
	free(file.data);
	free(again.data);
	tm_snapshot_destroy(s);
	tm_snapshot_destroy(back);
}

static void traces_come_back(void **state)
{
	struct tm_codec_opts three = { .pickle_without_total_nframe = true };

	(void)state;
	round_trip(fixture_python(0), NULL, true);
	round_trip(fixture_python(0), &three, false);
	round_trip(tm_builder_create(), NULL, true);
}

static struct tm_snapshot *read_text(const char *bytes, size_t len,
				     struct tm_err *err)
{
	return fixture_read(pickle(), bytes, len, err);
}

/* Protocol 2, as Python 3's pickle.dump(snapshot, f, 2) puts it. */
#define P2_HEAD "\x80\x02" "ctracemalloc\nSnapshot\nq\x00)\x81q\x01}q\x02(" \
	"X\x06\0\0\0tracesq\x03" "ctracemalloc\n_Traces\nq\x04)\x81q\x05}q\x06" \
	"X\x07\0\0\0_tracesq\x07]q\x08"
#define P2_TAIL "sbX\x0f\0\0\0traceback_limitq\x09K\x07ub."

static void protocol_2_is_read(void **state)
{
	struct tm_err err;
	struct tm_snapshot *s = read_text(TEXT(P2_HEAD
		"(K\0\x8a\x05\0\0\0\0\x01X\x04\0\0\0a.pyK\x0c\x86\x85K\x02ta"
		P2_TAIL), &err);

	(void)state;
	assert_non_null(s);
	assert_int_equal(s->total_size, 1ull << 32);
	assert_int_equal(s->meta.traceback_limit, 7);
	assert_int_equal(s->nstrings, 1);
	assert_string_equal(s->strings[0].bytes, "a.py");
	assert_int_equal(s->frames[0].lineno, 12);
	assert_int_equal(s->tracebacks[0].total_nframe, 2);
	tm_snapshot_destroy(s);
}

static void refused(const char *bytes, size_t len, const char *word)
{
	struct tm_err err;

	assert_null(read_text(bytes, len, &err));
	if (!strstr(err.cause, word))
		fail_msg("'%s' is not in '%s'", word, err.cause);
	assert_non_null(strstr(err.cause, "byte "));
}

static void foreign_classes_are_refused(void **state)
{
	(void)state;
	refused(TEXT("\x80\x02" "cos\nsystem\n(X\x02\0\0\0idtR."), "os.system");
	refused(TEXT("\x80\x04\x8c\x02os\x8c\x06system\x93."), "os.system");
	refused(TEXT(P2_HEAD "(K\0K\x01" "cmypath\nPath\nX\x01\0\0\0a\x85\x81"
		     "K\x0c\x86\x85K\x01ta" P2_TAIL), "mypath.Path");
	refused(TEXT("\x80\x02" "ctracemalloc\nTrace\n."), "tracemalloc.Trace");
	refused(TEXT("\x80\x02" "cevil\nSnapshot\n."), "evil.Snapshot");
}

static void wrong_shapes_are_refused(void **state)
{
	(void)state;
	refused(TEXT("\x80\x06."), "protocol 6");
	refused(TEXT("\x80\x04."), "operands");
	refused(TEXT("\x80\x04]."), "not a tracemalloc snapshot");
	refused(TEXT("\x80\x04i"), "opcode 0x69");
	refused(TEXT("\x80\x04R"), "opcode 0x52");
	refused(TEXT("\x80\x04j\xff\xff\xff\xff."), "never set");
	refused(TEXT("\x80\x04Nr\xff\xff\xff\xff."), "absurd number");
	refused(TEXT("\x80\x04\x8d\0\0\0\0\0\0\1\0."), "absurd length");
	refused(TEXT("\x80\x04X\xff\xff\xff\0abc"), "too early");
	refused(TEXT("\x80\x04\x8c\1\xff."), "UTF-8");
	refused(TEXT("\x80\x04J\xff\xff\xff\xff."), "negative");
	refused(TEXT("\x80\x04\x8a\1\x80."), "negative");
	refused(TEXT("\x80\x04\x8a\x09\0\0\0\0\0\0\0\0\1."), "out of range");
	refused(TEXT("\x80\x04]]."), "second list");
	refused(TEXT("\x80\x04]K\1a."), "among the traces");
	refused(TEXT("\x80\x04t."), "mark");
	refused(TEXT(P2_HEAD P2_TAIL "x") - 5, "too early");
	refused(TEXT(P2_HEAD "(K\0K\x01)K\x01ta" P2_TAIL), "no part");
	refused(TEXT("\x80\x02" "ctracemalloc\nSnapshot\n)\x81."), "incomplete");
}

/* One long tuple under ever new total_nframes. */
static void a_small_file_cannot_fill_the_memory(void **state)
{
	struct tm_buf file = { 0 };
	struct tm_err err;

	(void)state;
	tm_buf_add(&file, TEXT(P2_HEAD "(K\0K\x01(X\1\0\0\0aK\1\x86q\x09"));
	for (int i = 0; i < 60000; i++)
		tm_buf_add(&file, TEXT("h\x09"));
	tm_buf_add(&file, TEXT("tq\x0aK\1ta"));
	for (unsigned i = 0; i < 60000; i++) {
		tm_buf_add(&file, TEXT("(K\0K\1h\x0aM"));
		tm_buf_addc(&file, (char)i);
		tm_buf_addc(&file, (char)(i >> 8));
		tm_buf_add(&file, TEXT("ta"));
	}
	tm_buf_add(&file, TEXT(P2_TAIL));
	assert_null(read_text(file.data, file.len, &err));
	assert_non_null(strstr(err.cause, "room for"));
	tm_buf_free(&file);
}

static void every_truncation_is_refused(void **state)
{
	struct tm_snapshot *s = fixture_finish(fixture_python(0));
	struct tm_buf file = fixture_write(pickle(), s, NULL);
	struct tm_err err;

	(void)state;
	for (size_t len = 0; len < file.len; len++) {
		assert_null(read_text(file.data, len, &err));
		assert_non_null(strstr(err.cause, "byte "));
	}
	tm_snapshot_destroy(s);
	free(file.data);
}

static void damaged_bytes_do_no_harm(void **state)
{
	struct tm_snapshot *s = fixture_finish(fixture_python(0));
	struct tm_buf file = fixture_write(pickle(), s, NULL);
	uint64_t random = 4101842887655102017u;
	unsigned refusals = 0;
	struct tm_err err;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		size_t at = fixture_random(&random) % file.len;
		char old = file.data[at];
		struct tm_snapshot *back;

		file.data[at] = (char)fixture_random(&random);
		back = read_text(file.data, file.len, &err);
		refusals += !back;
		tm_snapshot_destroy(back);
		file.data[at] = old;
	}
	assert_true(refusals > 1000);
	tm_snapshot_destroy(s);
	free(file.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(traces_come_back),
		cmocka_unit_test(protocol_2_is_read),
		cmocka_unit_test(foreign_classes_are_refused),
		cmocka_unit_test(wrong_shapes_are_refused),
		cmocka_unit_test(a_small_file_cannot_fill_the_memory),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(damaged_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
