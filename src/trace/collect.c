#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/load.h"
#include "mem/window.h"
#include "trace/collected.h"

enum {
	ENTRY_SIZE_MAX = 64,
	TRACE_SIZE = 16,           /* trace_t: size, traceback */
	TRACE_SIZE_AT = 0,
	TRACE_TRACEBACK_AT = 8,
	BUCKETS_PIECE = TM_WINDOW / 8, /* buckets per read */
	MAX_DOMAINS = 1 << 20,
	PROGRESS_STEP = 1 << 18,   /* bytes between two reports */
	KEEP = 32 << 20,           /* bytes of pages kept at least, */
	KEEP_PER_TRACE = 32,       /* and for each trace, besides lists and row */
};

/* The walk over one table of traces. */
struct walk {
	struct tm_mem *mem;
	const struct py_runtime *runtime;
	const struct py_layout *layout;
	const struct tm_collect_opts *opts;
	struct tm_collected *out;
	struct tm_window window;
	uint64_t expected;         /* bytes that will be read, about */
	uint64_t reported;         /* of them, at the last report */

	struct py_table table;
	size_t entry_size;
	size_t trace_at;           /* of an inline trace_t in the entry */
	uint32_t domain;           /* of the table; inline keys may differ */

	tm_addr *addrs;            /* entries, later traces that remain */
	tm_addr *spare;
	size_t cap;

	struct tm_map later;       /* trace that remains -> its block in `blocks` */
	tm_addr *blocks;           /* if they are wanted */
	size_t nblocks, blocks_cap;

	struct collected_sites sites;
	uint64_t seen;
	uint64_t sum;
};

static bool corrupt(struct tm_err *err, const char *what, uint64_t saw,
		    uint64_t expected)
{
	return tm_err_set(err, TM_ERR_CORRUPT, "",
			  "the trace table contradicts itself: %s %" PRIu64
			  ", expected %" PRIu64, what, saw, expected);
}

static bool progress(struct walk *walk, struct tm_err *err)
{
	if (!walk->opts->progress ||
	    walk->window.fetched - walk->reported < PROGRESS_STEP)
		return true;
	walk->reported = walk->window.fetched;
	if (walk->opts->progress(walk->opts->progress_ctx, walk->window.fetched,
				 walk->expected))
		return true;
	return tm_err_os(err, EINTR, "", "given up");
}

static void take_trace(struct walk *walk, const char *trace, uint32_t domain, tm_addr block)
{
	const struct collected_trace taken = {
		.block = block,
		.size = tm_load_u64(trace, TRACE_SIZE_AT),
		.traceback = tm_load_u64(trace, TRACE_TRACEBACK_AT),
		.domain = domain,
	};

	walk->sum += taken.size;
	tm_collected_add(walk->out, &walk->sites, &taken);
}

/* ---- entries ------------------------------------------------------------- */

/* Put the non-NULL heads of all buckets into addrs. */
static bool read_heads(struct walk *walk, size_t *ret_n, struct tm_err *err)
{
	uint64_t left = walk->table.nbuckets, at = walk->table.buckets;
	tm_addr *piece = (tm_addr *)(void *)walk->window.scratch;
	size_t n = 0;

	while (left > 0) {
		size_t len = left < BUCKETS_PIECE ? (size_t)left : BUCKETS_PIECE;

		if (!tm_mem_read(walk->mem, at, piece, len * 8, err))
			return false;
		walk->window.fetched += len * 8;
		for (size_t i = 0; i < len; i++) {
			/* One head too many fits: the spare slot at the end. */
			walk->addrs[n] = piece[i];
			n += piece[i] != 0;
			if (n > walk->table.nentries)
				return corrupt(err, "entries at least", n,
					       walk->table.nentries);
		}
		at += len * 8;
		left -= len;
		if (!progress(walk, err))
			return false;
	}
	*ret_n = n;
	return true;
}

static uint64_t rotate_right_4(uint64_t x)
{
	return x >> 4 | x << 60;
}

/* hash_ptr of the block address; the domain of a 12-byte key is XORed in. */
static bool check_hash(const struct walk *walk, const char *entry,
		       struct tm_err *err)
{
	uint64_t key = tm_load_u64(entry, walk->layout->entry.key);
	uint64_t hash = rotate_right_4(key);

	if (walk->table.key_size == 12)
		hash ^= tm_load_u32(entry, walk->layout->entry.key + 8);
	if (hash == tm_load_u64(entry, walk->layout->entry.hash))
		return true;
	return tm_err_set(err, TM_ERR_CORRUPT, "",
			  "the trace table contradicts itself: wrong hash of block 0x%"
			  PRIx64, key);
}

