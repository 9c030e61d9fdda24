/* watch: amounts, conditions, names of files, and the text of metrics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/metrics.h"
#include "base/quantity.h"
#include "cli/units.h"
#include "cli/watch.h"

static void test_bytes(void **state)
{
	static const char *const wrong[] = {
		"", "G", "-1", "+1", "1e3", "0x10", "1 G", "1GG", "1.", ".5",
		"inf", "nan", "1Q", "1Ki", "99999999999999999999999", "1.2.3",
	};
	uint64_t n;

	(void)state;
	assert_true(cli_bytes("4096", &n) && n == 4096);
	assert_true(cli_bytes("2G", &n) && n == 2ull << 30);
	assert_true(cli_bytes("1.5GiB", &n) && n == 3ull << 29);
	assert_true(cli_bytes("500mb", &n) && n == 500ull << 20);
	assert_true(cli_bytes("1T", &n) && n == 1ull << 40);
	assert_true(cli_bytes("0.5k", &n) && n == 512);
	assert_true(cli_bytes("0B", &n) && n == 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (cli_bytes(wrong[i], &n))
			fail_msg("'%s' was taken for %llu bytes", wrong[i],
				 (unsigned long long)n);
}

static void test_amounts(void **state)
{
	double d;
	char *host, *port;

	(void)state;
	assert_true(tm_duration("60s", &d) && d == 60);
	assert_true(tm_duration("0.5", &d) && d == 0.5);
	assert_true(tm_duration("5m", &d) && d == 300);
	assert_true(tm_duration("2h", &d) && d == 7200);
	assert_false(tm_duration("0", &d));
	assert_false(tm_duration("-5", &d));
	assert_false(tm_duration("5 m", &d));
	assert_false(tm_duration("400d", &d));
	assert_true(cli_percent("20%", &d) && d == 0.2);
	assert_true(cli_percent("150", &d) && d == 1.5);
	assert_false(cli_percent("0%", &d));
	assert_false(cli_percent("%", &d));
	assert_true(cli_host_port(":9464", &host, &port));
	assert_string_equal(host, "127.0.0.1");
	assert_string_equal(port, "9464");
	free(host);
	free(port);
	assert_true(cli_host_port("[::1]:0", &host, &port));
	assert_string_equal(host, "::1");
	free(host);
	free(port);
	assert_false(cli_host_port("::1:80", &host, &port));
	assert_false(cli_host_port("localhost", &host, &port));
	assert_false(cli_host_port("a:70000", &host, &port));
	assert_false(cli_host_port("a:", &host, &port));
}

static void test_local(void **state)
{
	(void)state;
	assert_true(cli_host_is_local("127.0.0.1"));
	assert_true(cli_host_is_local("127.1.2.3"));
	assert_true(cli_host_is_local("::1"));
	assert_true(cli_host_is_local("::ffff:127.0.0.1"));
	assert_false(cli_host_is_local("0.0.0.0"));
	assert_false(cli_host_is_local("10.0.0.127"));
	assert_false(cli_host_is_local("::"));
	assert_false(cli_host_is_local("::ffff:10.0.0.1"));
	assert_false(cli_host_is_local("nonsense"));
}

static void test_due(void **state)
{
	struct cli_watch_opts opts = { .growth = 0.2 };
	struct cli_watched w = { 0 };

	(void)state;
	assert_false(cli_watch_due(&opts, &w, 1000)); /* the first is the base */
	assert_false(cli_watch_due(&opts, &w, 1199));
	assert_true(cli_watch_due(&opts, &w, 1200));
	assert_false(cli_watch_due(&opts, &w, 1300)); /* 1440 now */
	assert_false(cli_watch_due(&opts, &w, 100));
	assert_true(cli_watch_due(&opts, &w, 1440));
	opts = (struct cli_watch_opts){ .above = 500 };
	w = (struct cli_watched){ 0 };
	assert_false(cli_watch_due(&opts, &w, 500));
	assert_true(cli_watch_due(&opts, &w, 501));
	assert_false(cli_watch_due(&opts, &w, 5000)); /* once a crossing */
	assert_false(cli_watch_due(&opts, &w, 400));
	assert_true(cli_watch_due(&opts, &w, 600));
	opts = (struct cli_watch_opts){ 0 };
	assert_true(cli_watch_due(&opts, &w, 600));
	assert_true(cli_watch_due(&opts, &w, 600));
}

static void touch(const char *dir, const char *name)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
}

