/*
 * The used blocks of a process, numbered: those of pools (a small-object
 * allocator's, all of a pool the same size) and then malloc's chunks. A number
 * leads to an address and back without a table of addresses, at about 3 bits
 * a block:
 *
 *	page of the address -> its pool, or its chunks
 *	number = the pool's first + rank of the slot in the bitmap of used ones
 *
 * Number 0 is no block. Numbers ascend with the addresses in each of the two
 * parts as long as pools and chunks are added so, which the functions demand.
 */
#ifndef TM_HEAP_BLOCKS_H
#define TM_HEAP_BLOCKS_H

#include "mem/mem.h"

enum {
	HEAP_POOL_HEADER = 48,       /* its blocks follow */
	HEAP_MAX_SLOTS = 2048,
	HEAP_MAX_NODES = 1 << 28,    /* what fits into heap_census.how */
	HEAP_PAGE_BITS = TM_PAGE / 16,
};

struct heap_pool {
	tm_addr at;
	uint64_t magic;              /* division by `size` */
	uint32_t first;              /* number of its first used block */
	uint32_t used;               /* how many there are */
	uint32_t bits;               /* in blocks.bits; UINT32_MAX: all are used */
	uint32_t size;               /* of a block */
	uint16_t slots;              /* that were ever used */
	uint16_t pages;
	uint16_t header;             /* bytes before its blocks */
	uint8_t tag;
};

/* Chunks that begin in a page: a bit for each 16 bytes. */
struct heap_page {
	uint64_t bits[HEAP_PAGE_BITS / 64];
	uint32_t first;
	uint32_t number;             /* at >> 12, less the first page of its span */
};

/* Pages of chunks that follow each other. */
struct heap_span {
	tm_addr start, end;
	uint32_t page;               /* in blocks.pages */
};

/* A chunk with a mapping of its own, or memory of another allocator. */
struct heap_large {
	tm_addr at;                  /* where the user's part begins */
	uint64_t size;               /* of that */
	uint32_t number;
	bool estimated;              /* it is not malloc's own word */
	bool whole;                  /* no word of malloc's stands before it */
	uint8_t tag;
};

/* A zeroed struct is empty. */
struct heap_blocks {
	uint32_t n;                  /* numbers: 1 to n - 1 */
	uint32_t nsmall;             /* those below are in pools */
	uint32_t nlarge;             /* and those from here on have mappings */

	struct heap_pool *pools;
	uint32_t npools, cap_pools;
	uint64_t *bits;
	uint32_t nbits, cap_bits;

	struct heap_span *spans;
	uint32_t nspans;
	size_t cap_spans;
	struct heap_page *pages;
	uint32_t npages, cap_pages;
	uint32_t *units;             /* of each chunk in spans: its size / 16 */
	uint32_t nunits, cap_units;

	struct heap_large *larges;   /* ascending */
	uint32_t nlarges, nestimated;
	size_t cap_larges;

	/* Page of an address -> pool + 1, or CHUNKS | page. By GiB, made when
	 * needed. */
	uint32_t **map;
};

void heap_blocks_free(struct heap_blocks *blocks); /* works as a guard */

/*
 * Add a pool. `used` has a bit for each of its `slots` slots; NULL: all are
 * used. Pools come before chunks, ascending. False: impossible, or too many.
 */
bool heap_blocks_add_pool(struct heap_blocks *blocks, tm_addr at, uint32_t size,
			  uint32_t pool_size, uint32_t slots, const uint64_t *used);

/* Blocks of any size, from `at` on: a page of an allocator that keeps its own words
 * elsewhere. `tag` is what it says of them, see struct heap_piece. Among pools. */
bool heap_blocks_add_row(struct heap_blocks *blocks, tm_addr at, uint32_t size,
			 uint32_t slots, const uint64_t *used, uint8_t tag);
enum {
	HEAP_ROW_SLOTS = 8192,       /* at most, */
	HEAP_ROW_BYTES = 1 << 19,    /* and so many bytes */
};

/* Chunks of [start, end), which no pool and no other span shares a page with,
 * will be added, ascending. */
bool heap_blocks_add_span(struct heap_blocks *blocks, tm_addr start, tm_addr end);
/* `at`: the user's part. `size`: up to that of the next chunk. */
bool heap_blocks_add_chunk(struct heap_blocks *blocks, tm_addr at, uint64_t size);
bool heap_blocks_add_large(struct heap_blocks *blocks, tm_addr at, uint64_t size);
/* One that is too large for a row. */
bool heap_blocks_add_whole(struct heap_blocks *blocks, tm_addr at, uint64_t size,
			   uint8_t tag);
/* One whose allocator does not say how large it is. It ends where the next begins, at
 * most. More may be added when others have their numbers, which then change. */
bool heap_blocks_add_estimated(struct heap_blocks *blocks, tm_addr at, uint64_t size);
/* All chunks but those with mappings have been added: the following can be asked. */
void heap_blocks_settle(struct heap_blocks *blocks);
/* The size of a chunk that begins there; 0: none does. And remove it: it is on
 * a free list. */
uint64_t heap_blocks_chunk(const struct heap_blocks *blocks, tm_addr at);
bool heap_blocks_drop_chunk(struct heap_blocks *blocks, tm_addr at);
/* Has the page of this address a pool or chunks? */
bool heap_blocks_covers(const struct heap_blocks *blocks, tm_addr at);
/* Give the chunks their numbers. False: too many. */
bool heap_blocks_finish(struct heap_blocks *blocks);

/* The block that holds `at`: its number, 0: none. *ret_off: how far after its
 * start. */
uint32_t heap_blocks_find(const struct heap_blocks *blocks, tm_addr at,
			  uint64_t *ret_off);
tm_addr heap_blocks_address(const struct heap_blocks *blocks, uint32_t number);
/* What a block offers, without the allocator's own words. */
uint64_t heap_blocks_size(const struct heap_blocks *blocks, uint32_t number);
/* And how many bytes these words take. */
uint32_t heap_blocks_share(const struct heap_blocks *blocks, uint32_t number);
bool heap_blocks_estimated(const struct heap_blocks *blocks, uint32_t number);

/*
 * Who is after blocks that begin with certain bytes sees them while the allocators'
 * structures are read, and only those that can matter are read at all.
 */
enum { HEAP_HEAD = 64 };

struct heap_heads {
	uint64_t min;                /* smaller blocks are passed over */
	bool (*wants)(void *ctx, const char head[HEAP_HEAD]);
	/* One that was wanted, and is in use. */
	void (*take)(void *ctx, tm_addr at);
	void *ctx;
};

/* A piece of a block, or the whole. */
struct heap_piece {
	uint32_t number;
	tm_addr at;                  /* where the block begins, */
	uint64_t size;               /* and its size */
	uint64_t off;                /* of the piece */
	const char *bytes;
	size_t len;
	bool last;
	uint8_t tag;                 /* of the block: the heap it is of, where its allocator
					has several for different things; else 0 */
};

/*
 * All blocks in the order of their numbers, read by the mebibyte. Those that
 * are larger come in pieces; if `heads`, only their first page. What cannot be
 * read is zero; *ret_lost counts its bytes. `piece` returns false to end.
 */
bool heap_blocks_stream(const struct heap_blocks *blocks, struct tm_mem *mem,
			bool heads, bool (*piece)(void *ctx, const struct heap_piece *piece),
			void *ctx, uint64_t *ret_lost);

#endif