static void take_inline(struct walk *walk, const char *entry)
{
	uint32_t domain = walk->domain;

	if (walk->table.key_size == 12)
		domain = tm_load_u32(entry, walk->layout->entry.key + 8);
	take_trace(walk, entry + walk->trace_at, domain,
		   tm_load_u64(entry, walk->layout->entry.key));
}

static void note_block(struct walk *walk, tm_addr trace, tm_addr block)
{
	if (!walk->opts->blocks)
		return;
	walk->blocks = tm_grow(walk->blocks, &walk->blocks_cap, walk->nblocks + 1,
			       sizeof(*walk->blocks));
	*tm_map_put(&walk->later, trace) = (uint32_t)walk->nblocks;
	walk->blocks[walk->nblocks++] = block;
}

static tm_addr noted_block(const struct walk *walk, tm_addr trace)
{
	return walk->blocks ? walk->blocks[tm_map_get(&walk->later, trace)] : 0;
}

/* trace_t and entry were allocated one after the other: mostly the trace
 * is in the window as well. Otherwise it is kept for later. */
static void take_pointer(struct walk *walk, const char *entry, size_t *npending)
{
	tm_addr at = tm_load_u64(entry, walk->layout->entry.value);
	tm_addr block = tm_load_u64(entry, walk->layout->entry.key);
	const char *trace = tm_window_get(&walk->window, at, TRACE_SIZE);

	if (trace) {
		take_trace(walk, trace, walk->domain, block);
	} else {
		walk->addrs[(*npending)++] = at;
		note_block(walk, at, block);
	}
}

/*
 * One round: the entries addrs[first, end) give their traces and the entries
 * that follow them in their chains. Pending traces collect at the front of addrs
 * (there is room: each took the place of an entry), the next entries in spare.
 */
static bool read_round(struct walk *walk, size_t first, size_t end,
		       size_t *npending, size_t *ret_nnext, struct tm_err *err)
{
	size_t nnext = 0;

	for (size_t i = first; i < end; i++) {
		const char *entry = tm_window_get(&walk->window, walk->addrs[i],
						  walk->entry_size);
		tm_addr next;

		if (!entry) {
			if (!progress(walk, err) ||
			    !tm_window_load(&walk->window, walk->addrs + i,
					    end - i, walk->entry_size, err))
				return false;
			entry = tm_window_get(&walk->window, walk->addrs[i],
					      walk->entry_size);
		}
		if (!check_hash(walk, entry, err))
			return false;
		next = tm_load_u64(entry, walk->layout->entry.next);
		walk->spare[nnext] = next;
		nnext += next != 0;
		if (walk->layout->traces == PY_TRACES_INLINE)
			take_inline(walk, entry);
		else
			take_pointer(walk, entry, npending);
	}
	*ret_nnext = nnext;
	return true;
}

static bool read_entries(struct walk *walk, size_t *npending, struct tm_err *err)
{
	size_t n = 0, first = 0;

	if (!read_heads(walk, &n, err))
		return false;
	while (n > 0) {
		walk->seen += n;
		if (walk->seen > walk->table.nentries)
			return corrupt(err, "entries at least", walk->seen,
				       walk->table.nentries);
		tm_sort_by_page(walk->addrs + first, walk->spare, n);
		walk->window.len = 0;
		if (!read_round(walk, first, first + n, npending, &n, err))
			return false;
		first = *npending;
		memcpy(walk->addrs + first, walk->spare, n * sizeof(*walk->addrs));
	}
	if (walk->seen != walk->table.nentries)
		return corrupt(err, "entries", walk->seen, walk->table.nentries);
	return true;
}

static bool read_pending(struct walk *walk, size_t n, struct tm_err *err)
{
	tm_sort_by_page(walk->addrs, walk->spare, n);
	walk->window.len = 0;
	for (size_t i = 0; i < n; i++) {
		const char *trace = tm_window_get(&walk->window, walk->addrs[i],
						  TRACE_SIZE);

		if (!trace) {
			if (!progress(walk, err) ||
			    !tm_window_load(&walk->window, walk->addrs + i,
					    n - i, TRACE_SIZE, err))
				return false;
			trace = tm_window_get(&walk->window, walk->addrs[i],
					      TRACE_SIZE);
		}
		take_trace(walk, trace, walk->domain, noted_block(walk, walk->addrs[i]));
	}
	return true;
}

/* ---- tables ---------------------------------------------------------------- */

static bool prepare(struct walk *walk, tm_addr table, uint32_t domain,
		    struct tm_err *err)
{
	uint64_t need;