static bool exists(const char *dir, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

static void test_files(void **state)
{
	static const char *const others[] = {
		"77-20260131T120000.000Z.pickle", "7-20260131T120000.000Z.tms",
		"77-20260131T120000.000Zx.tms", "77-2026.tms", "77-notes.tms",
	};
	char dir[] = "/tmp/tm-watch-XXXXXX";
	struct cli_watch_opts opts = { .dump_dir = dir, .keep = 2 };
	const struct tm_codec *codec = tm_codec_by_name("tms");
	const struct tm_meta meta = { .pid = 77, .taken_at = 1769860800123 };
	char *path, command[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = cli_watch_path(&opts, codec, &meta);
	assert_string_equal(path + strlen(dir), "/77-20260131T120000.123Z.tms");
	assert_true(cli_watch_is_ours(path + strlen(dir) + 1, 77, ".tms"));
	free(path);
	touch(dir, "77-20260131T120000.003Z.tms");
	touch(dir, "77-20260131T120000.001Z.tms");
	touch(dir, "77-20260131T120000.002Z.tms");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		touch(dir, others[i]);
	cli_watch_expire(&opts, codec, 77);
	assert_false(exists(dir, "77-20260131T120000.001Z.tms"));
	assert_true(exists(dir, "77-20260131T120000.002Z.tms"));
	assert_true(exists(dir, "77-20260131T120000.003Z.tms"));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_true(exists(dir, others[i]));
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

/* Places named p0 ... in files with a quote, a newline and a bad byte. */
static struct tm_snapshot *places(unsigned first, unsigned n)
{
	struct tm_builder *b = tm_builder_create();
	const struct tm_meta meta = { .pid = 5 };
	struct tm_err err;

	for (unsigned i = first; i < first + n; i++) {
		char name[64];
		int len = snprintf(name, sizeof(name), "a\"\\\n\xff-p%u.py", i);
		tm_id frame = tm_builder_frame(b, tm_builder_string(b, name,
					       (size_t)len), i);

		tm_builder_traces(b, tm_builder_site(b, tm_builder_traceback(
				  b, &frame, 1, 1), 0), 1000 - i % 100, 1);
	}
	return tm_builder_finish(b, &meta, &err);
}

static size_t count(const char *text, const char *word)
{
	size_t n = 0;

	for (; (text = strstr(text, word)); text++)
		n++;
	return n;
}

static void test_metrics(void **state)
{
	struct cli_metrics metrics = { .top = 3 };
	struct tm_status status = { .tracing = TM_TRACING_ON, .traced_current = 42 };
	struct cli_metric_row row = { .pid = 5, .command = "x", .status = &status };
	struct tm_buf out = { 0 };
	char sum[64];

	(void)state;
	row.snapshot = places(0, 10);
	cli_metrics_print(&metrics, true, &row, 1, &out);
	assert_int_equal(count(out.data, "tmattach_place_bytes{"), 3);
	assert_int_equal(count(out.data, "tmattach_place_blocks{"), 3);
	assert_non_null(strstr(out.data,
		"filename=\"a\\\"\\\\\\\\x0a\\\\udcff-p0.py\",lineno=\"0\"} 1000\n"));
	snprintf(sum, sizeof(sum), "other_places_bytes{pid=\"5\"} %d\n",
		 997 + 996 + 995 + 994 + 993 + 992 + 991);
	assert_non_null(strstr(out.data, sum));
	assert_non_null(strstr(out.data, "tmattach_traced_bytes{pid=\"5\"} 42\n"));
	assert_string_equal(out.data + out.len - 6, "# EOF\n");
	tm_snapshot_destroy((struct tm_snapshot *)row.snapshot);
	/* However often the largest places change, the names are few. */
	for (unsigned i = 1; i < 100; i++) {
		tm_buf_clear(&out);
		row.snapshot = places(i * 100, 10);
		cli_metrics_print(&metrics, false, &row, 1, &out);
		tm_snapshot_destroy((struct tm_snapshot *)row.snapshot);
	}
	assert_int_equal(metrics.nplaces, 3 * CLI_PLACES_PER_TOP);
	assert_int_equal(count(out.data, "tmattach_place_bytes{"), 0);
	assert_int_equal(count(out.data, "# EOF"), 0);
	assert_non_null(strstr(out.data, "# TYPE tmattach_snapshots_total counter\n"));
	tm_buf_free(&out);
	cli_metrics_free(&metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_amounts),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
