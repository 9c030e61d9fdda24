#include "heap/glibc.h"

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "heap/glibc_private.h"

/* ---- finding it ------------------------------------------------------------- */

struct data {
	struct tm_mem *mem;
	const struct tm_maps *maps;
	tm_addr start;
	char *bytes;
	size_t len;
	size_t *bins;            /* that may still be examined */
};

static uint64_t word(const struct data *data, tm_addr at)
{
	return tm_load_u64(data->bytes, (size_t)(at - data->start));
}

static bool holds(const struct data *data, tm_addr at, size_t len)
{
	return at >= data->start && at - data->start <= data->len &&
	       len <= data->len - (size_t)(at - data->start);
}

/* Bin number i (from 0 on) of the bins at `at`: empty, or a ring with it. */
static bool is_bin(const struct data *data, tm_addr at, size_t i)
{
	tm_addr bin = at + i * 16 - FD;
	tm_addr fd = word(data, bin + FD), bk = word(data, bin + BK), back, on;
	struct tm_err err;

	if (fd == bin || bk == bin)
		return fd == bk;
	return fd && bk && fd % 16 == 0 && bk % 16 == 0 &&
	       tm_mem_u64(data->mem, fd + BK, &back, &err) && back == bin &&
	       tm_mem_u64(data->mem, bk + FD, &on, &err) && on == bin;
}

static bool are_bins(const struct data *data, tm_addr at)
{
	if (!holds(data, at + TOP, -TOP + STATE_END))
		return false;
	for (size_t i = 0; i < NBINS; i++) {
		if (*data->bins == 0)
			return false;
		--*data->bins;
		if (!is_bin(data, at, i))
			return false;
	}
	return true;
}

/* Arenas form a ring: the offset of the bins with which it closes is theirs. */
static bool is_ring(struct tm_mem *mem, tm_addr arena, size_t bins)
{
	tm_addr at = arena;
	struct tm_err err;

	for (int n = 0; n < MAX_ARENAS; n++) {
		if (!tm_mem_u64(mem, at + bins + NEXT, &at, &err) || at == 0)
			return false;
		if (at == arena)
			return true;
	}
	return false;
}

/* As many blocks with a mapping of their own as there are bytes in them? (Since 2.43
 * some are left over when all have gone, see glibc_large.c.) */
static bool counts_mmaps(const struct data *data, tm_addr at, uint64_t bytes)
{
	size_t off = (size_t)(at - data->start);
	uint32_t n = tm_load_u32(data->bytes, off);
	uint32_t most = tm_load_u32(data->bytes, off + 8);

	return n <= most && (n > 0 ? bytes > 0 : bytes % 16 == 0);
}

/* Of a heap of several mappings it is not known where it begins: in no file, with
 * a chunk before which there is none. */
static bool begins_heap(const struct data *data, tm_addr begin)
{
	const struct tm_region *region = tm_maps_find(data->maps, begin);
	uint64_t size;
	struct tm_err err;

	return begin % TM_PAGE == 0 && region && region->inode == 0 && region->writable &&
	       tm_mem_u64(data->mem, begin + SIZE, &size, &err) &&
	       (size & SIZE_BITS) == 1 && size >= MIN_CHUNK && size % 16 == 1;
}

/* The word that says where the heap begins; `begin` 0: that is not known. */
static bool is_sbrk_base(const struct data *data, tm_addr at, tm_addr begin)
{
	uint64_t mmapped;

	if (!holds(data, at - PAR_HEAD, PAR_HEAD + 8) ||
	    (begin ? word(data, at) != begin : !begins_heap(data, word(data, at))))
		return false;
	mmapped = word(data, at + MMAPPED);
	return mmapped <= word(data, at + MAX_MMAPPED) &&
	       (counts_mmaps(data, at + N_MMAPS, mmapped) ||
		counts_mmaps(data, at + N_MMAPS_2_35, mmapped));
}

static bool take_bins(const struct data *data, tm_addr bins,
		      struct heap_glibc *ret)
{
	tm_addr end, begin;
	size_t v = 0;

	while (v < GLIBC_NVARIANTS &&
	       !is_ring(data->mem, bins - glibc_variants[v].bins, glibc_variants[v].bins))
		v++;
	if (v == GLIBC_NVARIANTS || !holds(data, bins - glibc_variants[v].bins, FLAGS + 4) ||
	    !glibc_top_end(data->mem, bins, &end))
		return false;
	ret->bins = glibc_variants[v].bins;
	ret->main_arena = bins - ret->bins;
	begin = tm_load_u32(data->bytes, (size_t)(ret->main_arena - data->start) + FLAGS) &
		NONCONTIGUOUS ? 0 : end - word(data, bins + SYSTEM_MEM);
	for (tm_addr at = data->start; at < data->start + data->len; at += 8)
		if (is_sbrk_base(data, at, begin)) {
			ret->sbrk_base = at;
			return true;
		}
	return false;
}

/* Every empty bin may be one of those. */
static bool find_in(const struct data *data, struct heap_glibc *ret)
{
	for (size_t at = 0; at + 16 <= data->len; at += 8) {
		tm_addr bin = data->start + at - FD;

		if (tm_load_u64(data->bytes, at) != bin ||
		    tm_load_u64(data->bytes, at + 8) != bin)
			continue;
		/* The first empty one that is seen: those before it are not. */
		for (size_t i = 0; i < NBINS; i++)
			if (are_bins(data, bin + FD - i * 16))
				return take_bins(data, bin + FD - i * 16, ret);
	}
	return false;
}

bool heap_glibc_find(struct tm_mem *mem, const struct tm_maps *maps,
		     struct heap_glibc *ret)
{
	size_t bins = FIND_LIMIT;

	for (size_t i = 0; i < maps->n && bins > 0; i++) {
		const struct tm_region *region = &maps->regions[i];
		TM_GUARD(tm_free_ptr) char *bytes = NULL;
		struct data data = {
			.mem = mem, .maps = maps, .start = region->start, .bins = &bins,
		};
		size_t len = (size_t)(region->end - region->start);

		if (!region->writable || region->shared || !region->inode ||
		    len > SCAN_LIMIT)
			continue;
		data.bytes = bytes = tm_malloc(len);
		data.len = tm_mem_read_some(mem, region->start, bytes, len) / 8 * 8;
		if (find_in(&data, ret)) {
			ret->maps = maps;
			return true;
		}
	}
	return false;
}
