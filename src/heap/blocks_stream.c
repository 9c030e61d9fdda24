#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "heap/blocks.h"

enum { WINDOW = 1 << 20, GAP = 2 * TM_PAGE };

/* One pass on its way. */
struct stream {
	const struct heap_blocks *blocks;
	struct tm_mem *mem;
	bool heads;
	bool (*piece)(void *ctx, const struct heap_piece *piece);
	void *ctx;
	char *window;
	tm_addr base;
	size_t len;
	uint64_t lost;
};

/* Make the window hold [at, at + len), len at most WINDOW; and what follows it
 * up to `end`. */
static const char *load(struct stream *stream, tm_addr at, size_t len, tm_addr end)
{
	size_t got;

	if (at >= stream->base && at - stream->base <= stream->len &&
	    len <= stream->len - (at - stream->base))
		return stream->window + (at - stream->base);
	stream->base = at;
	stream->len = end - at < WINDOW ? (size_t)(end - at) : WINDOW;
	if (stream->len < len)
		stream->len = len;
	for (size_t done = 0; done < stream->len; done += got) {
		size_t left = stream->len - done;

		got = tm_mem_read_some(stream->mem, at + done, stream->window + done,
				       left);
		if (got == left)
			continue;
		/* A hole: the rest of its page reads as zeros. */
		left = TM_PAGE - (size_t)((at + done + got) % TM_PAGE);
		if (left > stream->len - done - got)
			left = stream->len - done - got;
		memset(stream->window + done + got, 0, left);
		stream->lost += left;
		got += left;
	}
	return stream->window;
}

/* What `piece` says of the block, and piece by piece what is in it. */
static bool give(struct stream *stream, struct heap_piece piece, tm_addr end)
{
	const uint64_t size = piece.size;
	const tm_addr at = piece.at;

	while (piece.off < size) {
		uint64_t left = size - piece.off;

		piece.len = left < WINDOW ? (size_t)left : WINDOW;
		if (stream->heads && size > WINDOW)
			piece.len = TM_PAGE;
		piece.bytes = load(stream, at + piece.off, piece.len,
				   size > WINDOW ? at + piece.off + piece.len : end);
		piece.last = stream->heads || piece.len == left;
		if (!stream->piece(stream->ctx, &piece))
			return false;
		if (piece.last)
			break;
		piece.off += piece.len;
	}
	return true;
}

static bool is_used(const struct heap_blocks *blocks, const struct heap_pool *pool,
		    uint32_t slot)
{
	return pool->bits == UINT32_MAX ||
	       (blocks->bits[pool->bits + slot / 64] >> slot % 64 & 1);
}

/* Where a run of pools that begins with number i ends. */
static tm_addr run_end(const struct heap_blocks *blocks, uint32_t i)
{
	const struct heap_pool *pools = blocks->pools;
	tm_addr start = pools[i].at, end = start + (tm_addr)pools[i].pages * TM_PAGE;

	for (i++; i < blocks->npools && pools[i].at <= end + GAP; i++) {
		tm_addr next = pools[i].at + (tm_addr)pools[i].pages * TM_PAGE;

		if (next - start > WINDOW)
			break;
		end = next;
	}
	return end;
}

static bool stream_pools(struct stream *stream)
{
	const struct heap_blocks *blocks = stream->blocks;
	tm_addr end = 0;

	for (uint32_t i = 0; i < blocks->npools; i++) {
		const struct heap_pool *pool = &blocks->pools[i];
		tm_addr at = pool->at + pool->header;
		uint32_t number = pool->first;

		if (pool->at >= end)
			end = run_end(blocks, i);
		load(stream, pool->at, (size_t)pool->pages * TM_PAGE, end);
		for (uint32_t slot = 0; slot < pool->slots; slot++, at += pool->size) {
			const struct heap_piece piece = {
				.number = number, .at = at, .size = pool->size, .tag = pool->tag,
			};

			if (!is_used(blocks, pool, slot))
				continue;
			if (!give(stream, piece, end))
				return false;
			number++;
		}
	}
	return true;
}

static bool stream_span(struct stream *stream, const struct heap_span *span)
{
	const struct heap_blocks *blocks = stream->blocks;
	tm_addr base = span->start / TM_PAGE * TM_PAGE;
	uint64_t npages = (span->end - base + TM_PAGE - 1) / TM_PAGE;

	for (uint64_t i = 0; i < npages; i++) {
		const struct heap_page *page = &blocks->pages[span->page + i];
		uint32_t number = page->first;

		for (uint32_t w = 0; w < HEAP_PAGE_BITS / 64; w++)
			for (uint64_t left = page->bits[w]; left; left &= left - 1) {
				tm_addr at = base + i * TM_PAGE +
					(w * 64 + (tm_addr)__builtin_ctzll(left)) * 16;

				if (!give(stream, (struct heap_piece){
					    .number = number, .at = at,
					    .size = heap_blocks_size(blocks, number) },
					  span->end))
					return false;
				number++;
			}
	}
	return true;
}

/* Those that are estimated are small, and stand close together. */
static bool stream_larges(struct stream *stream)
{
	const struct heap_blocks *blocks = stream->blocks;
	tm_addr end = 0;

	for (uint32_t i = 0, next = 0; i < blocks->nlarges; i++) {
		const struct heap_large *large = &blocks->larges[i];

		for (; next < blocks->nlarges && blocks->larges[next].at <= end + GAP &&
		       blocks->larges[next].at - large->at < WINDOW; next++)
			end = blocks->larges[next].at + blocks->larges[next].size;
		if (next <= i) {
			next = i + 1;
			end = large->at + large->size;
		}
		if (!give(stream, (struct heap_piece){
			    .number = large->number, .at = large->at, .size = large->size,
			    .tag = large->tag },
			  end > large->at ? end : large->at + large->size))
			return false;
	}
	return true;
}

static bool stream_all(struct stream *stream)
{
	const struct heap_blocks *blocks = stream->blocks;

	if (!stream_pools(stream))
		return false;
	for (uint32_t i = 0; i < blocks->nspans; i++)
		if (!stream_span(stream, &blocks->spans[i]))
			return false;
	return stream_larges(stream);
}

bool heap_blocks_stream(const struct heap_blocks *blocks, struct tm_mem *mem,
			bool heads, bool (*piece)(void *ctx, const struct heap_piece *piece),
			void *ctx, uint64_t *ret_lost)
{
	TM_GUARD(tm_free_ptr) char *window = tm_malloc(WINDOW + TM_PAGE);
	struct stream stream = {
		.blocks = blocks, .mem = mem, .heads = heads, .piece = piece,
		.ctx = ctx, .window = window,
	};
	bool ok = stream_all(&stream);

	*ret_lost = stream.lost;
	return ok;
}
