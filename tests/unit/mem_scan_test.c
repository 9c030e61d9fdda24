/* Searching memory piece by piece: nothing is missed, or found twice, where two
 * of them meet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "mem/scan.h"

enum { SIZE = 300000, MANY = 16, BASE = 0x10000, NAME = 5 };

static const char name[NAME] = { 0, 'n', 'a', 'm', 'e' };

struct ground {
	char *bytes;
	struct tm_mem *mem;
	struct tm_range all;
};

static int begin(void **state)
{
	struct ground *ground = malloc(sizeof(*ground));

	ground->bytes = calloc(1, SIZE);
	ground->mem = tm_mem_bytes(BASE, ground->bytes, SIZE);
	ground->all = (struct tm_range){ BASE, BASE + SIZE };
	*state = ground;
	return 0;
}

static int end(void **state)
{
	struct ground *ground = *state;

	tm_mem_destroy(ground->mem);
	free(ground->bytes);
	free(ground);
	return 0;
}

static void a_hit_is_found_once_wherever_it_is(void **state)
{
	const struct ground *ground = *state;
	tm_addr found[MANY];

	for (size_t at = 65536 - 2 * NAME; at < 65536 + 2 * NAME; at++)
		for (size_t piece = 0; piece < 3; piece++) {
			size_t here = at + piece * (65536 - NAME + 1);

			memcpy(ground->bytes + here, name, NAME);
			assert_int_equal(tm_mem_scan(ground->mem, ground->all, name, NAME,
						     found, MANY), 1);
			assert_int_equal(found[0], BASE + here);
			assert_int_equal(tm_mem_find(ground->mem, ground->all, SIZE, name, NAME),
					 BASE + here);
			assert_int_equal(tm_mem_find(ground->mem, ground->all, here + NAME - 1,
						     name, NAME), 0);
			memset(ground->bytes + here, 0, NAME);
		}
}

static void the_ends_count_and_hits_may_overlap(void **state)
{
	const struct ground *ground = *state;
	tm_addr found[MANY];

	memcpy(ground->bytes, "xx", 2);
	memcpy(ground->bytes + SIZE - 3, "xxx", 3);
	assert_int_equal(tm_mem_scan(ground->mem, ground->all, "xx", 2, found, MANY), 3);
	assert_int_equal(found[0], BASE);
	assert_int_equal(found[1], BASE + SIZE - 3);
	assert_int_equal(found[2], BASE + SIZE - 2);
	assert_int_equal(tm_mem_scan(ground->mem, ground->all, "xx", 2, found, 2), 2);
	assert_int_equal(tm_mem_scan(ground->mem, (struct tm_range){ BASE, BASE }, "xx", 2,
				     found, MANY), 0);
}

static void what_cannot_be_read_ends_it(void **state)
{
	const struct ground *ground = *state;
	struct tm_range more = { BASE, BASE + 2 * SIZE };

	assert_int_equal(tm_mem_find(ground->mem, more, UINT64_MAX, "x", 1), 0);
	ground->bytes[SIZE - 1] = 'x';
	assert_int_equal(tm_mem_find(ground->mem, more, UINT64_MAX, "x", 1), BASE + SIZE - 1);
}

static void blank_is_read_and_zero(void **state)
{
	const struct ground *ground = *state;
	static const size_t places[] = { 0, 1, 65535, 65536, SIZE - 1 };

	assert_true(tm_mem_is_blank(ground->mem, ground->all));
	assert_true(tm_mem_is_blank(ground->mem, (struct tm_range){ BASE, BASE + 1 }));
	assert_false(tm_mem_is_blank(ground->mem, (struct tm_range){ BASE, BASE + SIZE + 1 }));
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		ground->bytes[places[i]] = 1;
		assert_false(tm_mem_is_blank(ground->mem, ground->all));
		ground->bytes[places[i]] = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_hit_is_found_once_wherever_it_is, begin, end),
		cmocka_unit_test_setup_teardown(the_ends_count_and_hits_may_overlap, begin, end),
		cmocka_unit_test_setup_teardown(what_cannot_be_read_ends_it, begin, end),
		cmocka_unit_test_setup_teardown(blank_is_read_and_zero, begin, end),
	};

	return cmocka_run_group_tests_name("mem_scan", tests, NULL, NULL);
}
