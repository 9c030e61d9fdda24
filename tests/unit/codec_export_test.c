/* The formats of other tools, to the byte where they are text. */
#include "unit/codec_fixture.h"

#include <jansson.h>
#include <zlib.h>

#include "codec/export/export.h"
#include "codec/export/flame.h"
#include "profile.pb-c.h"

static const char *const formats[] = {
	"pprof", "folded", "folded-blocks", "speedscope", "html",
};
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

/*
 * main.py:1 -> odd name:2 in two domains and with two total_nframes, and a
 * native stack: an inlined function, one of unknown name, one of no module.
 */
static struct tm_snapshot *make(unsigned scale)
{
	struct tm_builder *b = tm_builder_create();
	tm_id path = tm_builder_string(b, TEXT("/lib/x.so"));
	tm_id id = tm_builder_string(b, TEXT("c0ffee"));
	tm_id none = tm_builder_string(b, TEXT(""));
	tm_id file = tm_builder_string(b, TEXT("f.cc"));
	struct tm_native_frame native = {
		.function = TM_ID_NONE, .address = 0x20,
		.module = tm_builder_module(b, path, id),
	};
	tm_id frames[] = {
		tm_builder_frame(b, tm_builder_string(b, TEXT("main.py")), 1),
		tm_builder_frame(b, tm_builder_string(b,
			TEXT("a;\xed\xb3\xbf\\\n<\0.py")), 2),
	};
	tm_id natives[3];
	struct tm_meta meta = {
		.pid = 7, .traceback_limit = 2, .taken_at = 1769860800000,
		.sample_bytes = 4096, .runtime = "CPython 3.13.5",
		.command = "app </script> \x1b",
	};

	natives[0] = tm_builder_native_frame(b, none, 0, &native);
	native = (struct tm_native_frame){ .module = native.module,
		.function = tm_builder_string(b, TEXT("ns::g<int>(char)")),
		.address = 0x10, .inlined = 1 };
	natives[1] = tm_builder_native_frame(b, file, 3, &native);
	native = (struct tm_native_frame){ TM_ID_NONE, TM_ID_NONE, 0x7f00, 0, 0 };
	natives[2] = tm_builder_native_frame(b, none, 0, &native);
	tm_builder_traces(b, tm_builder_site(b, tm_builder_traceback(b, frames,
				2, 2), 0), 100 * scale, 2);
	tm_builder_traces(b, tm_builder_site(b, tm_builder_traceback(b, frames,
				2, 9), 0), 10, 1);
	tm_builder_traces(b, tm_builder_site(b, tm_builder_traceback(b, frames,
				2, 9), 5), 1, 1);
	tm_builder_traces(b, tm_builder_site(b, tm_builder_traceback(b, frames,
				1, 1), 0), 7, 1);
	tm_builder_traces(b, tm_builder_site(b, tm_builder_traceback(b, natives,
				3, 3), 0), 64, 3);
	{
		struct tm_err err;
		struct tm_snapshot *s = tm_builder_finish(b, &meta, &err);

		assert_non_null(s);
		return s;
	}
}

static struct tm_buf write_as(const char *format, const struct tm_snapshot *s,
			      const struct tm_snapshot *baseline)
{
	const struct tm_codec_opts opts = { .baseline = baseline };

	return fixture_write(tm_codec_by_name(format), s, &opts);
}

static void expect_text(const char *format, const char *text)
{
	struct tm_snapshot *s = make(1);
	struct tm_buf got = write_as(format, s, NULL);

	assert_string_equal(got.data, text);
	tm_buf_free(&got);
	tm_snapshot_destroy(s);
}

static void folded(void **state)
{
	(void)state;
	expect_text("folded",
		"/lib/x.so+0x20;ns::g<int>(char);0x7f00 192\n"
		"main.py:1 7\n"
		"main.py:1;a\\x3b\\udcff\\\\\\x0a<\\x00.py:2 211\n");
	expect_text("folded-blocks",
		"/lib/x.so+0x20;ns::g<int>(char);0x7f00 3\n"
		"main.py:1 1\n"
		"main.py:1;a\\x3b\\udcff\\\\\\x0a<\\x00.py:2 4\n");
}

