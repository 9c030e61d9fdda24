/*
 * The walker over recorded pages of every supported version, and over pages
 * that lie: forged counts, cycles and pointers must end in an error (or in
 * the truth), never in a crash, a hang or a huge allocation.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <dirent.h>
#include <stdio.h>
#include <cmocka.h>

#include "fixtures/recording.h"
#include "fixtures/replay.h"
#include "py/layout.h"

static const char top[] = "fixtures/tables";

struct fixture {
	struct tm_pages pages;
	struct tm_maps maps;
	struct tm_buf expected;
};

static void load(const char *name, struct fixture *ret)
{
	struct recording recording;
	struct tm_err err;
	char dir[512];

	snprintf(dir, sizeof(dir), "%s/%s", top, name);
	assert_true(recording_load(dir, &recording, &err));
	*ret = (struct fixture){ .pages = recording.pages, .maps = recording.maps };
	assert_true(recording_text(dir, "expect.txt", &ret->expected, &err));
}

static void unload(struct fixture *fixture)
{
	tm_pages_free(&fixture->pages);
	tm_maps_free(&fixture->maps);
	tm_buf_free(&fixture->expected);
}

static bool run(const struct fixture *fixture, struct tm_buf *answer)
{
	struct tm_mem *mem = tm_mem_pages(&fixture->pages);
	bool ok = replay(mem, &fixture->maps, answer);

	tm_mem_destroy(mem);
	return ok;
}

/* Call `visit` with each fixture; returns the minors seen as bits. */
static unsigned for_each(void (*visit)(const char *name, struct fixture *fixture))
{
	DIR *dir = opendir(top);
	struct dirent *entry;
	unsigned seen = 0, minor;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		struct fixture fixture;

		if (sscanf(entry->d_name, "3.%u", &minor) != 1)
			continue;
		load(entry->d_name, &fixture);
		visit(entry->d_name, &fixture);
		unload(&fixture);
		seen |= 1u << minor;
	}
	closedir(dir);
	return seen;
}

static void compare(const char *name, struct fixture *fixture)
{
	struct tm_buf answer = { 0 };

	run(fixture, &answer);
	if (strcmp(answer.data, fixture->expected.data) != 0)
		print_error("%s: %s\n", name, answer.data);
	assert_string_equal(answer.data, fixture->expected.data);
	tm_buf_free(&answer);
}

static void every_version_reads_as_recorded(void **state)
{
	unsigned seen = for_each(compare), known = 0;

	(void)state;
	for (unsigned minor = 0; minor < 32; minor++)
		known |= (py_layout_find(minor) != NULL) << minor;
	/* A version without a fixture is not supported, only claimed. */
	assert_int_equal(seen & known, known);
}

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Words that forgers like: huge, tiny, pointers to elsewhere in the tables. */
static uint64_t forged_word(const struct tm_pages *pages, uint64_t *rng)
{
	switch (next(rng) % 6) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX >> (next(rng) % 64);
	case 2:
		return (uint64_t)1 << (next(rng) % 64);
	case 3:
		return next(rng);
	default:
		return pages->pages[next(rng) % pages->n].at +
		       next(rng) % TM_PAGE / 8 * 8;
	}
}

static bool is_blank(const struct tm_page *page)
{
	for (size_t i = 0; i < TM_PAGE; i++)
		if (page->bytes[i])
			return false;
	return true;
}

/* Change some words of pages that mean something; undo afterwards. */
static void forge_and_run(struct fixture *fixture, const size_t *live,
			  size_t nlive, uint64_t *rng)
{
	struct tm_page saved[3];
	size_t where[3];
	struct tm_buf answer = { 0 };

	for (int i = 0; i < 3; i++) {
		where[i] = live[next(rng) % nlive];
		saved[i] = fixture->pages.pages[where[i]];
		for (uint64_t n = next(rng) % 4; n > 0; n--) {
			uint64_t word = forged_word(&fixture->pages, rng);

			memcpy(fixture->pages.pages[where[i]].bytes +
			       next(rng) % (TM_PAGE / 4 - 1) * 4, &word, 8);
		}
	}
	run(fixture, &answer);
	assert_true(answer.len > 0);
	tm_buf_free(&answer);
	for (int i = 2; i >= 0; i--)
		fixture->pages.pages[where[i]] = saved[i];
}

static void forge(const char *name, struct fixture *fixture)
{
	enum { ROUNDS = 60 };
	size_t *live = calloc(fixture->pages.n, sizeof(*live)), n = 0;
	uint64_t rng = 88172645463325252u;

	(void)name;
	for (size_t i = 0; i < fixture->pages.n; i++)
		if (!is_blank(&fixture->pages.pages[i]))
			live[n++] = i;
	assert_true(n > 0);
	for (int i = 0; i < ROUNDS; i++)
		forge_and_run(fixture, live, n, &rng);
	free(live);
	/* And the truth is still the truth. */
	compare(name, fixture);
}

static void forged_pages_are_survived(void **state)
{
	(void)state;
	for_each(forge);
}

/* Where these bytes stand, one after the other; NULL at the end. */
static unsigned char *find(struct tm_pages *pages, const void *what, size_t len,
			   size_t *page, size_t *at)
{
	for (; *page < pages->n; (*page)++, *at = 0) {
		unsigned char *bytes = pages->pages[*page].bytes;
		unsigned char *hit = *at < TM_PAGE
			? memmem(bytes + *at, TM_PAGE - *at, what, len) : NULL;

		if (hit) {
			*at = (size_t)(hit - bytes) + 1;
			return hit;
		}
	}
	return NULL;
}

static void replace(struct tm_pages *pages, const void *what, const void *by, size_t len)
{
	unsigned char *hit;

	for (size_t page = 0, at = 0; (hit = find(pages, what, len, &page, &at));)
		memcpy(hit, by, len);
}

