#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "mem/mem.h"

struct mem_bytes {
	struct tm_mem mem;
	tm_addr base;
	const char *bytes;
	size_t len;
};

static size_t bytes_read(struct tm_mem *mem, tm_addr at, void *buf, size_t len)
{
	struct mem_bytes *range = (struct mem_bytes *)mem;
	tm_addr off = at - range->base;

	if (at < range->base || off >= range->len)
		return 0;
	if (len > range->len - off)
		len = range->len - (size_t)off;
	memcpy(buf, range->bytes + off, len);
	return len;
}

static void bytes_destroy(struct tm_mem *mem)
{
	free(mem);
}

static const struct tm_mem_ops bytes_ops = {
	.read = bytes_read,
	.destroy = bytes_destroy,
};

struct tm_mem *tm_mem_bytes(tm_addr base, const void *bytes, size_t len)
{
	struct mem_bytes *range = tm_calloc(1, sizeof(*range));

	range->mem.ops = &bytes_ops;
	range->base = base;
	range->bytes = bytes;
	range->len = len;
	return &range->mem;
}
