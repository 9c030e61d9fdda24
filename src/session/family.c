#include "session/family.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/intern.h"
#include "base/order.h"
#include "target/pages.h"

/* A block's part in one page that more than one process has. */
struct part {
	tm_addr at;
	uint64_t memory; /* of tm_pages_memory() */
};

struct tm_family {
	struct tm_intern parts; /* of all processes that are counted */
};

struct tm_family *tm_family_create(void)
{
	return tm_calloc(1, sizeof(struct tm_family));
}

void tm_family_destroy(struct tm_family *family)
{
	if (!family)
		return;
	tm_intern_free(&family->parts);
	free(family);
}

/* One process on its way into the family. */
struct count {
	struct tm_family *family;
	struct tm_pages pages;
	size_t known;      /* parts of the processes before */
	uint64_t pages_left; /* a forged size must not keep us for ever */
};

static bool is_counted(struct count *count, tm_addr at)
{
	const struct part part = { at, tm_pages_memory(&count->pages, at) };

	return part.memory && tm_intern(&count->family->parts, &part, sizeof(part)) < count->known;
}

/* Bytes of a block that no process before has counted; one of no bytes counts as one. */
static uint64_t bytes_left(struct count *count, tm_addr at, uint64_t size)
{
	uint64_t left = 0, here;

	size = size ? size : 1;
	if (size / TM_PAGE > count->pages_left || at + size < at)
		return size;
	count->pages_left -= size / TM_PAGE;
	for (; size > 0; at += here, size -= here) {
		here = TM_PAGE - at % TM_PAGE;
		here = here < size ? here : size;
		left += is_counted(count, at) ? 0 : here;
	}
	return left;
}

static int by_address(const void *a, const void *b)
{
	tm_addr at_a = ((const struct tm_collected_block *)a)->at;
	tm_addr at_b = ((const struct tm_collected_block *)b)->at;

	return tm_order_u64(at_a, at_b);
}

static struct tm_collected_block *list_blocks(struct tm_collected *collected, size_t *ret_n)
{
	struct tm_collected_block block, *blocks = NULL;
	size_t n = 0, cap = 0;

	while (tm_collected_block(collected, n, &block)) {
		blocks = tm_grow(blocks, &cap, n + 1, sizeof(*blocks));
		blocks[n++] = block;
	}
	if (n)
		qsort(blocks, n, sizeof(*blocks), by_address);
	*ret_n = n;
	return blocks;
}

bool tm_family_count(struct tm_family *family, const struct tm_session *session,
		     struct tm_collected *collected, uint64_t *ret_bytes)
{
	struct count count = {
		.family = family,
		.known = family->parts.n,
		.pages_left = tm_maps_writable_bytes(&session->maps) / TM_PAGE,
	};
	size_t n;
	struct tm_collected_block *blocks = list_blocks(collected, &n);
	bool any = false;

	*ret_bytes = 0;
	tm_pages_open(&count.pages, session->process.pid);
	for (size_t i = 0; i < n; i++) {
		uint64_t left = bytes_left(&count, blocks[i].at, *blocks[i].size);

		*blocks[i].count = left > 0;
		any |= left < *blocks[i].size || left == 0;
		left = left < *blocks[i].size ? left : *blocks[i].size;
		*ret_bytes += *blocks[i].size - left;
		*blocks[i].size = left;
	}
	tm_pages_close(&count.pages);
	free(blocks);
	return any;
}