/* Another version's number in all places that tell it. */
static void present_as(struct fixture *fixture, const char *text, unsigned minor)
{
	struct tm_mem *mem = tm_mem_pages(&fixture->pages);
	struct py_runtime runtime;
	struct tm_err err;
	uint32_t was, is;
	char from[8];

	assert_true(py_runtime_find(mem, &fixture->maps, 0, &runtime, &err));
	tm_mem_destroy(mem);
	was = runtime.hexversion;
	is = (was & 0xff00ffffu) | minor << 16;
	snprintf(from, sizeof(from), "3.%u.", was >> 16 & 0xff);
	replace(&fixture->pages, &was, &is, sizeof(was));
	replace(&fixture->pages, from, text, strlen(text));
}

/* Without the version in front. */
static const char *figures(const struct tm_buf *answer)
{
	const char *at = strstr(answer->data, " limit ");

	assert_non_null(at);
	return at;
}

/* 3.15 had str objects for file names until its release candidates. */
static void name_kinds_are_told_by_the_names(void **state)
{
	(void)state;
	/* With the empty traceback, and without: then the names themselves. */
	for (int round = 0; round < 2; round++) {
		static const char unknown[] = "<unknown>";
		struct tm_buf answer = { 0 };
		struct fixture fixture;

		load("3.14.10-sid-py314", &fixture);
		present_as(&fixture, "3.15.", 15);
		if (round)
			replace(&fixture.pages, unknown, "<not here", sizeof(unknown) - 1);
		assert_true(run(&fixture, &answer));
		assert_non_null(strstr(answer.data, "CPython 3.15.10"));
		assert_string_equal(figures(&answer), figures(&fixture.expected));
		tm_buf_free(&answer);
		unload(&fixture);
	}
}

/* Neither nor: said, not read as one of them. */
static void names_of_another_kind_are_refused(void **state)
{
	struct tm_buf answer = { 0 };
	struct fixture fixture;
	struct py_runtime runtime;
	struct tm_mem *mem;
	struct tm_err err;
	uint64_t other = 0;
	unsigned char *hit;

	(void)state;
	load("3.14.10-sid-py314", &fixture);
	present_as(&fixture, "3.15.", 15);
	mem = tm_mem_pages(&fixture.pages);
	assert_true(py_runtime_find(mem, &fixture.maps, 0, &runtime, &err));
	tm_mem_destroy(mem);
	/* All str objects become objects of another type. */
	for (size_t page = 0, at = 0; (hit = find(&fixture.pages, &runtime.str.type,
						  sizeof(other), &page, &at));)
		if (tm_maps_find(&fixture.maps, fixture.pages.pages[page].at)->writable)
			memcpy(hit, &other, sizeof(other));
	assert_false(run(&fixture, &answer));
	assert_non_null(strstr(answer.data, "file names are neither"));
	tm_buf_free(&answer);
	unload(&fixture);
}

static void a_later_version_is_refused(void **state)
{
	struct tm_buf answer = { 0 };
	char text[8], refusal[80];
	struct fixture fixture;
	unsigned later = 15;

	(void)state;
	while (py_layout_find(later))
		later++;
	snprintf(text, sizeof(text), "3.%u.", later);
	snprintf(refusal, sizeof(refusal), "CPython 3.%u.2 is not supported: %s are",
		 later, py_layout_range());
	load("3.15.2-sid-py315", &fixture);
	present_as(&fixture, text, later);
	assert_false(run(&fixture, &answer));
	assert_non_null(strstr(answer.data, refusal));
	tm_buf_free(&answer);
	unload(&fixture);
}

/* An interpreter without tracemalloc is one all the same. */
static void tracemalloc_may_be_absent(void **state)
{
	static const char name[] = "PyTraceMalloc_Track";
	struct fixture fixture;
	struct py_runtime runtime;
	struct tm_mem *mem;
	struct tm_err err;

	(void)state;
	load("3.14.10-sid-py314", &fixture);
	replace(&fixture.pages, name, "PyTraceMalloc_Other", sizeof(name) - 1);
	mem = tm_mem_pages(&fixture.pages);
	assert_true(py_runtime_find(mem, &fixture.maps, 0, &runtime, &err));
	assert_non_null(runtime.layout);
	assert_string_equal(runtime.name, "CPython 3.14.10");
	assert_false(py_tracing_find(mem, &fixture.maps, 0, &runtime, &err));
	assert_int_equal(err.kind, TM_ERR_UNSUPPORTED);
	assert_non_null(strstr(err.cause, "without tracemalloc"));
	tm_mem_destroy(mem);
	unload(&fixture);
}

static void lose(const char *name, struct fixture *fixture)
{
	struct tm_pages all = fixture->pages;

	(void)name;
	/* Memory that ends early, at every 37th page. */
	for (size_t n = 0; n < all.n; n += 37) {
		struct tm_buf answer = { 0 };

		fixture->pages.n = n;
		run(fixture, &answer);
		assert_true(answer.len > 0);
		tm_buf_free(&answer);
	}
	fixture->pages = all;
}

static void missing_pages_are_errors(void **state)
{
	(void)state;
	for_each(lose);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version_reads_as_recorded),
		cmocka_unit_test(forged_pages_are_survived),
		cmocka_unit_test(missing_pages_are_errors),
		cmocka_unit_test(name_kinds_are_told_by_the_names),
		cmocka_unit_test(names_of_another_kind_are_refused),
		cmocka_unit_test(a_later_version_is_refused),
		cmocka_unit_test(tracemalloc_may_be_absent),
	};

	return cmocka_run_group_tests_name("fixture", tests, NULL, NULL);
}
