/* The reports that scripts read, to the byte. */
#include "unit/codec_fixture.h"

static struct tm_snapshot *make(unsigned scale)
{
	struct tm_builder *b = tm_builder_create();
	tm_id name = tm_builder_string(b, TEXT("a\xed\xb3\xbf,\x1b.py"));
	tm_id old = tm_builder_string(b, TEXT("old\\;.py"));
	tm_id frames[] = { tm_builder_frame(b, old, 3),
			   tm_builder_frame(b, name, 12) };
	tm_id site = tm_builder_site(b, tm_builder_traceback(b, frames, 2, 9),
				     389047);
	struct tm_meta meta = {
		.pid = 7, .traceback_limit = 2, .taken_at = 1769860800000,
		.traced_current = 10, .traced_peak = 20, .tracer_memory = 30,
		.pause_ns = 1250000, .runtime = "CPython 3.13.5",
		.has_total_nframe = true,
	};
	struct tm_err err;
	struct tm_snapshot *s;

	tm_builder_traces(b, site, 100 * scale, 2);
	tm_builder_traces(b, site, 54, 1);
	tm_builder_traces(b, tm_builder_site(b, tm_builder_traceback(b, frames,
							1, 1), 0), 1, 1);
	s = tm_builder_finish(b, &meta, &err);
	assert_non_null(s);
	return s;
}

struct report {
	struct tm_buf text;
	FILE *out;
	struct tm_err err;
};

static void begin(struct report *r)
{
	memset(r, 0, sizeof(*r));
	r->out = open_memstream(&r->text.data, &r->text.len);
}

static void is(struct report *r, bool ok, const char *want)
{
	assert_true(ok);
	fclose(r->out);
	assert_string_equal(r->text.data, want);
	free(r->text.data);
}

#define SOURCE "{\"pid\":7,\"file\":\"x\\udcff.tms\",\"runtime\":\"CPython 3.13.5\"," \
	"\"traceback_limit\":2,\"taken_at\":\"2026-01-31T12:00:00.000Z\"}"
#define OLD "{\"filename\":\"old\\\\;.py\",\"lineno\":3}"
#define NEW "{\"filename\":\"a\\udcff,\\u001B.py\",\"lineno\":12}"

static void statistics(void **state)
{
	struct tm_snapshot *s = make(1);
	struct tm_query query = { .key = TM_KEY_LINENO };
	struct report r;
	struct tm_stats *stats;

	(void)state;
	begin(&r);
	stats = tm_snapshot_statistics(s, &query, &r.err);
	is(&r, tm_write_stats_json(stats, 1, &s->meta, "x\xff.tms", r.out, &r.err),
	   "{\"format\":\"tmattach-stats\",\"version\":1,\"source\":" SOURCE
	   ",\"key\":\"lineno\",\"cumulative\":false,"
	   "\"total\":{\"size\":255,\"count\":4,\"groups\":2},\"statistics\":["
	   "{\"size\":254,\"count\":3,\"average\":84.66666666666667,"
	   "\"total_nframe\":null,\"traceback\":[" NEW "]}]}\n");
	begin(&r);
	is(&r, tm_write_stats_csv(stats, 0, r.out, &r.err),
	   "size,count,average,filename,lineno,traceback\r\n"
	   "254,3,84.667,\"a\\udcff,\\u001b.py\",12,\"a\\udcff,\\u001b.py:12\"\r\n"
	   "1,1,1.000,old\\;.py,3,old\\\\\\;.py:3\r\n");
	tm_stats_destroy(stats);
	tm_snapshot_destroy(s);
}

static void empty_statistics(void **state)
{
	struct tm_snapshot *s = fixture_finish(tm_builder_create());
	struct tm_query query = { .key = TM_KEY_FILENAME, .cumulative = true };
	struct tm_meta none = { 0 };
	struct report r;
	struct tm_stats *stats;

	(void)state;
	begin(&r);
	stats = tm_snapshot_statistics(s, &query, &r.err);
	is(&r, tm_write_stats_json(stats, 0, &none, NULL, r.out, &r.err),
	   "{\"format\":\"tmattach-stats\",\"version\":1,\"source\":{\"pid\":null,"
	   "\"file\":null,\"runtime\":null,\"traceback_limit\":0,\"taken_at\":null},"
	   "\"key\":\"filename\",\"cumulative\":true,"
	   "\"total\":{\"size\":0,\"count\":0,\"groups\":0},\"statistics\":[]}\n");
	tm_stats_destroy(stats);
	tm_snapshot_destroy(s);
}

