#include "base/big.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"

/* The mapping begins with its length; the array follows a cache line later. */
enum { HEAD = 64, PAGE = 4096, HUGE_PAGE = 2 << 20 };

static size_t mapping_size(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes) ||
	    bytes > SIZE_MAX / 2 - HEAD - PAGE)
		tm_out_of_memory();
	return (bytes + HEAD + PAGE - 1) / PAGE * PAGE;
}

static void *head_of(void *array)
{
	return (char *)array - HEAD;
}

static void *array_of(void *head, size_t len)
{
	if (len >= HUGE_PAGE)
		madvise(head, len, MADV_HUGEPAGE);
	memcpy(head, &len, sizeof(len));
	return (char *)head + HEAD;
}

void *tm_big_alloc(size_t n, size_t size)
{
	size_t len = mapping_size(n, size);
	void *head = mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (head == MAP_FAILED)
		tm_out_of_memory();
	return array_of(head, len);
}

static size_t length_of(void *array)
{
	size_t len;

	memcpy(&len, head_of(array), sizeof(len));
	return len;
}

void tm_big_free(void *array)
{
	if (array)
		munmap(head_of(array), length_of(array));
}

void *tm_big_grow(void *array, size_t n, size_t size)
{
	size_t len = mapping_size(n, size);
	void *head;

	if (!array)
		return tm_big_alloc(n, size);
	if (len <= length_of(array))
		return array;
	head = mremap(head_of(array), length_of(array), len, MREMAP_MAYMOVE);
	if (head == MAP_FAILED)
		tm_out_of_memory();
	return array_of(head, len);
}

void tm_big_trim(void *array, size_t n, size_t size)
{
	size_t len = mapping_size(n, size), old = length_of(array);
	char *head = head_of(array);

	if (len >= old)
		return;
	munmap(head + len, old - len);
	memcpy(head, &len, sizeof(len));
}
