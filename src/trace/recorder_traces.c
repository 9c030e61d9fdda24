#include "trace/recorder_traces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/map.h"
#include "trace/recorder_codes.h"
#include "trace/recorder_groups.h"
#include "trace/recorder_maps.h"

_Static_assert((int)TM_RECORDER_C_DOMAIN == (int)TM_DOMAIN_C, "domains are handed on");
_Static_assert((int)TM_RECORDER_MAPS_DOMAIN == (int)TM_DOMAIN_MAPS, "the same");

enum {
	CHUNK = 1 << 20,  /* of the stack area, read at once */
	MAX_INLINED = 64, /* frames of one address */
	UNKNOWN_STACK = 0,
};

/* ---- stacks -------------------------------------------------------------------- */

struct build {
	const struct tm_recorder_copy *copy;
	struct tm_mem *mem;
	tm_addr stacks;             /* address of the area */
	uint64_t tail;              /* its bytes in use */
	struct tm_map chunk_ids;    /* number of a chunk -> index into chunks */
	char **chunks;
	size_t nchunks, chunks_cap;
	const struct tm_frame_source *source;
	struct tm_builder *builder;
	struct tm_recorder_codes codes;
	struct tm_map places;       /* stack id, thread -> index into sites */
	struct tm_site *sites;      /* what they have in common, of any age */
	size_t nsites, sites_cap;
	struct tm_map threads;      /* serial -> string id */
	struct tm_map pcs;          /* address -> index into runs */
	struct run { size_t first, n; } *runs; /* frames of an address */
	size_t nruns, runs_cap;
	tm_id *ids;
	size_t nids, ids_cap;
	tm_id *trace;               /* frames of one traceback */
	size_t trace_cap;
};

/* One chunk of the stack area, read when it is first asked for. */
static const char *chunk_of(struct build *b, uint64_t number, struct tm_err *err)
{
	uint64_t start = number * CHUNK;
	uint64_t left = b->tail - start;
	uint32_t *at = tm_map_put(&b->chunk_ids, number);

	if (*at != TM_MAP_NONE)
		return b->chunks[*at];
	b->chunks = tm_grow(b->chunks, &b->chunks_cap, b->nchunks + 1,
			    sizeof(*b->chunks));
	b->chunks[b->nchunks] = tm_malloc(CHUNK);
	*at = (uint32_t)b->nchunks++;
	return tm_mem_read(b->mem, b->stacks + start, b->chunks[*at],
			   left < CHUNK ? left : CHUNK, err)
		? b->chunks[*at] : NULL;
}

static bool stack_bytes(struct build *b, uint64_t at, void *buf, size_t len,
			struct tm_err *err)
{
	char *to = buf;

	if (!tm_recorder_inside(at, len, b->tail))
		return tm_recorder_damaged(err);
	while (len > 0) {
		const char *chunk = chunk_of(b, at / CHUNK, err);
		size_t off = at % CHUNK;
		size_t part = len < CHUNK - off ? len : CHUNK - off;

		if (!chunk)
			return false;
		memcpy(to, chunk + off, part);
		to += part;
		at += part;
		len -= part;
	}
	return true;
}

/* The frames of one word of a stack: code, or one of Python. */
static bool resolve(struct build *b, uint64_t pc, tm_id *ret, size_t *ret_n,
		    struct tm_err *err)
{
	if (pc & TM_PY_FRAME) {
		*ret_n = 1;
		return tm_recorder_codes_frame(&b->codes, b->builder, pc, ret, err);
	}
	*ret_n = b->source->frames(b->source->ctx, b->builder, pc, ret, MAX_INLINED);
	return true;
}

static const struct run *frames_of(struct build *b, uint64_t pc, struct tm_err *err)
{
	uint32_t *at = tm_map_put(&b->pcs, pc);
	struct run *run;

	if (*at != TM_MAP_NONE)
		return &b->runs[*at];
	*at = (uint32_t)b->nruns;
	b->runs = tm_grow(b->runs, &b->runs_cap, b->nruns + 1, sizeof(*b->runs));
	b->ids = tm_grow(b->ids, &b->ids_cap, b->nids + MAX_INLINED, sizeof(*b->ids));
	run = &b->runs[b->nruns++];
	run->first = b->nids;
	if (!resolve(b, pc, b->ids + b->nids, &run->n, err))
		return NULL;
	b->nids += run->n;
	return run;
}

