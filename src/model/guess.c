/*
 * Which directory a release, a virtual environment or a container has in place
 * of another one's: files that only one of two snapshots has are paired by the
 * end of their names, and what was allocated in those that have the same in front
 * of it is added up.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/intern.h"
#include "tmattach/model.h"

/* Of the names in each snapshot; beyond it some must do. */
enum { MAX_NAMES = 2000 };

struct names {
	struct tm_text items[MAX_NAMES];
	uint64_t sizes[MAX_NAMES]; /* of what was allocated there, and 1 */
	size_t n;
	uint64_t total;
};

struct vote {
	struct tm_mapping pair;
	uint64_t size;
};

/* The files of a snapshot, by which memory is grouped. */
struct files {
	struct tm_intern names;
	uint64_t *sizes;
	size_t cap, known;  /* sizes that have been set */
};

static void files_free(struct files *files)
{
	tm_intern_free(&files->names);
	free(files->sizes);
}

static void take_files(const struct tm_snapshot *snapshot, struct files *ret)
{
	for (size_t i = 0; i < snapshot->nsites; i++) {
		const struct tm_site *site = &snapshot->sites[i];
		uint32_t nframe = snapshot->tracebacks[site->traceback].nframe, id;
		struct tm_text name = tm_traceback_frame(snapshot, site->traceback,
							 nframe - 1).filename;

		id = tm_intern(&ret->names, name.bytes, name.len);
		ret->sizes = tm_grow(ret->sizes, &ret->cap, (size_t)id + 1,
				     sizeof(*ret->sizes));
		if (id + 1 == ret->names.n && ret->names.n > ret->known) {
			ret->sizes[id] = 1;
			ret->known = ret->names.n;
		}
		ret->sizes[id] += site->size;
	}
}

/* Names with a directory that the other snapshot does not know. */
static void take_own(const struct files *files, const struct files *others,
		     struct names *ret)
{
	for (size_t i = 0; i < files->names.n && ret->n < MAX_NAMES; i++) {
		const struct tm_intern_item *item = &files->names.items[i];

		if (!memchr(item->bytes, '/', item->len) ||
		    tm_intern_find(&others->names, item->bytes, item->len) != UINT32_MAX)
			continue;
		ret->sizes[ret->n] = files->sizes[i];
		ret->items[ret->n++] = (struct tm_text){ item->bytes, item->len };
		ret->total += files->sizes[i];
	}
}

/* How long the end that both share is: whole parts between slashes. */
static size_t common_end(struct tm_text a, struct tm_text b)
{
	size_t max = a.len < b.len ? a.len : b.len, parts = 0;

	for (size_t i = 1; i <= max && a.bytes[a.len - i] == b.bytes[b.len - i]; i++)
		if (a.bytes[a.len - i] == '/')
			parts = i;
	return parts;
}

/* The name of the other snapshot with the longest common end. */
static size_t partner(struct tm_text name, const struct names *others, size_t *ret_i)
{
	size_t best = 0;

	for (size_t i = 0; i < others->n; i++) {
		size_t n = common_end(name, others->items[i]);

		if (n <= best)
			continue;
		best = n;
		*ret_i = i;
	}
	return best;
}

static bool same(struct tm_text a, struct tm_text b)
{
	return a.len == b.len && memcmp(a.bytes, b.bytes, a.len) == 0;
}

static struct tm_text front(struct tm_text name, size_t end)
{
	return (struct tm_text){ name.bytes, name.len - end };
}

static size_t count_vote(struct vote *votes, size_t n, struct tm_mapping pair,
			 uint64_t size)
{
	for (size_t i = 0; i < n; i++)
		if (same(votes[i].pair.from, pair.from) &&
		    same(votes[i].pair.to, pair.to)) {
			votes[i].size += size;
			return n;
		}
	votes[n] = (struct vote){ pair, size };
	return n + 1;
}

static struct vote elect(const struct names *old, const struct names *new)
{
	TM_GUARD(tm_free_ptr) struct vote *votes =
		tm_reallocarray(NULL, old->n + 1, sizeof(*votes));
	struct vote best = { .size = 0 };
	size_t n = 0;

	for (size_t i = 0; i < old->n; i++) {
		size_t k = 0, end = partner(old->items[i], new, &k);

		if (end > 0)
			n = count_vote(votes, n, (struct tm_mapping){
				front(old->items[i], end), front(new->items[k], end) },
				old->sizes[i] + new->sizes[k]);
	}
	for (size_t i = 0; i < n; i++)
		if (votes[i].size > best.size)
			best = votes[i];
	return best;
}

static struct tm_text copy(struct tm_text text)
{
	return (struct tm_text){ tm_memdup(text.bytes, text.len), text.len };
}

bool tm_mapping_guess(const struct tm_snapshot *older, const struct tm_snapshot *newer,
		      struct tm_mapping *ret)
{
	TM_GUARD(tm_free_ptr) struct names *names = tm_calloc(2, sizeof(*names));
	TM_GUARD(files_free) struct files old = { 0 };
	TM_GUARD(files_free) struct files new = { 0 };
	struct vote best;

	take_files(older, &old);
	take_files(newer, &new);
	take_own(&old, &new, &names[0]);
	take_own(&new, &old, &names[1]);
	best = elect(&names[0], &names[1]);
	/* Two programs that have little in common share some names, too. */
	if (best.size == 0 || best.size < (names[0].total + names[1].total) / 2)
		return false;
	*ret = (struct tm_mapping){ copy(best.pair.from), copy(best.pair.to) };
	return true;
}

void tm_mapping_free(struct tm_mapping *mapping)
{
	free((char *)mapping->from.bytes);
	free((char *)mapping->to.bytes);
	*mapping = (struct tm_mapping){ 0 };
}