static void speedscope(void **state)
{
	(void)state;
	expect_text("speedscope",
		"{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\","
		"\"exporter\":\"tmattach\",\"name\":\"app </script> \\\\x1b\","
		"\"activeProfileIndex\":0,\"shared\":{\"frames\":[\n"
		"{\"name\":\"0x7f00\"},\n"
		"{\"name\":\"/lib/x.so+0x20\",\"file\":\"/lib/x.so\"},\n"
		"{\"name\":\"a;\\\\udcff\\\\\\\\\\\\x0a<\\\\x00.py:2\","
		"\"file\":\"a;\\\\udcff\\\\\\\\\\\\x0a<\\\\x00.py\",\"line\":2},\n"
		"{\"name\":\"ns::g<int>(char)\",\"file\":\"f.cc\",\"line\":3},\n"
		"{\"name\":\"main.py:1\",\"file\":\"main.py\",\"line\":1}]},\n"
		"\"profiles\":["
		"{\"type\":\"sampled\",\"name\":\"bytes\",\"unit\":\"bytes\","
		"\"startValue\":0,\"endValue\":410,\"samples\":[\n"
		"[1,3,0],\n[4],\n[4,2]],\n\"weights\":[\n192,\n7,\n211]},\n"
		"{\"type\":\"sampled\",\"name\":\"blocks\",\"unit\":\"none\","
		"\"startValue\":0,\"endValue\":8,\"samples\":[\n"
		"[1,3,0],\n[4],\n[4,2]],\n\"weights\":[\n3,\n1,\n4]}]}\n");
}

/* The page's data, which ends where its script element does. */
static char *page_data(const struct tm_buf *page)
{
	char *begin = strstr(page->data, "type=\"application/json\">"), *end;

	assert_non_null(begin);
	begin = strchr(begin, '{');
	end = strstr(begin, "</script>");
	assert_non_null(end);
	assert_non_null(strstr(end, "</html>"));
	*end = '\0';
	return begin;
}

#define PAGE_HEAD(diff) \
	"{\"title\":\"app \\u003c/script> \\\\x1b\",\"about\":[\"pid 7\"," \
	"\"CPython 3.13.5\",\"2026-01-31T12:00:00.000Z\"],\"diff\":" diff "," \
	"\"names\":[\n[\"0x7f00\",\"in +0x7f00\"],\n" \
	"[\"/lib/x.so+0x20\",\"in /lib/x.so+0x20\"],\n" \
	"\"a;\\\\udcff\\\\\\\\\\\\x0a\\u003c\\\\x00.py:2\",\n" \
	"[\"ns::g\\u003cint>(char)\",\"f.cc:3 in /lib/x.so+0x10\"],\n" \
	"\"main.py:1\",\n\"(many small ones)\"],\n\"nodes\":[\n"

static void html(void **state)
{
	struct tm_snapshot *s = make(1);
	struct tm_buf page = write_as("html", s, NULL);

	(void)state;
	assert_string_equal(page_data(&page), PAGE_HEAD("false")
		"[1,1,0,0],\n[2,3,0,0],\n[3,0,192,3],\n"
		"[1,4,7,1],\n[2,2,211,4]]}");
	tm_buf_free(&page);
	tm_snapshot_destroy(s);
}

static void html_with_a_baseline(void **state)
{
	struct tm_snapshot *s = make(3), *old = make(1);
	struct tm_buf page = write_as("html", s, old);

	(void)state;
	assert_string_equal(page_data(&page), PAGE_HEAD("true")
		"[1,1,0,0,0,0],\n[2,3,0,0,0,0],\n[3,0,192,3,192,3],\n"
		"[1,4,7,1,7,1],\n[2,2,611,4,211,4]]}");
	tm_buf_free(&page);
	tm_snapshot_destroy(s);
	tm_snapshot_destroy(old);
}

/* ---- pprof ---------------------------------------------------------------- */

static Tm__Pprof__Profile *parse(const struct tm_buf *file)
{
	static unsigned char raw[1 << 20];
	Tm__Pprof__Profile *profile;
	z_stream z = { .next_in = (unsigned char *)file->data,
		       .avail_in = (uInt)file->len,
		       .next_out = raw, .avail_out = sizeof(raw) };

	/* No flags, no time in the header. */
	assert_memory_equal(file->data, "\x1f\x8b\x08\0\0\0\0\0", 8);
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	profile = tm__pprof__profile__unpack(NULL, z.total_out, raw);
	inflateEnd(&z);
	assert_non_null(profile);
	return profile;
}

static const char *string(const Tm__Pprof__Profile *p, int64_t i)
{
	assert_in_range(i, 0, p->n_string_table - 1);
	return p->string_table[i];
}

