/* What the lines of /proc/PID/maps are taken for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/guard.h"
#include "target/maps.h"

static void private_huge_pages_are_memory(void **state)
{
	static const char text[] =
		"7f0000000000-7f0000200000 rw-p 00000000 00:11 76202    /anon_hugepage (deleted)\n"
		"7f0000200000-7f0000400000 rw-s 00000000 00:11 76203    /anon_hugepage (deleted)\n"
		"7f0000400000-7f0000600000 rw-p 00000000 00:2f 76204    /huge/file\n";
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct tm_err err;

	(void)state;
	assert_true(tm_maps_parse(strdup(text), &maps, &err));
	assert_int_equal(maps.n, 3);
	assert_int_equal(maps.regions[0].inode, 0);
	assert_string_equal(maps.regions[0].path, "");
	assert_int_equal(maps.regions[1].inode, 76203);
	assert_int_equal(maps.regions[2].inode, 76204);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(private_huge_pages_are_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
