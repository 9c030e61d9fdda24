#include "session/stacks_find.h"

#include "base/load.h"

enum {
	STRUCT_SIZE = 2560,    /* glibc 2.43: 2 368 */
	PAGES = 16384,         /* looked at in all, */
	PAGES_HELD = 1024,     /* while the process waits for us, */
	PAGES_OF_ONE = 256,    /* and of a mapping until something is found */
	STEP = 16,
};
#define MAX_STACK (UINT64_C(1) << 36)

struct finding {
	const struct tm_instant *instant;
	struct tm_pages *pages;
	struct tm_extents *ret;
	uint32_t left;
};

/* Does the structure at `at` say where a stack is that it ends? */
static bool tells_stack(struct tm_mem *mem, tm_addr at, struct tm_extent *ret)
{
	char bytes[STRUCT_SIZE];
	size_t len = tm_mem_read_some(mem, at, bytes, sizeof(bytes));

	for (size_t i = 0; i + 16 <= len; i += 8) {
		uint64_t start = tm_load_u64(bytes, i), size = tm_load_u64(bytes, i + 8);

		if (start && start % TM_PAGE == 0 && size && size % TM_PAGE == 0 &&
		    size <= MAX_STACK && start <= at && at - start < size &&
		    size - (at - start) <= 4 * TM_PAGE) {
			*ret = (struct tm_extent){ start, start + size };
			return true;
		}
	}
	return false;
}

static bool find_in_page(struct finding *now, tm_addr page, struct tm_extent *ret)
{
	char bytes[TM_PAGE];
	struct tm_err err;

	if (!tm_mem_read(now->instant->mem, page, bytes, sizeof(bytes), &err))
		return false;
	for (size_t i = 0; i < sizeof(bytes); i += STEP)
		if (tm_load_u64(bytes, i) == page + i &&
		    tells_stack(now->instant->mem, page + i, ret))
			return true;
	return false;
}

/* From the top: there the structures are, and below one its stack, which is passed over. */
static void search(struct finding *now, const struct tm_region *region)
{
	uint32_t tries = PAGES_OF_ONE;
	tm_addr end = region->end;
	struct tm_extent found;

	while (end > region->start && now->left && tries) {
		tm_addr page = end - TM_PAGE;

		end = page;
		if (!tm_pages_resident(now->pages, page, page + TM_PAGE))
			continue;
		now->left--;
		tries--;
		if (!find_in_page(now, page, &found))
			continue;
		tm_extents_add(now->ret, found.start, found.end);
		tries = PAGES_OF_ONE;
		end = found.start < page ? found.start : page;
	}
}

static bool touches(const struct tm_extents *heaps, const struct tm_region *region)
{
	for (size_t i = 0; i < heaps->n; i++)
		if (heaps->items[i].start < region->end && heaps->items[i].end > region->start)
			return true;
	return false;
}

void tm_stacks_find(const struct tm_instant *instant, const struct tm_maps *maps,
		    const struct tm_extents *heaps, struct tm_pages *pages,
		    struct tm_extents *ret)
{
	struct finding now = { instant, pages, ret, instant->held ? PAGES_HELD : PAGES };

	for (size_t i = 0; i < maps->n && now.left; i++) {
		const struct tm_region *region = &maps->regions[i];

		if (region->inode == 0 && region->path[0] == '\0' && region->writable &&
		    !region->shared && !touches(heaps, region))
			search(&now, region);
	}
}
