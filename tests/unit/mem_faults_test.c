/*
 * Memory that fails: each read in the search for the runtime and in the walk
 * over its tables comes short once, or fails from there on. That must end in
 * an error with a cause, or in the truth. And what mem/ itself says.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "fixtures/recording.h"
#include "fixtures/replay.h"

static const char top[] = "fixtures/tables";

struct failing {
	struct tm_mem mem;
	struct tm_mem *source;
	size_t reads, from, to; /* reads of these numbers fail */
};

static size_t failing_read(struct tm_mem *mem, tm_addr at, void *buf, size_t len)
{
	struct failing *f = (struct failing *)mem;
	size_t n = f->reads++;

	if (n >= f->from && n < f->to)
		len /= 2;
	return tm_mem_read_some(f->source, at, buf, len);
}

static void failing_destroy(struct tm_mem *mem)
{
	(void)mem;
}

static const struct tm_mem_ops failing_ops = {
	.read = failing_read,
	.destroy = failing_destroy,
};

/* How many reads it took. */
static size_t run(const struct recording *r, size_t from, size_t to,
		  struct tm_buf *answer, bool *ret_ok)
{
	TM_GUARD(tm_mem_guard) struct tm_mem *mem = tm_mem_pages(&r->pages);
	struct failing f = { { &failing_ops }, mem, 0, from, to };

	tm_buf_clear(answer);
	*ret_ok = replay(&f.mem, &r->maps, answer);
	return f.reads;
}

/*
 * Is it the truth? The figures of the head may be lacking, and a name that was
 * not read is "<unknown>", which its reader counts; of the traces none is.
 */
static bool is_true(const struct tm_buf *answer, const struct tm_buf *truth)
{
	const char *got = strstr(answer->data, "\n");
	const char *want = strstr(truth->data, "\n");
	size_t line;

	got = strstr(answer->data, "CPython") == answer->data ? got + 1 : answer->data;
	line = strcspn(++want, "\n") + 1;
	if (strcmp(got, want) == 0)
		return true;
	return strncmp(got, want, line) == 0 && strstr(got, "<unknown>:");
}

static void fail_everywhere(const char *name)
{
	TM_GUARD(tm_buf_free) struct tm_buf truth = { 0 };
	TM_GUARD(tm_buf_free) struct tm_buf answer = { 0 };
	struct recording r;
	struct tm_err err;
	size_t n, errors = 0;
	char dir[512];
	bool ok;

	snprintf(dir, sizeof(dir), "%s/%s", top, name);
	assert_true(recording_load(dir, &r, &err));
	n = run(&r, 0, 0, &truth, &ok);
	assert_true(ok);
	for (size_t i = 0; i < n; i += 1 + n / 400)
		for (int for_good = 0; for_good < 2; for_good++) {
			run(&r, i, for_good ? SIZE_MAX : i + 1, &answer, &ok);
			errors += !ok;
			if (!ok && answer.len < sizeof("error: x: y"))
				fail_msg("%s: read %zu: no cause", name, i);
			if (ok && !is_true(&answer, &truth))
				fail_msg("%s: read %zu of %zu: %s\nnot: %s", name,
					 i, n, answer.data, truth.data);
		}
	/* From the first read on there is nothing to find. */
	assert_true(errors > 0);
	recording_free(&r);
}

static void reads_that_come_short(void **state)
{
	DIR *dir = opendir(top);
	struct dirent *entry;
	unsigned minor, seen = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (sscanf(entry->d_name, "3.%u", &minor) == 1) {
			fail_everywhere(entry->d_name);
			seen++;
		}
	closedir(dir);
	assert_true(seen > 5);
}

static void what_memory_says(void **state)
{
	static const char bytes[] = "no end";
	struct tm_mem *mem = tm_mem_bytes(0x1000, bytes, 6);
	struct tm_err err;
	uint64_t word;
	char text[8];

	(void)state;
	assert_false(tm_mem_u64(mem, 0x1000, &word, &err));
	assert_int_equal(err.kind, TM_ERR_FAULT);
	assert_non_null(strstr(err.cause, "8 bytes at 0x1000"));
	assert_false(tm_mem_u64(mem, UINT64_MAX - 3, &word, &err));
	assert_int_equal(err.kind, TM_ERR_FAULT);
	assert_false(tm_mem_cstr(mem, 0x1000, text, 4, &err));
	assert_int_equal(err.kind, TM_ERR_CORRUPT);
	assert_false(tm_mem_cstr(mem, 0x1000, text, 8, &err));
	assert_int_equal(err.kind, TM_ERR_FAULT);
	assert_true(tm_mem_read(mem, 0, text, 0, &err));
	tm_mem_destroy(mem);
	/* A process that was not there, and one that is: ourselves. */
	assert_null(tm_mem_proc(-1, &err));
	assert_true(err.kind == TM_ERR_OS && err.sys_errno == ENOENT);
	mem = tm_mem_proc(getpid(), &err);
	assert_non_null(mem);
	assert_true(tm_mem_cstr(mem, (tm_addr)bytes, text, 7, &err));
	assert_string_equal(text, "no end");
	assert_false(tm_mem_u64(mem, 16, &word, &err));
	tm_mem_destroy(mem);
}

static void put(const char *path, const void *bytes, size_t len)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, len, out), len);
	fclose(out);
}

static void page_files(void **state)
{
	char path[] = "/tmp/mem-faults-XXXXXX", bytes[4096];
	struct tm_page page = { .at = 0x1000 };
	struct tm_pages pages = { &page, 1, 1 }, back;
	struct tm_err err;
	size_t len;
	FILE *in;

	(void)state;
	close(mkstemp(path));
	assert_true(tm_pages_save(&pages, path, &err));
	in = fopen(path, "r");
	len = fread(bytes, 1, sizeof(bytes), in);
	fclose(in);
	for (size_t i = 0; i < len; i++) {
		put(path, bytes, i);
		assert_false(tm_pages_load(path, &back, &err));
		assert_int_equal(err.kind, TM_ERR_CORRUPT);
		assert_string_equal(err.object, path);
	}
	unlink(path);
	assert_false(tm_pages_load(path, &back, &err));
	assert_int_equal(err.sys_errno, ENOENT);
	assert_false(tm_pages_load("/tmp", &back, &err));
	assert_int_equal(err.sys_errno, EISDIR);
	assert_false(tm_pages_save(&pages, "/dev/full", &err));
	assert_int_equal(err.sys_errno, ENOSPC);
	assert_false(tm_pages_save(&pages, "/no/such", &err));
	assert_int_equal(err.sys_errno, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_that_come_short),
		cmocka_unit_test(what_memory_says),
		cmocka_unit_test(page_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
