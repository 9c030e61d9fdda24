/* The cache of unwind rows: what goes in comes out, and nothing else does. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "inject/rows_cache.h"

enum { N = 1000 };

static char base[] = "/tmp/tmattach-rows-XXXXXX";
static char place[64], file[256];
static struct tm_recorder_row rows[N];
static const struct rows_key key = { { 1, 2, 3, 0xab }, 4, 4711 };

static bool cached(const struct rows_key *of)
{
	size_t n = 0;
	struct tm_recorder_row *got = rows_cache_get(of, &n);
	bool same = got && n == N && memcmp(got, rows, sizeof(rows)) == 0;

	if (got)
		assert_true(same);
	free(got);
	return same;
}

static int begin(void **state)
{
	(void)state;
	strcpy(base + sizeof(base) - 7, "XXXXXX");
	assert_non_null(mkdtemp(base));
	setenv("XDG_CACHE_HOME", base, 1);
	for (uint32_t i = 0; i < N; i++)
		rows[i] = (struct tm_recorder_row){ i * 16, tm_row_how(TM_ROW_SP, 2, 0) };
	snprintf(place, sizeof(place), "%s/tmattach/unwind", base);
	snprintf(file, sizeof(file), "%s/010203ab-%016x", place, 4711);
	rows_cache_put(&key, rows, N);
	return 0;
}

static int end(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", base);
	return system(command);
}

static void change_byte(long at)
{
	int fd = open(file, O_RDWR);
	char c;

	assert_int_equal(pread(fd, &c, 1, at), 1);
	c ^= 1;
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	close(fd);
}

static void gives_back_what_it_got(void **state)
{
	struct rows_key other = key;

	(void)state;
	assert_true(cached(&key));
	other.build_id[3] ^= 1;
	assert_false(cached(&other));
	other = key;
	other.source++;
	assert_false(cached(&other));
	other.build_id_len = 0;
	rows_cache_put(&other, rows, N);
	assert_false(cached(&other));
}

static void no_damage_goes_unseen(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(file, &st), 0);
	for (long at = 0; at < st.st_size; at += at < 64 ? 1 : 97) {
		change_byte(at);
		assert_false(cached(&key));
		change_byte(at);
	}
	assert_true(cached(&key));
	for (long size = st.st_size - 1; size > 0; size -= size > 40 ? 501 : 1) {
		assert_int_equal(truncate(file, size), 0);
		assert_false(cached(&key));
	}
	assert_int_equal(truncate(file, 0), 0);
	assert_false(cached(&key));
}

static void a_count_is_not_believed(void **state)
{
	const uint32_t huge = UINT32_MAX;
	int fd = open(file, O_RDWR);

	(void)state;
	assert_int_equal(pwrite(fd, &huge, 4, 12), 4);
	close(fd);
	assert_false(cached(&key));
}

static void rows_out_of_order_are_refused(void **state)
{
	(void)state;
	rows[7].pc = 3;
	rows_cache_put(&key, rows, N);
	assert_false(cached(&key));
}

static void what_others_could_write_is_refused(void **state)
{
	char moved[300];

	(void)state;
	assert_int_equal(chmod(file, 0666), 0);
	assert_false(cached(&key));
	assert_int_equal(chmod(file, 0600), 0);
	assert_true(cached(&key));
	assert_int_equal(chmod(place, 0777), 0);
	assert_false(cached(&key));
	assert_int_equal(chmod(place, 0700), 0);
	snprintf(moved, sizeof(moved), "%s.moved", file);
	assert_int_equal(rename(file, moved), 0);
	assert_int_equal(symlink(moved, file), 0);
	assert_false(cached(&key));
}

static void a_fifo_does_not_block(void **state)
{
	(void)state;
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_false(cached(&key));
}

static void it_does_not_grow_for_ever(void **state)
{
	struct rows_key many = key;
	struct dirent *entry;
	size_t n = 0;
	DIR *dir;

	(void)state;
	for (uint64_t i = 0; i < ROWS_CACHE_FILES + 20; i++) {
		many.source = i;
		rows_cache_put(&many, rows, 1);
	}
	dir = opendir(place);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	assert_int_equal(n, ROWS_CACHE_FILES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gives_back_what_it_got),
		TEST(no_damage_goes_unseen),
		TEST(a_count_is_not_believed),
		TEST(rows_out_of_order_are_refused),
		TEST(what_others_could_write_is_refused),
		TEST(a_fifo_does_not_block),
		TEST(it_does_not_grow_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