/* A frame that is none: its name says why. */
static tm_id named_frame(struct build *b, const char *name, bool is_native)
{
	struct tm_native_frame native = { .function = TM_ID_NONE,
					  .module = TM_ID_NONE };
	tm_id filename = tm_builder_string(b->builder, name, strlen(name));

	return is_native ? tm_builder_native_frame(b->builder, filename, 0, &native)
			 : tm_builder_frame(b->builder, filename, 0);
}

static void add_named(struct build *b, const char *name, bool is_native, size_t *ntrace)
{
	b->trace = tm_grow(b->trace, &b->trace_cap, *ntrace + 1, sizeof(*b->trace));
	b->trace[(*ntrace)++] = named_frame(b, name, is_native);
}

/* Does a stack that ends early lack anything? main() and the C library's code that
 * calls it need not be there. */
static bool lacks_frames(const struct build *b, const uint64_t *pcs, uint32_t n)
{
	enum { LAST = 2 };

	for (uint32_t i = 0; b->source->begins && i < LAST && i < n; i++)
		if (!(pcs[n - 1 - i] & TM_PY_FRAME) &&
		    b->source->begins(b->source->ctx, pcs[n - 1 - i]))
			return false;
	return n > 0;
}

static bool traceback(struct build *b, const uint64_t *pcs, uint32_t n, bool cut,
		      tm_id *ret, struct tm_err *err)
{
	size_t ntrace = 0;

	if (cut && lacks_frames(b, pcs, n))
		add_named(b, TM_CUT_FRAME, true, &ntrace);
	for (uint32_t i = n; i-- > 0;) {
		const struct run *run = frames_of(b, pcs[i], err);

		if (!run)
			return false;
		b->trace = tm_grow(b->trace, &b->trace_cap, ntrace + run->n + 1,
				   sizeof(*b->trace));
		memcpy(b->trace + ntrace, b->ids + run->first,
		       run->n * sizeof(*b->trace));
		ntrace += run->n;
	}
	/* tracemalloc's name for a frame of which nothing is known. */
	if (ntrace == 0)
		add_named(b, "<unknown>", !tm_recorder_is_python(&b->copy->table), &ntrace);
	*ret = tm_builder_traceback(b->builder, b->trace, (uint32_t)ntrace,
				    TM_TOTAL_NFRAME_NONE);
	return true;
}

static tm_id thread_of(struct build *b, uint32_t serial)
{
	TM_GUARD(tm_buf_free) struct tm_buf name = { 0 };
	uint32_t *at = tm_map_put(&b->threads, serial);

	if (*at != TM_MAP_NONE)
		return *at;
	if (!serial)
		tm_buf_adds(&name, "<unknown>");
	else if (!b->source->thread || !b->source->thread(b->source->thread_ctx, serial, &name))
		tm_buf_addf(&name, "thread %u", serial);
	*at = tm_builder_string(b->builder, name.data, name.len);
	return *at;
}

/* In place of a thread: which one maps is not kept. */
#define OF_MAPPINGS UINT32_MAX

static bool read_site(struct build *b, uint32_t stack, uint32_t thread,
		      struct tm_site *ret, struct tm_err *err)
{
	struct tm_recorder_stack head = {
		.domain = thread == OF_MAPPINGS ? TM_DOMAIN_MAPS : b->copy->table.domain,
	};
	uint64_t pcs[TM_RECORDER_MAX_FRAMES];

	if (stack != UNKNOWN_STACK &&
	    !stack_bytes(b, (uint64_t)stack * 8, &head, sizeof(head), err))
		return false;
	if (head.n > TM_RECORDER_MAX_FRAMES)
		return tm_recorder_damaged(err);
	if (!stack_bytes(b, (uint64_t)stack * 8 + sizeof(head), pcs,
			 head.n * sizeof(*pcs), err) ||
	    !traceback(b, pcs, head.n, head.more == TM_STACK_CUT, &ret->traceback, err))
		return false;
	ret->domain = head.domain;
	ret->thread = thread_of(b, thread == OF_MAPPINGS ? 0 : thread);
	return true;
}

