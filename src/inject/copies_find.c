/*
 * Copies of our hooks' addresses in the data of images: tracemalloc's saved
 * allocators, those of a profiler, of CPython's debug hooks. They are looked for
 * while the program runs, since that takes time, when the words are back and nobody
 * can get a new one from them.
 */
#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"
#include "inject/private.h"

enum { PIECE = 64 << 10 };

static void search_words(const struct tm_injection *in, tm_addr at,
			 const uint64_t *values, size_t n, struct inject_copies *ret)
{
	for (size_t i = 0; i < n; i++) {
		const struct tm_recorder_py_word *word = inject_word_of(in, values[i]);

		if (word)
			inject_copies_add(ret, &(struct inject_copy){
				.at = at + i * sizeof(*values),
				.ours = word->ours, .original = word->original });
	}
}

static void search_range(struct tm_injection *in, struct tm_range range,
			 struct inject_copies *ret)
{
	TM_GUARD(tm_free_ptr) uint64_t *values = tm_malloc(PIECE);

	for (tm_addr at = (range.start + 7) & ~(tm_addr)7; at < range.end; at += PIECE) {
		size_t len = range.end - at < PIECE ? (size_t)(range.end - at) : PIECE;
		size_t got = tm_mem_read_some(in->mem, at, values, len);

		search_words(in, at, values, got / sizeof(*values), ret);
		if (got < len)
			return;
	}
}

static void search_image(struct tm_injection *in, const struct tm_region *region,
			 struct inject_copies *ret)
{
	TM_GUARD(tm_image_free) struct tm_image image = { 0 };
	struct tm_err ignored;

	if (!inject_may_be_image(region) || !tm_image_read(in->mem, region, &image, &ignored))
		return;
	for (size_t i = 0; i < image.nsegments; i++)
		if (image.flags[i] & PF_W)
			search_range(in, image.segments[i], ret);
}

bool inject_copies_search(struct tm_injection *in, struct inject_copies *ret,
			  struct tm_err *err)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };

	inject_copies_free(ret);
	if (!tm_maps_read(in->process.pid, &maps, err))
		return false;
	for (size_t i = 0; i < maps.n; i++)
		search_image(in, &maps.regions[i], ret);
	tm_log("%zu copies of our hooks in data", ret->n);
	return true;
}
