#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/acting.h"
#include "tmattach/stats.h"

#define TEXT(s) ((struct tm_text){ s, sizeof(s) - 1 })

enum { MAX = 8 };

static tm_id frame(struct tm_builder *b, const char *function)
{
	struct tm_native_frame native = {
		.function = tm_builder_string(b, function, strlen(function)),
		.module = TM_ID_NONE,
	};

	if (strncmp(function, "py:", 3) == 0)
		return tm_builder_frame(b, native.function, 7);
	return tm_builder_native_frame(b, tm_builder_string(b, "", 0), 0, &native);
}

/* One block of 100 bytes whose stack this is, oldest first. */
static struct tm_snapshot *of(const char *const *functions)
{
	struct tm_builder *b = tm_builder_create();
	struct tm_meta meta = { 0 };
	struct tm_row row = { .size = 100, .count = 1 };
	tm_id frames[MAX];
	uint32_t n = 0;
	struct tm_err err;
	struct tm_snapshot *s;

	for (; functions[n]; n++)
		frames[n] = frame(b, functions[n]);
	row.site = tm_builder_site(b, tm_builder_traceback(b, frames, n, TM_TOTAL_NFRAME_NONE), 0);
	tm_builder_rows(b, &row, 1);
	s = tm_builder_finish(b, &meta, &err);
	assert_non_null(s);
	return s;
}

#define STACK(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void assert_acts(uint32_t index, const char *const *functions)
{
	struct tm_snapshot *s = of(functions);

	assert_int_equal(tm_traceback_acting(s, s->sites[0].traceback), index);
	tm_snapshot_destroy(s);
}

static void who_allocates_for_another_is_skipped(void **state)
{
	(void)state;
	assert_acts(1, STACK("main", "fill", "operator new(unsigned long)"));
	assert_acts(1, STACK("main", "fill",
			     "std::vector<int, std::allocator<int> >::resize(unsigned long)",
			     "std::__new_allocator<int>::allocate(unsigned long, void const*)",
			     "operator new(unsigned long)"));
	assert_acts(1, STACK("main", "fill", "xmalloc"));
	assert_acts(1, STACK("main", "fill", "Perl_safesysmalloc"));
	assert_acts(1, STACK("main", "app::fill",
			     "<alloc::vec::Vec<T> as core::clone::Clone>::clone",
			     "alloc::alloc::alloc", "__rust_alloc"));
}

static void a_result_before_the_name_does_not_matter(void **state)
{
	(void)state;
	assert_acts(0, STACK("fill", "void std::vector<int, std::allocator<int> >::"
				     "_M_realloc_insert<int>(int&&)"));
	assert_acts(0, STACK("fill", "std::pair<int, long> std::make_pair<int, long>(int&&, long&&)"));
	/* Its own, though its result and arguments are the library's. */
	assert_acts(1, STACK("main", "std::string app::name<std::string>(std::vector<int> const&)"));
	assert_acts(1, STACK("main", "(anonymous namespace)::grow(std::string&)"));
	assert_acts(1, STACK("main", "app::operator+(std::string const&)"));
}

static void names_that_only_begin_like_one_act(void **state)
{
	(void)state;
	assert_acts(1, STACK("main", "malloc_everything"));
	assert_acts(1, STACK("main", "stdlib_fill"));
	assert_acts(1, STACK("main", "py:std::x"));
	assert_acts(2, STACK("main", "xmalloc", "fill"));
}

static void wrappers_alone_are_as_ever(void **state)
{
	(void)state;
	assert_acts(1, STACK("std::thread::_M_run()", "operator new(unsigned long)"));
	assert_acts(0, STACK("operator new(unsigned long)"));
}

static void c_functions_act_for_the_python_function_that_called(void **state)
{
	static const struct tm_text own[] = { TEXT("py:f") };
	struct tm_snapshot *s = of(STACK("py:main", "map_next", "py:f", "dumps", "PyMem_Malloc"));
	struct tm_skip skip = { own, 1, false };
	struct acting acting;

	(void)state;
	assert_int_equal(tm_traceback_acting(s, s->sites[0].traceback), 2);
	acting_init(&acting, s, &skip);
	assert_int_equal(acting_index(&acting, s->sites[0].traceback), 0);
	acting_free(&acting);
	skip.none = true;
	acting_init(&acting, s, &skip);
	assert_int_equal(acting_index(&acting, s->sites[0].traceback), 4);
	acting_free(&acting);
	tm_snapshot_destroy(s);
	/* Nothing of Python has called these. */
	assert_acts(2, STACK("start_thread", "worker", "fill", "malloc"));
}

/* The function of the largest group. */
static void assert_group(const struct tm_snapshot *s, const struct tm_query *query,
			 const char *function, uint64_t size)
{
	struct tm_err err;
	struct tm_stats *stats = tm_snapshot_statistics(s, query, &err);

	assert_non_null(stats);
	assert_string_equal(tm_stat_frame(&stats->items[0], 0).function.bytes, function);
	assert_int_equal(stats->items[0].size, size);
	tm_stats_destroy(stats);
}

static void groups_go_by_it_and_by_what_is_asked(void **state)
{
	static const struct tm_text own[] = { TEXT("fi*") };
	struct tm_snapshot *s = of(STACK("main", "fill(int)", "operator new(unsigned long)"));
	struct tm_query query = { .key = TM_KEY_LINENO };

	(void)state;
	assert_group(s, &query, "fill(int)", 100);
	query.skip = (struct tm_skip){ own, 1, false };
	assert_group(s, &query, "main", 100);
	query.skip = (struct tm_skip){ own, 1, true };
	assert_group(s, &query, "operator new(unsigned long)", 100);
	tm_snapshot_destroy(s);
}

static void recursion_of_native_code_counts_once(void **state)
{
	struct tm_snapshot *s = of(STACK("walk", "walk", "walk"));
	const struct tm_query query = { .key = TM_KEY_LINENO, .cumulative = true };

	(void)state;
	assert_group(s, &query, "walk", 100);
	tm_snapshot_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_allocates_for_another_is_skipped),
		cmocka_unit_test(a_result_before_the_name_does_not_matter),
		cmocka_unit_test(names_that_only_begin_like_one_act),
		cmocka_unit_test(c_functions_act_for_the_python_function_that_called),
		cmocka_unit_test(wrappers_alone_are_as_ever),
		cmocka_unit_test(groups_go_by_it_and_by_what_is_asked),
		cmocka_unit_test(recursion_of_native_code_counts_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
