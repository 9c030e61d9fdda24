#include "target/pages.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/guard.h"

/* Documentation/admin-guide/mm/pagemap.rst: the bits of an entry. */
#define FRAME     ((UINT64_C(1) << 55) - 1) /* 0 without CAP_SYS_ADMIN */
#define ALONE     (UINT64_C(1) << 56)
#define OF_A_FILE (UINT64_C(1) << 61)       /* or of shared anonymous memory */
#define SWAPPED   (UINT64_C(1) << 62)
#define PRESENT   (UINT64_C(1) << 63)

void tm_pages_open(struct tm_pages *ret, pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pid);
	ret->n = 0;
	ret->fd = open(path, O_RDONLY | O_CLOEXEC);
}

void tm_pages_close(struct tm_pages *pages)
{
	tm_fd_close(&pages->fd);
	pages->fd = -1;
}

static void load(struct tm_pages *pages, uint64_t page)
{
	const size_t piece = sizeof(pages->entries) / sizeof(pages->entries[0]);
	ssize_t n;

	pages->first = page - page % piece;
	pages->n = piece;
	n = pages->fd < 0 || page > INT64_MAX / 8 ? 0 :
	    pread(pages->fd, pages->entries, sizeof(pages->entries),
		  (off_t)(pages->first * 8));
	n = n < 0 ? 0 : n;
	memset((char *)pages->entries + n, 0, sizeof(pages->entries) - (size_t)n);
}

static uint64_t entry_of(struct tm_pages *pages, tm_addr at)
{
	uint64_t page = at / TM_PAGE;

	if (page - pages->first >= pages->n)
		load(pages, page);
	return pages->entries[page - pages->first];
}

uint64_t tm_pages_memory(struct tm_pages *pages, tm_addr at)
{
	uint64_t entry = entry_of(pages, at);

	if (!(entry & (PRESENT | SWAPPED)) || entry & (OF_A_FILE | ALONE))
		return 0;
	if (entry & FRAME)
		return entry & (FRAME | SWAPPED);
	/* It is not known which one, but that it is shared: by those of one family at one
	 * address. */
	return entry & PRESENT ? PRESENT : 0;
}

uint64_t tm_pages_resident(struct tm_pages *pages, tm_addr start, tm_addr end)
{
	uint64_t sum = 0;

	while (start < end) {
		tm_addr next = (start / TM_PAGE + 1) * TM_PAGE;

		if (next > end)
			next = end;
		if ((entry_of(pages, start) & (PRESENT | OF_A_FILE)) == PRESENT)
			sum += next - start;
		start = next;
	}
	return sum;
}
