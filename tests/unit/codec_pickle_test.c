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
	struct tm_codec_opts three = { .pickle_for = 8 };

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

static void foreign_classes_are_named(void **state)
{
	(void)state;
	refused(TEXT("\x80\x02" "cos\nsystem\n(X\x02\0\0\0idtR."), "os.system");
	refused(TEXT("\x80\x04\x8c\x02os\x8c\x06system\x93."), "os.system");
	refused(TEXT(P2_HEAD "(K\0K\x01" "cmypath\nPath\nX\x01\0\0\0a\x85\x81"
		     "K\x0c\x86\x85K\x01ta" P2_TAIL), "is among the traces");
	refused(TEXT("\x80\x02" "ctracemalloc\nTrace\n."), "tracemalloc.Trace");
	refused(TEXT("\x80\x02](ctracemalloc\nStatistic\n)\x81"
		     "ctracemalloc\nStatistic\n)\x81" "e."),
		"a pickle of a list of 2 tracemalloc.Statistic");
	refused(TEXT("\x80\x02" "cevil\nSnapshot\n)\x81."), "an evil.Snapshot");
}

static void other_values_are_named(void **state)
{
	(void)state;
	refused(TEXT("\x80\x04]."), "a pickle of an empty list");
	refused(TEXT("\x80\x04J\xff\xff\xff\xff."), "a pickle of an int");
	refused(TEXT("\x80\x04\x8a\1\x80."), "a pickle of an int");
	refused(TEXT("\x80\x04\x8a\x09\0\0\0\0\0\0\0\0\1."), "a pickle of an int");
	refused(TEXT("\x80\x04]K\1a."), "a pickle of a list of 1 int");
	refused(TEXT("\x80\x04](K\1\x88" "e."), "a pickle of a list of 2 values");
	refused(TEXT("\x80\x04}(K\1K\2K\3K\4u."), "a pickle of a dict of 2 items");
	refused(TEXT("\x80\x03G\0\0\0\0\0\0\0\0."), "a pickle of a float");
	refused(TEXT("N."), "a pickle of None");
	refused(TEXT("I01\n."), "a pickle of a bool");
	refused(TEXT("(I1\nL-5L\nt."), "a pickle of a tuple of 2 int");
	refused(TEXT("\x80\x03" "C\3abc."), "a pickle of a bytes");
	refused(TEXT("\x80\x02" "ctracemalloc\nSnapshot\n)\x81."), "incomplete");
}

static void broken_pickles_are_refused(void **state)
{
	(void)state;
	refused(TEXT("\x80\x06."), "protocol 6");
	refused(TEXT("\x80\x04."), "operands");
	refused(TEXT("\x80\x04\xfe"), "opcode 0xfe");
	refused(TEXT("\x80\x04R"), "operands");
	refused(TEXT("\x80\x04j\xff\xff\xff\xff."), "never set");
	refused(TEXT("\x80\x04Nr\xff\xff\xff\xff."), "absurd number");
	refused(TEXT("\x80\x04\x8d\0\0\0\0\0\0\1\0."), "too early");
	refused(TEXT("\x80\x04X\xff\xff\xff\0abc"), "too early");
	refused(TEXT("\x80\x04" "B\xff\xff\xff\xff" "abc."), "too early");
	refused(TEXT("\x80\x04\x8c\1\xff."), "UTF-8");
	refused(TEXT("\x80\x04t."), "mark");
	refused(TEXT("\x80\x04K\1K\2a."), "takes none");
	refused(TEXT("\x80\x04]K\1K\2s."), "takes none");
	refused(TEXT("\x80\x04}(K\1u."), "takes none");
	refused(TEXT("gx\n."), "not a number");
	refused(TEXT(P2_HEAD P2_TAIL "x") - 5, "too early");
	refused(TEXT(P2_HEAD "(K\0K\x01)K\x01ta" P2_TAIL), "is among");
}

/* Nothing but their shape tells snapshots from the rest: people derive
 * classes, add attributes, and keep several. */
