#include "mem/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/guard.h"
#include "base/search.h"

/* A record is the struct: an address and a page, no padding. */
_Static_assert(sizeof(struct tm_page) == 8 + TM_PAGE, "struct tm_page has padding");

enum { MAX_PAGES = 1 << 18 };

void tm_pages_free(struct tm_pages *pages)
{
	free(pages->pages);
	*pages = (struct tm_pages){ 0 };
}

/* The first page at or after `at`. */
static size_t find(const struct tm_pages *pages, tm_addr at)
{
	return TM_LOWER_BOUND(pages->n, i, pages->pages[i].at < at);
}

/* ---- files ---------------------------------------------------------------- */

static bool read_all(const char *path, struct tm_buf *ret, struct tm_err *err)
{
	TM_GUARD(tm_file_close) FILE *file = fopen(path, "re");
	size_t n = 1;

	if (!file)
		return tm_err_os(err, errno, path, "cannot open");
	while (n > 0) {
		n = fread(tm_buf_room(ret, 65536), 1, 65536, file);
		ret->len += n;
	}
	return !ferror(file) || tm_err_os(err, errno, path, "cannot read");
}

bool tm_pages_load(const char *path, struct tm_pages *ret, struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf packed = { 0 };
	unsigned long long size;
	size_t got;

	*ret = (struct tm_pages){ 0 };
	if (!read_all(path, &packed, err))
		return false;
	size = ZSTD_getFrameContentSize(packed.data, packed.len);
	if (size > MAX_PAGES * sizeof(struct tm_page) ||
	    size % sizeof(struct tm_page) != 0)
		return tm_err_set(err, TM_ERR_CORRUPT, path, "no page file");
	ret->n = ret->cap = (size_t)size / sizeof(struct tm_page);
	ret->pages = tm_reallocarray(NULL, ret->n, sizeof(struct tm_page));
	got = ZSTD_decompress(ret->pages, (size_t)size, packed.data, packed.len);
	if (ZSTD_isError(got) || got != size) {
		tm_pages_free(ret);
		return tm_err_set(err, TM_ERR_CORRUPT, path, "damaged page file");
	}
	return true;
}

bool tm_pages_save(const struct tm_pages *pages, const char *path,
		   struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf packed = { 0 };
	size_t size = pages->n * sizeof(struct tm_page);
	size_t room = ZSTD_compressBound(size);
	FILE *file = fopen(path, "we");
	bool ok;

	if (!file)
		return tm_err_os(err, errno, path, "cannot create");
	packed.len = ZSTD_compress(tm_buf_room(&packed, room), room,
				   pages->pages, size, ZSTD_maxCLevel());
	ok = !ZSTD_isError(packed.len) &&
	     fwrite(packed.data, 1, packed.len, file) == packed.len;
	ok &= fclose(file) == 0;
	return ok || tm_err_os(err, errno, path, "cannot write");
}

/* ---- memory --------------------------------------------------------------- */

struct mem_pages {
	struct tm_mem mem;
	const struct tm_pages *pages;
};

static size_t pages_read(struct tm_mem *mem, tm_addr at, void *buf, size_t len)
{
	const struct tm_pages *pages = ((struct mem_pages *)mem)->pages;
	size_t got = 0;

	while (got < len) {
		tm_addr here = at + got;
		size_t off = (size_t)(here % TM_PAGE);
		size_t piece = TM_PAGE - off < len - got ? TM_PAGE - off : len - got;
		size_t i = find(pages, here - off);

		if (i == pages->n || pages->pages[i].at != here - off)
			break;
		memcpy((char *)buf + got, pages->pages[i].bytes + off, piece);
		got += piece;
	}
	return got;
}

static void plain_destroy(struct tm_mem *mem)
{
	free(mem);
}

static const struct tm_mem_ops pages_ops = {
	.read = pages_read,
	.destroy = plain_destroy,
};

struct tm_mem *tm_mem_pages(const struct tm_pages *pages)
{
	struct mem_pages *mem = tm_calloc(1, sizeof(*mem));

	mem->mem.ops = &pages_ops;
	mem->pages = pages;
	return &mem->mem;
}

struct mem_recorder {
	struct tm_mem mem;
	struct tm_mem *source;
	struct tm_pages *pages;
};

static bool keep_page(struct mem_recorder *recorder, tm_addr at)
{
	struct tm_pages *pages = recorder->pages;
	size_t i = find(pages, at);

	if (i < pages->n && pages->pages[i].at == at)
		return true;
	pages->pages = tm_grow(pages->pages, &pages->cap, pages->n + 1,
			       sizeof(*pages->pages));
	memmove(pages->pages + i + 1, pages->pages + i,
		(pages->n - i) * sizeof(*pages->pages));
	pages->pages[i].at = at;
	if (tm_mem_read_some(recorder->source, at, pages->pages[i].bytes,
			     TM_PAGE) == TM_PAGE) {
		pages->n++;
		return true;
	}
	memmove(pages->pages + i, pages->pages + i + 1,
		(pages->n - i) * sizeof(*pages->pages));
	return false;
}

static size_t recorder_read(struct tm_mem *mem, tm_addr at, void *buf, size_t len)
{
	struct mem_recorder *recorder = (struct mem_recorder *)mem;
	struct mem_pages kept = { .pages = recorder->pages };

	for (tm_addr page = at / TM_PAGE * TM_PAGE; page < at + len; page += TM_PAGE)
		if (!keep_page(recorder, page))
			break;
	return pages_read(&kept.mem, at, buf, len);
}

static const struct tm_mem_ops recorder_ops = {
	.read = recorder_read,
	.destroy = plain_destroy,
};

struct tm_mem *tm_mem_recorder(struct tm_mem *source, struct tm_pages *pages)
{
	struct mem_recorder *recorder = tm_calloc(1, sizeof(*recorder));

	recorder->mem.ops = &recorder_ops;
	recorder->source = source;
	recorder->pages = pages;
	return &recorder->mem;
}