static void add_location(struct tm_buf *line, const Tm__Pprof__Profile *p,
			 uint64_t id)
{
	const Tm__Pprof__Location *l = p->location[id - 1];
	const Tm__Pprof__Function *f = p->function[l->line[0]->function_id - 1];

	assert_int_equal(l->id, id);
	assert_int_equal(l->n_line, 1);
	assert_int_equal(f->id, l->line[0]->function_id);
	assert_int_equal(f->system_name, 0);
	tm_buf_addf(line, "%s|%s|%lld|%llx", string(p, f->name),
		    string(p, f->filename), (long long)l->line[0]->line,
		    (unsigned long long)l->address);
	if (l->mapping_id)
		tm_buf_addf(line, "|%s %s", string(p,
			p->mapping[l->mapping_id - 1]->filename), string(p,
			p->mapping[l->mapping_id - 1]->build_id));
	tm_buf_addc(line, '\n');
}

static void expect_sample(const Tm__Pprof__Profile *p, size_t i,
			  const char *text)
{
	const Tm__Pprof__Sample *sample = p->sample[i];
	struct tm_buf line = { 0 };

	assert_int_equal(sample->n_value, 2);
	tm_buf_addf(&line, "%lld %lld", (long long)sample->value[0],
		    (long long)sample->value[1]);
	for (size_t k = 0; k < sample->n_label; k++)
		tm_buf_addf(&line, " %s=%s", string(p, sample->label[k]->key),
			    string(p, sample->label[k]->str));
	tm_buf_addc(&line, '\n');
	for (size_t k = 0; k < sample->n_location_id; k++)
		add_location(&line, p, sample->location_id[k]);
	assert_string_equal(line.data, text);
	tm_buf_free(&line);
}

static void pprof(void **state)
{
	struct tm_snapshot *s = make(1);
	struct tm_buf file = write_as("pprof", s, NULL);
	Tm__Pprof__Profile *p = parse(&file);

	(void)state;
	assert_string_equal(string(p, 0), "");
	assert_int_equal(p->n_sample_type, 2);
	assert_string_equal(string(p, p->sample_type[0]->type), "inuse_objects");
	assert_string_equal(string(p, p->sample_type[0]->unit), "count");
	assert_string_equal(string(p, p->sample_type[1]->type), "inuse_space");
	assert_string_equal(string(p, p->sample_type[1]->unit), "bytes");
	assert_string_equal(string(p, p->default_sample_type), "inuse_space");
	assert_string_equal(string(p, p->period_type->type), "space");
	assert_int_equal(p->period, 4096);
	assert_int_equal(p->time_nanos, 1769860800000000000);
	assert_int_equal(p->n_comment, 3);
	assert_string_equal(string(p, p->comment[0]), "app </script> \\x1b");
	assert_int_equal(p->n_mapping, 1);
	assert_int_equal(p->mapping[0]->memory_limit, 0x21);
	assert_int_equal(p->n_sample, 5);
	expect_sample(p, 0, "3 192\n0x7f00||0|7f00\n"
		      "ns::g<int>(char)|f.cc|3|10|/lib/x.so c0ffee\n"
		      "/lib/x.so+0x20||0|20|/lib/x.so c0ffee\n");
	expect_sample(p, 1, "1 7\nmain.py:1|main.py|1|0\n");
#define ODD "a;\\udcff\\\\\\x0a<\\x00.py"
	expect_sample(p, 2, "2 200\n" ODD ":2|" ODD "|2|0\n"
		      "main.py:1|main.py|1|0\n");
	expect_sample(p, 4, "1 1 domain=5\n" ODD ":2|" ODD "|2|0\n"
		      "main.py:1|main.py|1|0\n");
	tm__pprof__profile__free_unpacked(p, NULL);
	tm_buf_free(&file);
	tm_snapshot_destroy(s);
}

static void pprof_has_threads_as_labels(void **state)
{
	struct tm_builder *b = tm_builder_create();
	tm_id frame = tm_builder_frame(b, tm_builder_string(b, TEXT("a.py")), 3);
	tm_id traceback = tm_builder_traceback(b, &frame, 1, 1);
	struct tm_snapshot *s;
	struct tm_buf file;
	Tm__Pprof__Profile *p;

	(void)state;
	tm_builder_traces(b, tm_builder_thread_site(b, traceback, 67,
			  tm_builder_string(b, TEXT("job\t(9)"))), 10, 2);
	tm_builder_traces(b, tm_builder_thread_site(b, traceback, 0,
			  tm_builder_string(b, TEXT("web (7)"))), 10, 1);
	s = fixture_finish(b);
	file = write_as("pprof", s, NULL);
	p = parse(&file);
	assert_int_equal(p->n_sample, 2);
	expect_sample(p, 0, "1 10 thread=web (7)\na.py:3|a.py|3|0\n");
	expect_sample(p, 1, "2 20 domain=67 thread=job\\x09(9)\na.py:3|a.py|3|0\n");
	tm__pprof__profile__free_unpacked(p, NULL);
	tm_buf_free(&file);
	tm_snapshot_destroy(s);
}

