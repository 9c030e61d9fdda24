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

#include "fixtures/replay.h"
#include "mem/pages.h"
#include "py/layout.h"

static const char top[] = "fixtures/tables";

struct fixture {
	struct tm_pages pages;
	struct tm_maps maps;
	struct tm_buf expected;
};

static void read_text(const char *name, const char *file, struct tm_buf *ret)
{
	char path[512];
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s/%s", top, name, file);
	in = fopen(path, "r");
	assert_non_null(in);
	ret->len = fread(tm_buf_room(ret, 1 << 20), 1, 1 << 20, in);
	ret->data[ret->len] = '\0';
	fclose(in);
}

static void load(const char *name, struct fixture *ret)
{
	struct tm_buf maps = { 0 };
	struct tm_err err;
	char path[512];

	*ret = (struct fixture){ 0 };
	snprintf(path, sizeof(path), "%s/%s/pages.zst", top, name);
	assert_true(tm_pages_load(path, &ret->pages, &err));
	read_text(name, "maps", &maps);
	assert_true(tm_maps_parse(maps.data, &ret->maps, &err));
	read_text(name, "expect.txt", &ret->expected);
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
	};

	return cmocka_run_group_tests_name("fixture", tests, NULL, NULL);
}
