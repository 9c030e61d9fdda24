/* Reports, to the byte. */
#include "unit/codec_fixture.h"

#include "report/report.h"

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

/* A report that is printed to memory. */
struct printed {
	struct report how;
	char *text;
	size_t len;
	struct tm_err err;
};

static void begin(struct printed *p, enum report_form form, size_t limit)
{
	*p = (struct printed){ .how = { .form = form, .limit = limit } };
	p->how.out = open_memstream(&p->text, &p->len);
}

static void is(struct printed *p, bool ok, const char *want)
{
	assert_true(ok);
	fclose(p->how.out);
	assert_string_equal(p->text, want);
	free(p->text);
}

#define SOURCE "{\"pid\":7,\"file\":\"x\\udcff.tms\",\"runtime\":\"CPython 3.13.5\"," \
	"\"traceback_limit\":2,\"taken_at\":\"2026-01-31T12:00:00.000Z\"}"
#define OLD "{\"filename\":\"old\\\\;.py\",\"lineno\":3}"
#define NEW "{\"filename\":\"a\\udcff,\\u001B.py\",\"lineno\":12}"

static void statistics(void **state)
{
	struct tm_snapshot *s = make(1);
	struct tm_query query = { .key = TM_KEY_LINENO };
	struct printed p;
	struct tm_stats *stats;

	(void)state;
	begin(&p, REPORT_JSON, 1);
	stats = tm_snapshot_statistics(s, &query, &p.err);
	is(&p, report_stats(&p.how, stats, &query, (struct report_source){
			    &s->meta, "x\xff.tms" }, &p.err),
	   "{\"format\":\"tmattach-stats\",\"version\":1,\"source\":" SOURCE
	   ",\"key\":\"lineno\",\"cumulative\":false,"
	   "\"total\":{\"size\":255,\"count\":4,\"groups\":2},\"statistics\":["
	   "{\"size\":254,\"count\":3,\"average\":84.66666666666667,"
	   "\"total_nframe\":null,\"traceback\":[" NEW "]}]}\n");
	begin(&p, REPORT_CSV, 0);
	is(&p, report_stats(&p.how, stats, &query, (struct report_source){
			    &s->meta, NULL }, &p.err),
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
	struct printed p;
	struct tm_stats *stats;

	(void)state;
	begin(&p, REPORT_JSON, 0);
	stats = tm_snapshot_statistics(s, &query, &p.err);
	is(&p, report_stats(&p.how, stats, &query, (struct report_source){ &none, NULL },
			    &p.err),
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
	struct report_source from = { &old->meta, "x\xff.tms" };
	struct report_source to = { &new->meta, "x\xff.tms" };
	struct tm_query query = { .key = TM_KEY_TRACEBACK };
	struct report_newest newest = { new, &query };
	struct printed p;
	struct tm_stats *stats;

	(void)state;
	begin(&p, REPORT_JSON, 0);
	stats = tm_snapshot_compare(new, old, &query, &p.err);
	is(&p, report_diff(&p.how, stats, newest, from, to, &p.err),
	   "{\"format\":\"tmattach-diff\",\"version\":1,\"old\":" SOURCE
	   ",\"new\":" SOURCE ",\"key\":\"traceback\",\"cumulative\":false,"
	   "\"differences\":[{\"size\":254,\"size_diff\":-200,\"count\":3,"
	   "\"count_diff\":0,\"total_nframe\":null,\"traceback\":[" OLD "," NEW
	   "]},{\"size\":1,\"size_diff\":0,\"count\":1,\"count_diff\":0,"
	   "\"total_nframe\":null,\"traceback\":[" OLD "]}]}\n");
	begin(&p, REPORT_CSV, 1);
	is(&p, report_diff(&p.how, stats, newest, from, to, &p.err),
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
	struct printed p;

	(void)state;
	begin(&p, REPORT_JSON, 0);
	is(&p, report_info(&p.how, &(struct report_info){ s, "x\xff.tms", true, NULL, NULL },
			   &p.err),
	   "{\"format\":\"tmattach-info\",\"version\":1,\"source\":" SOURCE
	   ",\"tracing\":true,\"traceback_limit\":2,"
	   "\"traced_memory\":{\"current\":10,\"peak\":20},\"tracer_memory\":30,"
	   "\"traces\":4,\"domains\":[{\"domain\":0,\"traces\":1,\"size\":1},"
	   "{\"domain\":389047,\"traces\":3,\"size\":254}],\"pause_ms\":1.25}\n");
	begin(&p, REPORT_CSV, 0);
	is(&p, report_info(&p.how, &(struct report_info){ s, NULL, false, NULL, NULL },
			   &p.err),
	   "name,value\r\npid,7\r\nfile,\r\nruntime,CPython 3.13.5\r\n"
	   "taken_at,2026-01-31T12:00:00.000Z\r\ntracing,false\r\n"
	   "traceback_limit,2\r\ncurrent,10\r\npeak,20\r\ntracer_memory,30\r\n"
	   "traces,4\r\ndomain 0 traces,1\r\ndomain 0 size,1\r\n"
	   "domain 389047 traces,3\r\ndomain 389047 size,254\r\n"
	   "pause_ms,1.250\r\n");
	tm_snapshot_destroy(s);
}

/* A site whose blocks have all been freed, as the recorder keeps it. */
static struct tm_snapshot *make_freed(void)
{
	struct tm_builder *b = tm_builder_create();
	tm_id frame = tm_builder_frame(b, tm_builder_string(b, TEXT("a.py")), 1);
	tm_id traceback = tm_builder_traceback(b, &frame, 1, 1);
	struct tm_meta meta = { .traceback_limit = 1 };
	struct tm_err err;
	struct tm_snapshot *s;

	tm_builder_site(b, traceback, 7);
	tm_builder_traces(b, tm_builder_site(b, traceback, 9), 5, 2);
	s = tm_builder_finish(b, &meta, &err);
	assert_non_null(s);
	return s;
}

static void every_form_of_info_has_the_same_domains(void **state)
{
	struct tm_snapshot *s = make_freed();
	struct report_info info = { s, "x.tms", true, NULL, NULL };
	struct printed p;

	(void)state;
	begin(&p, REPORT_TEXT, 0);
	is(&p, report_info(&p.how, &info, &p.err),
	   "file:             x.tms\ntracing:          yes\n"
	   "traceback limit:  1\ntraces:           2\n"
	   "domain 9:         2 traces, 10 B\n");
	begin(&p, REPORT_CSV, 0);
	is(&p, report_info(&p.how, &info, &p.err),
	   "name,value\r\nfile,x.tms\r\nruntime,\r\ntaken_at,\r\n"
	   "tracing,true\r\ntraceback_limit,1\r\ncurrent,0\r\npeak,0\r\n"
	   "tracer_memory,0\r\ntraces,2\r\ndomain 9 traces,2\r\n"
	   "domain 9 size,10\r\npause_ms,0.000\r\n");
	tm_snapshot_destroy(s);
}

static void names_drive_no_terminal(void **state)
{
	struct report_process process = {
		.pid = 7, .permitted = true, .command = "a \x1b[31m\xff\"\xe2\x80\xae",
		.status = { .runtime = "CPython 3.13.5", .rss = 4096 },
	};
	struct tm_snapshot *s = make(1);
	const struct tm_snapshot *snapshots[] = { s, s };
	const char *files[] = { "x\x1b\xff", NULL };
	struct tm_query query = { .key = TM_KEY_FILENAME };
	struct tm_shared memory[] = { { 0 }, { 4 << 20, 3 << 20, 2 << 20 } };
	struct report_parts parts = { snapshots, files, memory, 2, s };
	struct printed p;

	(void)state;
	begin(&p, REPORT_CSV, 0);
	is(&p, report_ps(&p.how, &process, 1, &p.err),
	   "pid,permitted,runtime,tracing,current,peak,rss,command,unsupported\r\n"
	   "7,1,CPython 3.13.5,0,,,4096,\"a \\u001b[31m\\udcff\"\"\\u202e\",\r\n");
	begin(&p, REPORT_TEXT, 0);
	is(&p, report_ps(&p.how, &process, 1, &p.err),
	   "    PID RUNTIME              TRACING     TRACED        RSS COMMAND\n"
	   "      7 CPython 3.13.5       no               -     4096 B "
	   "a \\x1b[31m\\xff\"\\u202e\n");
	begin(&p, REPORT_CSV, 1);
	is(&p, report_merged(&p.how, &parts, &query, &p.err),
	   "size,count,average,filename,lineno,traceback,x\\u001b\\udcff,pid 7\r\n"
	   "254,3,84.667,\"a\\udcff,\\u001b.py\",0,\"a\\udcff,\\u001b.py:0\",254,254\r\n");
	begin(&p, REPORT_TEXT, 1);
	is(&p, report_merged(&p.how, &parts, &query, &p.err),
	   "    PID     TRACED     TRACES        PSS  INHERITED COMMAND\n"
	   "      7      255 B          4          -          - x\\x1b\\xff\n"
	   "      7      255 B          4   3072 KiB   2048 KiB \n"
	   "Together they take 3072 KiB (PSS). What is INHERITED, and untouched since the fork, is "
	   "traced in each and counted once.\n"
	   "[ Top 1 ]\n"
	   "a\\udcff,\\x1b.py:0: size=254 B, count=3, average=85 B\n"
	   "    x\\x1b\\xff      254 B        7      254 B\n"
	   "    less 254 B inherited and untouched, which counts once\n");
	tm_snapshot_destroy(s);
}

static void a_full_disk_is_reported(void **state)
{
	struct tm_snapshot *s = make(1);
	struct report how = { .form = REPORT_JSON, .out = fopen("/dev/full", "w") };
	struct tm_err err = { 0 };

	(void)state;
	setvbuf(how.out, NULL, _IONBF, 0);
	assert_false(report_info(&how, &(struct report_info){ s, NULL, true, NULL, NULL },
				 &err));
	assert_int_equal(err.kind, TM_ERR_OS);
	fclose(how.out);
	tm_snapshot_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statistics),
		cmocka_unit_test(empty_statistics),
		cmocka_unit_test(differences),
		cmocka_unit_test(information),
		cmocka_unit_test(every_form_of_info_has_the_same_domains),
		cmocka_unit_test(names_drive_no_terminal),
		cmocka_unit_test(a_full_disk_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
