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
#include "inject/words.h"

enum { PIECE = 64 << 10 };

/* Each of these: false where there may be copies that were not found. */
static bool search_words(const struct tm_injection *in, tm_addr at,
			 const uint64_t *values, size_t n, struct inject_copies *ret)
{
	bool all = true;

	for (size_t i = 0; i < n; i++) {
		const struct tm_recorder_py_word *word = inject_word_of(in, values[i]);

		if (word)
			all &= inject_copies_add(ret, &(struct inject_copy){
				.at = at + i * sizeof(*values),
				.ours = word->ours, .original = word->original });
	}
	return all;
}

static bool search_range(struct tm_injection *in, struct tm_range range,
			 struct inject_copies *ret)
{
	TM_GUARD(tm_free_ptr) uint64_t *values = tm_malloc(PIECE);
	bool all = true;

	for (tm_addr at = (range.start + 7) & ~(tm_addr)7; at < range.end; at += PIECE) {
		size_t len = range.end - at < PIECE ? (size_t)(range.end - at) : PIECE;
		size_t got = tm_mem_read_some(in->mem, at, values, len);

		all &= search_words(in, at, values, got / sizeof(*values), ret);
		if (got < len)
			return false;
	}
	return all;
}

/* What of a segment is mapped: in the rest is nothing. */
static bool search_segment(struct tm_injection *in, const struct tm_maps *maps,
			   struct tm_range segment, struct inject_copies *ret)
{
	bool all = true;

	for (size_t i = 0; i < maps->n; i++) {
		const struct tm_region *region = &maps->regions[i];
		const struct tm_range part = {
			region->start > segment.start ? region->start : segment.start,
			region->end < segment.end ? region->end : segment.end,
		};

		if (part.start < part.end)
			all &= search_range(in, part, ret);
	}
	return all;
}

static bool search_image(struct tm_injection *in, const struct tm_maps *maps,
			 const struct tm_region *region, struct inject_copies *ret)
{
	TM_GUARD(tm_image_free) struct tm_image image = { 0 };
	struct tm_err ignored;
	bool all;

	if (!inject_may_be_image(region) || !tm_image_read(in->mem, region, &image, &ignored))
		return true;
	/* There may be more than it has room for. */
	all = image.nsegments < TM_IMAGE_MAX_SEGMENTS;
	for (size_t i = 0; i < image.nsegments; i++)
		if (image.flags[i] & PF_W)
			all &= search_segment(in, maps, image.segments[i], ret);
	return all;
}

bool inject_copies_search(struct tm_injection *in, struct inject_copies *ret,
			  bool *ret_all, struct tm_err *err)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };

	inject_copies_free(ret);
	if (!tm_maps_read(in->process.pid, &maps, err))
		return false;
	*ret_all = true;
	for (size_t i = 0; i < maps.n; i++)
		*ret_all &= search_image(in, &maps, &maps.regions[i], ret);
	tm_log("%zu copies of our hooks in data%s", ret->n, *ret_all ? "" : ", and maybe more");
	return true;
}
