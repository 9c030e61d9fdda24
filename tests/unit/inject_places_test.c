/* Where a near area may stand. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "inject/private.h"

enum { MAX = 8 };

static struct tm_region region(tm_addr start, tm_addr end, const char *path)
{
	return (struct tm_region){ .start = start, .end = end, .path = path };
}

static size_t places(struct tm_region *regions, size_t n, tm_addr near, tm_addr *ret)
{
	const struct tm_maps maps = { .regions = regions, .n = n };

	return inject_places(&maps, near, ret, MAX);
}

static bool is_free(const struct tm_region *regions, size_t n, tm_addr at)
{
	for (size_t i = 0; i < n; i++)
		if (at < regions[i].end && at + INJECT_NEAR_SIZE > regions[i].start)
			return false;
	return true;
}

static void free_and_in_reach_nearest_first(void **state)
{
	struct tm_region regions[] = {
		region(0x555500000000, 0x555500010000, "/prog"),
		region(0x555600000000, 0x555600021000, "[heap]"),
		region(0x7f0000000000, 0x7f0000100000, "/libc.so"),
		region(0x7f0000106000, 0x7f0000200000, "/libm.so"),
		region(0x7ffff0000000, 0x7ffff0021000, "[stack]"),
	};
	const size_t n = sizeof(regions) / sizeof(regions[0]);
	const tm_addr near = 0x7f0000000000;
	tm_addr at[MAX];
	size_t found = places(regions, n, near, at);

	(void)state;
	assert_true(found >= 2);
	for (size_t i = 0; i < found; i++) {
		uint64_t away = at[i] > near ? at[i] - near : near - at[i];

		assert_true(is_free(regions, n, at[i]));
		assert_true(away < 1ull << 31);
		assert_int_equal(at[i] % TM_PAGE, 0);
	}
	assert_true(near - at[0] < 1 << 20);
	/* Since the mappings were read another thread's malloc may have taken the end. */
	assert_true(near > at[found - 1] && near - at[found - 1] > 128 << 20);
}

/* As when a program has one mapping of more than 2 GiB below its libraries. */
static void above_the_libraries_where_nothing_is_free_below(void **state)
{
	struct tm_region regions[] = {
		region(0x7e0000000000, 0x7f0000000000, ""),
		region(0x7f0000000000, 0x7f0000200000, "/libc.so"),
		region(0x7ffff0000000, 0x7ffff0021000, "[stack]"),
	};
	tm_addr at[MAX];

	(void)state;
	assert_int_equal(places(regions, 3, 0x7f0000000000, at), 1);
	assert_true(at[0] >= regions[1].end && at[0] < regions[1].end + (16 << 20));
	/* Where the stack might come, or the heap, none is. */
	regions[2].start = 0x7f0010000000;
	assert_int_equal(places(regions, 3, 0x7f0000000000, at), 0);
	regions[2].start = 0x7ffff0000000;
	regions[1].path = "[heap]";
	assert_int_equal(places(regions, 3, 0x7f0000000000, at), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free_and_in_reach_nearest_first),
		cmocka_unit_test(above_the_libraries_where_nothing_is_free_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