/* ---- all of them ------------------------------------------------------------ */

static void order_does_not_matter(void **state)
{
	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		struct tm_snapshot *a = fixture_finish(fixture_native(0));
		struct tm_snapshot *b = fixture_finish(fixture_native(7));
		struct tm_buf x = write_as(formats[i], a, NULL);
		struct tm_buf y = write_as(formats[i], b, NULL);

		assert_int_equal(x.len, y.len);
		assert_memory_equal(x.data, y.data, x.len);
		tm_buf_free(&x);
		tm_buf_free(&y);
		tm_snapshot_destroy(a);
		tm_snapshot_destroy(b);
	}
}

static void text_is_utf8(void **state)
{
	struct tm_snapshot *s = fixture_finish(fixture_native(0));

	(void)state;
	for (size_t i = 1; i < FORMATS; i++) {
		struct tm_buf file = write_as(formats[i], s, s);
		json_t *string = json_stringn(file.data, file.len);

		if (!string)
			fail_msg("%s: not UTF-8", formats[i]);
		json_decref(string);
		for (size_t k = 0; k < file.len; k++)
			if ((unsigned char)file.data[k] < 0x20 &&
			    file.data[k] != '\n' && file.data[k] != '\t')
				fail_msg("%s: a control character", formats[i]);
		tm_buf_free(&file);
	}
	tm_snapshot_destroy(s);
}

static void a_full_disk_is_reported(void **state)
{
	struct tm_snapshot *s = make(1);

	(void)state;
	for (size_t i = 0; i < FORMATS; i++) {
		const struct tm_codec_opts opts = { 0 };
		FILE *full = fopen("/dev/full", "w");
		struct tm_err err = { 0 };

		setvbuf(full, NULL, _IONBF, 0);
		assert_false(tm_codec_by_name(formats[i])->write(s, full,
								 &opts, &err));
		assert_int_equal(err.kind, TM_ERR_OS);
		fclose(full);
	}
	tm_snapshot_destroy(s);
}

/* ---- trees of very many stacks ------------------------------------------------ */

struct walked {
	uint64_t sums[FLAME_VALUES];
	size_t nodes, rests;
	uint32_t depth;
};

static bool count_node(void *ctx, uint32_t depth, uint32_t rank,
		       const uint64_t own[FLAME_VALUES])
{
	struct walked *walked = ctx;

	assert_in_range(depth, 1, walked->depth + 1);
	walked->depth = depth;
	walked->nodes++;
	walked->rests += rank == FLAME_REST;
	for (int i = 0; i < FLAME_VALUES; i++)
		walked->sums[i] += own[i];
	return true;
}

static void small_branches_are_put_together(void **state)
{
	enum { N = 120000 };
	struct tm_builder *b = tm_builder_create();
	tm_id name = tm_builder_string(b, TEXT("x.py"));
	static const struct tm_codec_opts opts;
	struct walked walked = { 0 };
	struct tm_snapshot *s;
	struct flame flame;
	struct tm_err err;

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		tm_id frames[] = { tm_builder_frame(b, name, 1),
				   tm_builder_frame(b, name, 2 + i) };

		tm_builder_traces(b, tm_builder_site(b, tm_builder_traceback(b,
			frames, 2, 2), 0), i == 7 ? 1 << 20 : 8, 1);
	}
	s = fixture_finish(b);
	assert_true(flame_init(&flame, s, &opts, &err));
	flame_walk(&flame, count_node, &walked);
	assert_int_equal(walked.nodes, 3); /* the root's, the large one, the rest */
	assert_int_equal(walked.rests, 1);
	assert_int_equal(walked.sums[FLAME_SIZE], s->total_size);
	assert_int_equal(walked.sums[FLAME_COUNT], N);
	flame_deinit(&flame);
	tm_snapshot_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folded),
		cmocka_unit_test(speedscope),
		cmocka_unit_test(html),
		cmocka_unit_test(html_with_a_baseline),
		cmocka_unit_test(pprof),
		cmocka_unit_test(pprof_has_threads_as_labels),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(text_is_utf8),
		cmocka_unit_test(a_full_disk_is_reported),
		cmocka_unit_test(small_branches_are_put_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