static void what_is_around_a_snapshot_does_not_matter(void **state)
{
	static const struct { const char *what, *bytes; size_t len; } files[] = {
#define ONE "(K\0K\x05X\x04\0\0\0a.pyK\x0c\x86\x85K\x02ta"
		{ "attributes", TEXT(P2_HEAD ONE "sb"
			"X\4\0\0\0noteG\0\0\0\0\0\0\0\0X\4\0\0\0more](K\1K\2e"
			"X\1\0\0\0dcdatetime\ndate\n(K\1tR"
			"X\x0f\0\0\0traceback_limitK\x07ub.") },
		{ "a class of their own", TEXT("\x80\x02" "cmy.mod\nSnap\n)\x81}("
			"X\6\0\0\0traces" "ctracemalloc\n_Traces\n)\x81}"
			"X\7\0\0\0_traces]" ONE P2_TAIL) },
		{ "slots", TEXT("\x80\x02" "cmy.mod\nSnap\n)\x81}("
			"X\6\0\0\0traces" "ctracemalloc\n_Traces\n)\x81}"
			"X\7\0\0\0_traces]" ONE "sb"
			"X\x0f\0\0\0traceback_limitK\x07u}X\1\0\0\0xNs\x86" "b.") },
		{ "a list of one", TEXT("\x80\x02](" "ctracemalloc\nSnapshot\n"
			")\x81}(X\6\0\0\0traces" "ctracemalloc\n_Traces\n)\x81}"
			"X\7\0\0\0_traces]" ONE "sb"
			"X\x0f\0\0\0traceback_limitK\x07ub" "e.") },
		{ "a tuple of traces", TEXT("\x80\x02" "ctracemalloc\nSnapshot\n"
			")\x81}(X\6\0\0\0traces" "ctracemalloc\n_Traces\n)\x81}"
			"X\7\0\0\0_traces(K\0K\x05X\x04\0\0\0a.pyK\x0c\x86\x85"
			"K\x02t\x85" P2_TAIL) },
		{ "an argument of a constructor", TEXT("\x80\x04" "cmy.mod\nBox\n"
			"ctracemalloc\nSnapshot\n)\x81}(X\6\0\0\0traces"
			"ctracemalloc\n_Traces\n)\x81}X\7\0\0\0_traces]" ONE "sb"
			"X\x0f\0\0\0traceback_limitK\x07ub" "\x85}\x92.") },
		{ "one with a keyword", TEXT("\x80\x04" "cmy.mod\nBox\n)}X\2\0\0\0of"
			"ctracemalloc\nSnapshot\n)\x81}(X\6\0\0\0traces"
			"ctracemalloc\n_Traces\n)\x81}X\7\0\0\0_traces]" ONE "sb"
			"X\x0f\0\0\0traceback_limitK\x07ub" "s\x92.") },
		{ "protocol 0", TEXT("ccopy_reg\n_reconstructor\n(ctracemalloc\n"
			"Snapshot\nc__builtin__\nobject\nNtR(dVtraces\nccopy_reg\n"
			"_reconstructor\n(ctracemalloc\n_Traces\nc__builtin__\n"
			"object\nNtR(dV_traces\n(l(I0\nI5\n((V\\u0061.py\nI12\nttI2\n"
			"tasbsVtraceback_limit\nI7\nsb.") },
	};
	struct tm_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct tm_snapshot *s = read_text(files[i].bytes, files[i].len,
						  &err);

		if (!s)
			fail_msg("%s: %s", files[i].what, err.cause);
		assert_int_equal(s->total_size, 5);
		assert_int_equal(s->meta.traceback_limit, 7);
		assert_string_equal(s->strings[0].bytes, "a.py");
		assert_int_equal(s->tracebacks[0].total_nframe, 2);
		tm_snapshot_destroy(s);
	}
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
		cmocka_unit_test(foreign_classes_are_named),
		cmocka_unit_test(other_values_are_named),
		cmocka_unit_test(broken_pickles_are_refused),
		cmocka_unit_test(what_is_around_a_snapshot_does_not_matter),
		cmocka_unit_test(a_small_file_cannot_fill_the_memory),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(damaged_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
