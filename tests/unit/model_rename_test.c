#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/rename.h"
#include "tmattach/stats.h"

#define TEXT(s) ((struct tm_text){ s, sizeof(s) - 1 })

static const struct tm_mapping release[] = {
	{ TEXT("/srv/1"), TEXT("/srv/2") },
	{ TEXT("/srv"), TEXT("") },
};

static void assert_name(const char *name, const char *want)
{
	struct tm_buf got = { 0 };
	bool renamed = tm_rename(release, 2, (struct tm_text){ name, strlen(name) }, &got);

	assert_int_equal(renamed, want != NULL);
	assert_string_equal(renamed ? got.data : "", want ? want : "");
	tm_buf_free(&got);
}

static void directories_are_replaced_whole(void **state)
{
	(void)state;
	assert_name("/srv/1/app.py", "/srv/2/app.py");
	assert_name("/srv/1", "/srv/2");
	assert_name("/srv/10/app.py", "10/app.py");
	assert_name("/srv/app.py", "app.py");
	assert_name("/srv", NULL); /* nothing would be left of it */
	assert_name("/srvx/app.py", NULL);
	assert_name("srv/1/app.py", NULL);
	assert_name("<string>", NULL);
	assert_name("", NULL);
}

static void assert_mapped(struct tm_mapping mapping, const char *name, const char *want)
{
	const struct tm_text text = { name, strlen(name) };
	struct tm_buf got = { 0 };
	char *back;
	size_t len;

	assert_true(tm_rename(&mapping, 1, text, &got));
	assert_string_equal(got.data, want);
	back = tm_mapping_undo(&mapping, (struct tm_text){ got.data, got.len }, &len);
	assert_non_null(back);
	assert_string_equal(back, name);
	assert_int_equal(len, text.len);
	tm_buf_free(&got);
	free(back);
}

static void slashes_at_the_end_do_not_matter(void **state)
{
	(void)state;
	assert_mapped((struct tm_mapping){ TEXT("/a/"), TEXT("/b") }, "/a/x", "/b/x");
	assert_mapped((struct tm_mapping){ TEXT("/a"), TEXT("/b//") }, "/a/x", "/b/x");
	assert_mapped((struct tm_mapping){ TEXT("/a"), TEXT("/") }, "/a/x", "/x");
	assert_mapped((struct tm_mapping){ TEXT("/"), TEXT("/root") }, "/x", "/root/x");
	assert_mapped((struct tm_mapping){ TEXT("/"), TEXT("") }, "/a/x", "a/x");
	assert_mapped((struct tm_mapping){ TEXT("rel/1/"), TEXT("") }, "rel/1/x", "x");
}

/* ---- snapshots ------------------------------------------------------------------- */

/* Blocks of one size each, allocated in line 1 of these files. */
static struct tm_snapshot *make(const char *const *names, const uint64_t *sizes, size_t n)
{
	const struct tm_meta meta = { .pid = 1, .traceback_limit = 1 };
	struct tm_builder *b = tm_builder_create();
	struct tm_snapshot *made;
	struct tm_err err;

	for (size_t i = 0; i < n; i++) {
		tm_id name = tm_builder_string(b, names[i], strlen(names[i]));
		tm_id frame = tm_builder_frame(b, name, 1);
		tm_id tb = tm_builder_traceback(b, &frame, 1, 1);

		tm_builder_traces(b, tm_builder_site(b, tb, 0), sizes[i], 1);
	}
	made = tm_builder_finish(b, &meta, &err);
	assert_non_null(made);
	return made;
}

#define MAKE(names, sizes) make((const char *const[])names, (const uint64_t[])sizes, \
	sizeof((const char *const[])names) / sizeof(char *))
#define LIST(...) { __VA_ARGS__ }

static void files_with_one_name_become_one(void **state)
{
	struct tm_snapshot *s = MAKE(LIST("/srv/1/app.py", "/srv/2/app.py", "/x/app.py"),
				     LIST(10, 20, 40));
	struct tm_snapshot *renamed = tm_snapshot_rename(s, release, 1);
	const struct tm_query query = { .key = TM_KEY_LINENO };
	struct tm_err err;
	struct tm_stats *stats = tm_snapshot_statistics(renamed, &query, &err);

	(void)state;
	assert_int_equal(renamed->total_size, 70);
	assert_int_equal(renamed->meta.pid, 1);
	assert_int_equal(stats->n, 2);
	assert_string_equal(tm_stat_frame(&stats->items[1], 0).filename.bytes,
			    "/srv/2/app.py");
	assert_int_equal(stats->items[1].size, 30);
	tm_stats_destroy(stats);
	tm_snapshot_destroy(renamed);
	tm_snapshot_destroy(s);
}

static void assert_guess(struct tm_snapshot *old, struct tm_snapshot *new,
			 const char *from, const char *to)
{
	struct tm_mapping guess = { .from = { NULL, 0 } };
	bool any = tm_mapping_guess(old, new, &guess);

	assert_int_equal(any, from != NULL);
	if (any) {
		assert_string_equal(guess.from.bytes, from);
		assert_string_equal(guess.to.bytes, to);
	}
	tm_mapping_free(&guess);
	tm_snapshot_destroy(old);
	tm_snapshot_destroy(new);
}

static void a_moved_program_is_recognised(void **state)
{
	(void)state;
	assert_guess(MAKE(LIST("/srv/1/shop/cart.py", "/srv/1/main.py", "/usr/os.py"),
			  LIST(100, 10, 5)),
		     MAKE(LIST("/usr/os.py", "/srv/2/main.py", "/srv/2/shop/cart.py"),
			  LIST(5, 20, 300)), "/srv/1", "/srv/2");
	assert_guess(MAKE(LIST("/a/lib/python3.8/x.py", "/a/lib/python3.8/y.py"), LIST(1, 1)),
		     MAKE(LIST("/b/lib/python3.11/y.py", "/b/lib/python3.11/z.py"), LIST(1, 1)),
		     "/a/lib/python3.8", "/b/lib/python3.11");
	/* What most memory is in counts, not the number of files. */
	assert_guess(MAKE(LIST("/p/a.py", "/p/b.py", "/q/big.py"), LIST(1, 1, 1000)),
		     MAKE(LIST("/r/a.py", "/r/b.py", "/s/big.py"), LIST(1, 1, 1000)),
		     "/q", "/s");
}

static void other_programs_are_not(void **state)
{
	(void)state;
	assert_guess(MAKE(LIST("/a/x.py"), LIST(10)), MAKE(LIST("/a/x.py"), LIST(20)),
		     NULL, NULL);
	assert_guess(MAKE(LIST("/a/x.py"), LIST(10)), MAKE(LIST("/b/y.py"), LIST(20)),
		     NULL, NULL);
	assert_guess(MAKE(LIST("/a/__init__.py", "/a/one.py"), LIST(1, 1000)),
		     MAKE(LIST("/b/__init__.py", "/b/two.py"), LIST(1, 1000)), NULL, NULL);
	assert_guess(MAKE(LIST("<string>", "<stdin>"), LIST(1, 1)),
		     MAKE(LIST("<frozen x/y>"), LIST(1)), NULL, NULL);
	assert_guess(make(NULL, NULL, 0), make(NULL, NULL, 0), NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(directories_are_replaced_whole),
		cmocka_unit_test(slashes_at_the_end_do_not_matter),
		cmocka_unit_test(files_with_one_name_become_one),
		cmocka_unit_test(a_moved_program_is_recognised),
		cmocka_unit_test(other_programs_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
