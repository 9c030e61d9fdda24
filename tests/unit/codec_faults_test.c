/* Every format on streams that fail: at each byte, and one byte at a time. */
#include "unit/codec_fixture.h"

#include <errno.h>

/* A file in memory, of which only the first `good' bytes can be had. */
struct faulty {
	const char *bytes;
	size_t len, at, good, most;
	int error;
};

static ssize_t faulty_read(void *cookie, char *buf, size_t size)
{
	struct faulty *f = cookie;
	size_t n = f->len < f->good ? f->len : f->good;

	if (f->at >= f->good) {
		errno = f->error;
		return -1;
	}
	n -= f->at;
	n = n < size ? n : size;
	n = n < f->most ? n : f->most;
	memcpy(buf, f->bytes + f->at, n);
	f->at += n;
	return (ssize_t)n;
}

static ssize_t faulty_write(void *cookie, const char *buf, size_t size)
{
	struct faulty *f = cookie;

	(void)buf;
	if (size > f->good - f->at) {
		errno = f->error;
		return 0; /* as fopencookie(3) wants it */
	}
	f->at += size;
	return (ssize_t)size;
}

static struct tm_snapshot *read_faulty(const struct tm_codec *codec,
				       struct faulty *f, struct tm_err *err)
{
	FILE *in = fopencookie(f, "r", (cookie_io_functions_t){ .read = faulty_read });
	struct tm_builder *builder = tm_builder_create();
	struct tm_meta meta = { 0 };
	struct tm_snapshot *s = NULL;

	setvbuf(in, NULL, _IONBF, 0);
	*err = (struct tm_err){ 0 };
	if (codec->read(in, builder, &meta, err))
		s = tm_builder_finish(builder, &meta, err);
	else
		tm_builder_destroy(builder);
	fclose(in);
	return s;
}

/* `check` on a file of every format that is read, and what it was made of. */
static void each_reader(void (*check)(const struct tm_codec *codec,
				      const struct tm_snapshot *s,
				      const struct tm_buf *file))
{
	struct tm_snapshot *s = fixture_finish(fixture_python(0));

	for (size_t i = 0; i < tm_codec_count(); i++) {
		const struct tm_codec *codec = tm_codec_at(i);
		struct tm_buf file;

		if (!codec->read)
			continue;
		file = fixture_write(codec, s, NULL);
		check(codec, s, &file);
		free(file.data);
	}
	tm_snapshot_destroy(s);
}

static void check_failing_read(const struct tm_codec *codec,
			       const struct tm_snapshot *s, const struct tm_buf *file)
{
	struct tm_err err;

	(void)s;
	for (size_t good = 0; good < file->len; good += 1 + file->len / 500) {
		struct faulty f = { file->data, file->len, 0, good, SIZE_MAX, EIO };
		struct tm_snapshot *back = read_faulty(codec, &f, &err);

		if (back || err.kind != TM_ERR_OS || err.sys_errno != EIO)
			fail_msg("%s: EIO at %zu of %zu: %s (%s)", codec->name,
				 good, file->len, back ? "read" : err.cause,
				 strerror(err.sys_errno));
	}
}

static void a_read_that_fails(void **state)
{
	(void)state;
	each_reader(check_failing_read);
}

static void check_short_reads(const struct tm_codec *codec,
			      const struct tm_snapshot *s, const struct tm_buf *file)
{
	struct faulty f = { file->data, file->len, 0, SIZE_MAX, 1, 0 };
	struct tm_err err;
	struct tm_snapshot *back = read_faulty(codec, &f, &err);

	if (!back)
		fail_msg("%s: %s", codec->name, err.cause);
	fixture_same(s, back, true);
	tm_snapshot_destroy(back);
}

static void short_reads(void **state)
{
	(void)state;
	each_reader(check_short_reads);
}

/* What the writer, or at the latest the end of the file, says. */
static int write_faulty(const struct tm_codec *codec, const struct tm_snapshot *s,
			struct faulty *f)
{
	static const struct tm_codec_opts opts;
	FILE *out = fopencookie(f, "w", (cookie_io_functions_t){ .write = faulty_write });
	struct tm_err err = { 0 };
	int error = 0;

	if (!codec->write(s, out, &opts, &err))
		error = err.kind == TM_ERR_OS ? err.sys_errno : -1;
	if (fclose(out) != 0 && !error)
		error = errno;
	return error;
}

static void a_write_that_fails(void **state)
{
	struct tm_snapshot *s = fixture_finish(fixture_python(0));

	(void)state;
	for (size_t i = 0; i < tm_codec_count(); i++) {
		const struct tm_codec *codec = tm_codec_at(i);
		struct faulty all = { .good = SIZE_MAX };

		if (!codec->write)
			continue;
		assert_int_equal(write_faulty(codec, s, &all), 0);
		for (size_t good = 0; good < all.at; good += 1 + all.at / 200) {
			struct faulty f = { .good = good, .error = ENOSPC };
			int error = write_faulty(codec, s, &f);

			if (error != ENOSPC)
				fail_msg("%s: full at %zu of %zu: %s", codec->name,
					 good, all.at, error < 0 ? "another error" :
					 strerror(error));
		}
	}
	tm_snapshot_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_read_that_fails),
		cmocka_unit_test(short_reads),
		cmocka_unit_test(a_write_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
