/*
 * Recorded pages with lies put into them, for the fuzzers that read some. An input
 * chooses the recording (first byte) and lists lies of 16 bytes each; a lie can come
 * into force in the middle of the reading, as in a target that runs meanwhile.
 */
#ifndef TESTS_FUZZ_LIAR_H
#define TESTS_FUZZ_LIAR_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixtures/recording.h"
#include "py/runtime.h"

enum { MAX_FIXTURES = 32, MAX_LIES = 64, ONLY_WALK = 0xe0 };

struct fixture {
	struct tm_pages pages;
	struct tm_maps maps;
	struct py_runtime runtime;
	size_t *used;       /* the pages that are not blank */
	size_t nused;
};

enum lie_kind { WORD, HALF, POINTER, ADD, PAGE, NKINDS };

struct lie {
	uint8_t after;      /* `step` reads each */
	uint8_t kind;       /* modulo NKINDS */
	uint16_t page;      /* modulo the used pages */
	uint16_t offset;
	uint16_t other;     /* a page, too */
	uint64_t value;
};

/* Memory that begins to lie. */
struct liar {
	struct tm_mem mem;
	struct tm_mem *truth;
	struct fixture *fixture;
	bool only_walk;
	unsigned step;
	struct lie lies[MAX_LIES];
	struct tm_page saved[MAX_LIES];
	size_t n, told;     /* in order of `after` */
	unsigned reads;
};

static struct fixture fixtures[MAX_FIXTURES];
static size_t nfixtures;

static struct tm_page *used_page(const struct fixture *fixture, uint16_t i)
{
	return &fixture->pages.pages[fixture->used[i % fixture->nused]];
}

static void tell(struct liar *liar)
{
	const struct lie *lie = &liar->lies[liar->told];
	struct tm_page *page = used_page(liar->fixture, lie->page);
	const struct tm_page *other = used_page(liar->fixture, lie->other);
	unsigned char *at = page->bytes + lie->offset % (TM_PAGE / 4 - 1) * 4;
	uint64_t word;

	liar->saved[liar->told++] = *page;
	memcpy(&word, at, sizeof(word));
	switch ((enum lie_kind)(lie->kind % NKINDS)) {
	case HALF:
		memcpy(at, &lie->value, 4);
		return;
	case PAGE:
		memmove(page->bytes, other->bytes, TM_PAGE);
		return;
	case POINTER:
		word = other->at + lie->value % TM_PAGE;
		break;
	case ADD:
		word += lie->value;
		break;
	case WORD:
	case NKINDS:
		word = lie->value;
		break;
	}
	memcpy(at, &word, sizeof(word));
}

static void undo(struct liar *liar)
{
	while (liar->told > 0) {
		liar->told--;
		*used_page(liar->fixture, liar->lies[liar->told].page) =
			liar->saved[liar->told];
	}
}

static size_t liar_read(struct tm_mem *mem, tm_addr at, void *buf, size_t len)
{
	struct liar *liar = (struct liar *)mem;

	while (liar->told < liar->n &&
	       liar->lies[liar->told].after * liar->step <= liar->reads)
		tell(liar);
	liar->reads++;
	return tm_mem_read_some(liar->truth, at, buf, len);
}

static void liar_destroy(struct tm_mem *mem)
{
	(void)mem;
}

static const struct tm_mem_ops liar_ops = {
	.read = liar_read,
	.destroy = liar_destroy,
};

static int by_after(const void *a, const void *b)
{
	return ((const struct lie *)a)->after - ((const struct lie *)b)->after;
}

/* What the input says. */
static void liar_begin(struct liar *liar, const unsigned char *data, size_t size, unsigned step)
{
	*liar = (struct liar){
		.mem.ops = &liar_ops,
		.fixture = &fixtures[(data[0] & ~ONLY_WALK) % nfixtures],
		.only_walk = data[0] & ONLY_WALK,
		.step = step,
		.n = (size - 1) / sizeof(struct lie),
	};
	if (liar->n > MAX_LIES)
		liar->n = MAX_LIES;
	memcpy(liar->lies, data + 1, liar->n * sizeof(struct lie));
	qsort(liar->lies, liar->n, sizeof(struct lie), by_after);
	liar->truth = tm_mem_pages(&liar->fixture->pages);
}

static void liar_end(struct liar *liar)
{
	tm_mem_destroy(liar->truth);
	undo(liar);
}

/* ---- the recordings -------------------------------------------------------- */

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "cannot load %s\n", what);
	exit(2);
}

static void list_used(struct fixture *fixture)
{
	static const unsigned char blank[TM_PAGE];
	const struct tm_pages *pages = &fixture->pages;

	fixture->used = calloc(pages->n + 1, sizeof(*fixture->used));
	for (size_t i = 0; i < pages->n; i++)
		if (memcmp(pages->pages[i].bytes, blank, TM_PAGE) != 0)
			fixture->used[fixture->nused++] = i;
}

static void load(const char *dir, struct fixture *fixture)
{
	struct recording recording;
	struct tm_err err;

	must(recording_load(dir, &recording, &err), dir);
	fixture->pages = recording.pages;
	fixture->maps = recording.maps;
	list_used(fixture);
	must(fixture->nused > 0, dir);
}

/* All folders of this one. */
static void load_all(const char *parent)
{
	struct dirent **names;
	int n = scandir(parent, &names, NULL, alphasort);

	must(n > 2, parent);
	for (int i = 0; i < n; i++) {
		char dir[512];

		snprintf(dir, sizeof(dir), "%s/%s", parent, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && nfixtures < MAX_FIXTURES)
			load(dir, &fixtures[nfixtures++]);
		free(names[i]);
	}
	free(names);
}

#endif