	if (!py_table_read(walk->mem, walk->layout, table, &walk->table, err))
		return false;
	walk->domain = domain;
	walk->trace_at = walk->layout->entry.key + (size_t)walk->table.key_size;
	walk->entry_size = walk->layout->traces == PY_TRACES_INLINE
		? walk->trace_at + TRACE_SIZE : walk->layout->entry.value + 8u;
	if (walk->layout->traces == PY_TRACES_INLINE &&
	    (walk->table.data_size != TRACE_SIZE ||
	     (walk->table.key_size != 8 && walk->table.key_size != 12)))
		return corrupt(err, "key size", walk->table.key_size, 8);
	need = walk->table.nentries * walk->entry_size + walk->table.nbuckets * 8;
	if (need > walk->opts->writable_bytes)
		return corrupt(err, "bytes needed by the table", need,
			       walk->opts->writable_bytes);
	walk->expected += need;
	return true;
}

static void make_room(struct walk *walk)
{
	size_t n = (size_t)walk->table.nentries + 1;

	if (n > walk->cap) {
		walk->cap = n;
		free(walk->addrs);
		free(walk->spare);
		walk->addrs = tm_reallocarray(NULL, n, sizeof(*walk->addrs));
		walk->spare = tm_reallocarray(NULL, n, sizeof(*walk->spare));
	}
	tm_collected_reserve(walk->out, n, walk->opts->blocks);
}

/* Bytes of pages to keep: no more than the records can occupy. */
static size_t keep_limit(const struct walk *walk)
{
	size_t n = (size_t)walk->table.nentries;
	size_t limit = KEEP + KEEP_PER_TRACE * n;

	return n < limit / (4 * TM_PAGE) ? n * 4 * TM_PAGE : limit;
}

static bool read_table(struct walk *walk, tm_addr table, uint32_t domain,
		       struct tm_err *err)
{
	size_t npending = 0;

	if (!prepare(walk, table, domain, err))
		return false;
	make_room(walk);
	walk->seen = 0;
	tm_window_keep(&walk->window, keep_limit(walk));
	tm_collected_sites_begin(&walk->sites, domain);
	tm_map_free(&walk->later);
	walk->nblocks = 0;
	return read_entries(walk, &npending, err) &&
	       read_pending(walk, npending, err);
}

/* The tables of the other domains are the values of one more table. */
static bool read_domains(struct walk *walk, struct tm_err *err)
{
	const struct py_entry_layout *entry = &walk->layout->entry;
	struct py_table domains;
	uint64_t seen = 0;
	tm_addr at = 0;

	if (!walk->runtime->roots.domains)
		return true;
	if (!tm_mem_u64(walk->mem, walk->runtime->roots.domains, &at, err) ||
	    !py_table_read(walk->mem, walk->layout, at, &domains, err))
		return false;
	if (domains.nentries > MAX_DOMAINS || domains.nbuckets > MAX_DOMAINS * 8)
		return corrupt(err, "domains", domains.nentries, MAX_DOMAINS);
	for (uint64_t i = 0; i < domains.nbuckets && seen < domains.nentries; i++) {
		tm_addr item;

		if (!tm_mem_u64(walk->mem, domains.buckets + 8 * i, &item, err))
			return false;
		while (item && seen++ < domains.nentries) {
			tm_addr key, value;

			if (!tm_mem_u64(walk->mem, item + entry->key, &key, err) ||
			    !tm_mem_u64(walk->mem, item + entry->value, &value, err) ||
			    !tm_mem_u64(walk->mem, item + entry->next, &item, err) ||
			    !read_table(walk, value, (uint32_t)key, err))
				return false;
		}
	}
	if (seen != domains.nentries)
		return corrupt(err, "domains", seen, domains.nentries);
	return true;
}

static bool read_all(struct walk *walk, struct tm_err *err)
{
	uint64_t traced;
	tm_addr table;

	if (!tm_mem_u64(walk->mem, walk->runtime->roots.traces, &table, err) ||
	    !tm_mem_u64(walk->mem, walk->runtime->roots.traced, &traced, err) ||
	    !read_table(walk, table, 0, err) || !read_domains(walk, err))
		return false;
	if (walk->sum != traced)
		return corrupt(err, "sizes add up to", walk->sum, traced);
	return tm_collect_tracebacks(walk->mem, walk->runtime, walk->out, err);
}

struct tm_collected *tm_tracemalloc_collect(struct tm_mem *mem,
					    const struct py_runtime *runtime,
					    const struct tm_collect_opts *opts,
					    struct tm_err *err)
{
	struct walk walk = {
		.mem = mem, .runtime = runtime, .layout = runtime->layout,
		.opts = opts, .out = tm_calloc(1, sizeof(*walk.out)),
	};
	bool ok;

	walk.out->limit = opts->writable_bytes;
	tm_window_init(&walk.window, mem);
	ok = read_all(&walk, err);
	tm_window_free(&walk.window);
	tm_map_free(&walk.sites.ids);
	tm_map_free(&walk.later);
	free(walk.blocks);
	free(walk.addrs);
	free(walk.spare);
	if (!ok) {
		tm_collected_destroy(walk.out);
		return NULL;
	}
	return walk.out;
}