static void differences(void **state)
{
	struct tm_snapshot *old = make(2), *new = make(1);
	struct tm_query query = { .key = TM_KEY_TRACEBACK };
	struct report r;
	struct tm_stats *stats;

	(void)state;
	begin(&r);
	stats = tm_snapshot_compare(new, old, &query, &r.err);
	is(&r, tm_write_diff_json(stats, 0, &old->meta, "x\xff.tms", &new->meta,
				  "x\xff.tms", r.out, &r.err),
	   "{\"format\":\"tmattach-diff\",\"version\":1,\"old\":" SOURCE
	   ",\"new\":" SOURCE ",\"key\":\"traceback\",\"cumulative\":false,"
	   "\"differences\":[{\"size\":254,\"size_diff\":-200,\"count\":3,"
	   "\"count_diff\":0,\"total_nframe\":null,\"traceback\":[" OLD "," NEW
	   "]},{\"size\":1,\"size_diff\":0,\"count\":1,\"count_diff\":0,"
	   "\"total_nframe\":null,\"traceback\":[" OLD "]}]}\n");
	begin(&r);
	is(&r, tm_write_diff_csv(stats, 1, r.out, &r.err),
	   "size,size_diff,count,count_diff,filename,lineno,traceback\r\n"
	   "254,-200,3,0,\"a\\udcff,\\u001b.py\",12,"
	   "\"old\\\\\\;.py:3;a\\udcff,\\u001b.py:12\"\r\n");
	tm_stats_destroy(stats);
	tm_snapshot_destroy(old);
	tm_snapshot_destroy(new);
}

static void information(void **state)
{
	struct tm_snapshot *s = make(1);
	struct report r;

	(void)state;
	begin(&r);
	is(&r, tm_write_info_json(s, true, "x\xff.tms", r.out, &r.err),
	   "{\"format\":\"tmattach-info\",\"version\":1,\"source\":" SOURCE
	   ",\"tracing\":true,\"traceback_limit\":2,"
	   "\"traced_memory\":{\"current\":10,\"peak\":20},\"tracer_memory\":30,"
	   "\"traces\":4,\"domains\":[{\"domain\":0,\"traces\":1,\"size\":1},"
	   "{\"domain\":389047,\"traces\":3,\"size\":254}],\"pause_ms\":1.25}\n");
	begin(&r);
	is(&r, tm_write_info_csv(s, false, NULL, r.out, &r.err),
	   "name,value\r\npid,7\r\nfile,\r\nruntime,CPython 3.13.5\r\n"
	   "taken_at,2026-01-31T12:00:00.000Z\r\ntracing,false\r\n"
	   "traceback_limit,2\r\ncurrent,10\r\npeak,20\r\ntracer_memory,30\r\n"
	   "traces,4\r\ndomain 0 traces,1\r\ndomain 0 size,1\r\n"
	   "domain 389047 traces,3\r\ndomain 389047 size,254\r\n"
	   "pause_ms,1.250\r\n");
	tm_snapshot_destroy(s);
}

static void a_full_disk_is_reported(void **state)
{
	struct tm_snapshot *s = make(1);
	struct tm_err err = { 0 };
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	setvbuf(full, NULL, _IONBF, 0);
	assert_false(tm_write_info_json(s, true, NULL, full, &err));
	assert_int_equal(err.kind, TM_ERR_OS);
	fclose(full);
	tm_snapshot_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statistics),
		cmocka_unit_test(empty_statistics),
		cmocka_unit_test(differences),
		cmocka_unit_test(information),
		cmocka_unit_test(a_full_disk_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