static bool site_of(struct build *b, uint32_t stack, uint32_t thread, uint32_t age,
		    tm_id *ret, struct tm_err *err)
{
	uint32_t *at = tm_map_put(&b->places, (uint64_t)stack << 32 | thread);
	const struct tm_site *site;

	if (*at == TM_MAP_NONE) {
		*at = (uint32_t)b->nsites;
		b->sites = tm_grow(b->sites, &b->sites_cap, b->nsites + 1, sizeof(*b->sites));
		if (!read_site(b, stack, thread, &b->sites[b->nsites++], err))
			return false;
	}
	site = &b->sites[*at];
	*ret = tm_builder_aged_site(b->builder, site->traceback, site->domain, site->thread, age);
	return true;
}

/* ---- rows ------------------------------------------------------------------------ */

static bool add_rows(struct build *b, const struct tm_recorder_group *groups, size_t n,
		     struct tm_meta *meta, struct tm_err *err)
{
	enum { BATCH = 1024 };
	struct tm_row rows[BATCH];
	size_t nrows = 0;

	for (size_t i = 0; i < n; i++) {
		if (groups[i].count == 0)
			continue;
		rows[nrows] = (struct tm_row){ .size = groups[i].size,
					       .count = groups[i].count };
		if (!site_of(b, groups[i].stack, groups[i].thread, groups[i].age,
			     &rows[nrows].site, err))
			return false;
		meta->traced_current += groups[i].size * groups[i].count;
		if (++nrows == BATCH) {
			tm_builder_rows(b->builder, rows, nrows);
			nrows = 0;
		}
	}
	tm_builder_rows(b->builder, rows, nrows);
	return true;
}

/* They are none of the traced bytes, which are what was allocated. */
static bool add_mappings(struct build *b, struct tm_err *err)
{
	const struct tm_recorder_copy *copy = b->copy;

	for (size_t i = 0; i < copy->nmappings; i++) {
		const struct tm_recorder_mapped *m = &copy->mappings[i];
		struct tm_row row = { .size = m->size, .count = 1 };

		if (!site_of(b, m->stack, OF_MAPPINGS, m->age, &row.site, err))
			return false;
		tm_builder_rows(b->builder, &row, 1);
	}
	return true;
}

static void peak(const struct tm_recorder_copy *copy, struct tm_meta *meta)
{
	int64_t best = tm_recorder_peak(&copy->table, copy->threads);

	meta->traced_peak = meta->traced_current;
	if (best > 0 && (uint64_t)best > meta->traced_peak)
		meta->traced_peak = (uint64_t)best;
}

static void build_free(struct build *b)
{
	for (size_t i = 0; i < b->nchunks; i++)
		free(b->chunks[i]);
	free(b->chunks);
	tm_map_free(&b->chunk_ids);
	free(b->runs);
	free(b->ids);
	free(b->trace);
	tm_recorder_codes_free(&b->codes);
	tm_map_free(&b->places);
	free(b->sites);
	tm_map_free(&b->threads);
	tm_map_free(&b->pcs);
}

bool tm_recorder_build(const struct tm_recorder_copy *copy, struct tm_mem *mem,
		       tm_addr at, const struct tm_frame_source *source,
		       struct tm_builder *builder, struct tm_meta *meta,
		       struct tm_err *err)
{
	struct build b = { .copy = copy, .mem = mem, .source = source,
			   .builder = builder };
	TM_GUARD(tm_free_ptr) struct tm_recorder_group *groups = NULL;
	/* The target may have continued: stacks of the copy are all below. */
	uint64_t tail = copy->table.stack_tail;
	size_t n;
	bool ok;

	tm_recorder_codes_begin(&b.codes, mem, at, &copy->table, source->lines);
	b.stacks = at + copy->table.stacks;
	b.tail = tail < copy->table.stacks_size ? tail : copy->table.stacks_size;
	tm_builder_has_threads(builder);
	groups = tm_recorder_group(copy, &n);
	meta->traceback_limit = copy->table.nframe;
	meta->sample_bytes = copy->table.sample_bytes;
	meta->dropped = copy->table.dropped;
	meta->traced_current = 0;
	if (meta->sample_bytes)
		tm_recorder_estimate(groups, n, meta->sample_bytes);
	ok = add_rows(&b, groups, n, meta, err) && add_mappings(&b, err);
	peak(copy, meta);
	build_free(&b);
	return ok;
}
