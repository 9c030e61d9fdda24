#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "target/limits.h"

static void limits_are_those_of_the_kernel(void **state)
{
	struct rlimit want = { 0 };
	struct tm_limit got;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &want), 0);
	want.rlim_cur = 40;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &want), 0);
	assert_true(tm_limit_read(getpid(), "Max open files", &got));
	assert_int_equal(got.soft, 40);
	assert_int_equal(got.hard, want.rlim_max);
	assert_true(tm_limit_read(getpid(), "Max stack size", &got));
	assert_int_equal(getrlimit(RLIMIT_STACK, &want), 0);
	assert_int_equal(got.hard, want.rlim_max);
	/* A name is not taken for a longer one that begins with it. */
	assert_false(tm_limit_read(getpid(), "Max open", &got));
	assert_false(tm_limit_read(getpid(), "Max answers", &got));
	assert_false(tm_limit_read(-1, "Max open files", &got));
}

static void file_sizes_end_at_our_limit(void **state)
{
	struct rlimit limit;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_true(tm_limit_file_size(4096));
	assert_false(tm_limit_file_size(4097));
}

static void no_descriptor_is_told_with_the_command(void **state)
{
	struct tm_process self = { .pid = getpid(), .leader = getpid() };
	struct rlimit limit;
	struct tm_err err = { .hint = "" };
	char want[64];
	int fd, last = 0;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	while ((fd = dup(0)) >= 0)
		last = fd;
	close(last);
	assert_int_equal(last + 1, limit.rlim_cur);
	last = dup(0);
	limit.rlim_cur -= 2; /* lowered below what is open */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	/* One for us to read with. */
	close(3);
	assert_false(tm_limit_hint(&self, EMFILE, &err));
	snprintf(want, sizeof(want), "prlimit --pid %d --nofile=%d:", (int)self.pid, last + 2);
	assert_non_null(strstr(err.hint, want));
	assert_false(tm_limit_hint(&self, EINVAL, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_are_those_of_the_kernel),
		cmocka_unit_test(file_sizes_end_at_our_limit),
		cmocka_unit_test(no_descriptor_is_told_with_the_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
