#include "mem/paged.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct paged {
	struct tm_mem mem;
	struct tm_mem *from;
	char *bytes;
	size_t npages;
	tm_addr base[]; /* of the page in its place; 1: none */
};

static const char *page(struct paged *self, tm_addr base)
{
	size_t i = (base / TM_PAGE) % self->npages;
	char *bytes = self->bytes + i * TM_PAGE;

	if (self->base[i] == base)
		return bytes;
	self->base[i] = 1;
	if (tm_mem_read_some(self->from, base, bytes, TM_PAGE) != TM_PAGE)
		return NULL;
	self->base[i] = base;
	return bytes;
}

static size_t paged_read(struct tm_mem *mem, tm_addr at, void *buf, size_t len)
{
	struct paged *self = (struct paged *)mem;
	size_t done = 0;

	while (done < len) {
		size_t off = (at + done) % TM_PAGE, n = TM_PAGE - off;
		const char *bytes = page(self, at + done - off);

		if (!bytes)
			return done + tm_mem_read_some(self->from, at + done,
						       (char *)buf + done,
						       len - done);
		if (n > len - done)
			n = len - done;
		memcpy((char *)buf + done, bytes + off, n);
		done += n;
	}
	return done;
}

static void paged_destroy(struct tm_mem *mem)
{
	struct paged *self = (struct paged *)mem;

	free(self->bytes);
	free(self);
}

struct tm_mem *tm_mem_paged(struct tm_mem *mem, size_t npages)
{
	static const struct tm_mem_ops ops = {
		.read = paged_read, .destroy = paged_destroy,
	};
	struct paged *self = tm_calloc(1, sizeof(*self) + npages * sizeof(self->base[0]));

	self->mem.ops = &ops;
	self->from = mem;
	self->npages = npages;
	self->bytes = tm_reallocarray(NULL, npages, TM_PAGE);
	for (size_t i = 0; i < npages; i++)
		self->base[i] = 1;
	return &self->mem;
}
