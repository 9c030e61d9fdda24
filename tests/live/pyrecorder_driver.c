/*
 * What the recorder in a CPython knows of single objects:
 *
 *	pyrecorder_driver PID < IDS
 *
 * One line for each id(): "-" if its block is not known, else SIZE and then
 * LINE FILE of each frame, oldest first, with tabs between. A last line, "all", has
 * how many blocks there are and how many bytes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/map.h"
#include "inject/inject.h"
#include "py/object.h"
#include "target/maps.h"
#include "trace/recorder_traces.h"

struct blocks {
	struct tm_mem *mem;
	struct py_runtime runtime;
	struct tm_recorder_copy copy;
	uint64_t *sizes;        /* of the slots, which stand for themselves now */
	struct tm_map slots;    /* address -> slot */
	struct tm_map sites;    /* slot -> site */
	struct tm_snapshot *snapshot;
};

static int fail(const struct tm_err *err)
{
	fprintf(stderr, "%s: %s\n  %s\n", err->object, err->cause, err->hint);
	return 1;
}

static size_t no_frame(void *ctx, struct tm_builder *builder, tm_addr pc, tm_id *ret,
		       size_t max)
{
	(void)ctx, (void)pc, (void)max;
	*ret = tm_builder_frame(builder, tm_builder_string(builder, "native", 6), 0);
	return 1;
}

/* A row for each slot: its number is its size. */
static void number(struct blocks *b)
{
	b->sizes = tm_calloc(b->copy.nslots + 1, sizeof(*b->sizes));
	for (size_t i = 0; i < b->copy.nslots; i++) {
		struct tm_recorder_slot *slot = &b->copy.slots[i];

		b->sizes[i] = tm_slot_size(slot);
		slot->key &= TM_SLOT_ADDRESS;
		slot->value = (slot->value & ~(uint64_t)UINT32_MAX) | i;
		*tm_map_put(&b->slots, slot->key) = (uint32_t)i;
	}
	b->copy.table.sample_bytes = 0;
}

static bool read_all(struct blocks *b, struct tm_injection *in, struct tm_err *err)
{
	struct tm_frame_source source = {
		.frames = no_frame, .lines = b->runtime.layout->stack.lines,
	};
	struct tm_builder *builder = tm_builder_create();
	struct tm_meta meta = { 0 };
	tm_addr at;
	struct tm_mem *table = tm_inject_table(in, &at);

	if (!tm_inject_sample(in, TM_INJECT_BRIEFLY, &b->copy, NULL, err))
		return false;
	number(b);
	if (!tm_recorder_build(&b->copy, table, at, &source, builder, &meta, err))
		return false;
	b->snapshot = tm_builder_finish(builder, &meta, err);
	for (size_t i = 0; b->snapshot && i < b->snapshot->nrows; i++)
		*tm_map_put(&b->sites, b->snapshot->rows[i].size) = b->snapshot->rows[i].site;
	return b->snapshot != NULL;
}

static void print_object(const struct blocks *b, tm_addr object)
{
	tm_addr block;
	uint32_t slot = TM_MAP_NONE, site;
	const struct tm_traceback *traceback;

	if (py_object_block(b->mem, &b->runtime, object, &block))
		slot = tm_map_get(&b->slots, block);
	if (slot == TM_MAP_NONE) {
		puts("-");
		return;
	}
	site = tm_map_get(&b->sites, slot);
	traceback = &b->snapshot->tracebacks[b->snapshot->sites[site].traceback];
	printf("%" PRIu64, b->sizes[slot]);
	for (uint32_t i = 0; i < traceback->nframe; i++) {
		struct tm_frame_view frame = tm_traceback_frame(b->snapshot,
			b->snapshot->sites[site].traceback, i);

		printf("\t%u %s", frame.lineno, frame.filename.bytes);
	}
	puts("");
}

int main(int argc, char **argv)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct blocks *b = tm_calloc(1, sizeof(*b));
	struct tm_process process;
	struct tm_injection *in;
	struct tm_err err;
	uint64_t id, bytes = 0;

	if (argc != 2)
		return 2;
	if (!tm_process_open(atoi(argv[1]), &process, &err) ||
	    !(b->mem = tm_mem_proc(process.pid, &err)) ||
	    !tm_maps_read(process.pid, &maps, &err) ||
	    !py_runtime_find(b->mem, &maps, process.pid, &b->runtime, &err) ||
	    !(in = tm_inject_find(&process, &err)) || !read_all(b, in, &err))
		return fail(&err);
	while (scanf("%" SCNu64, &id) == 1)
		print_object(b, id);
	for (size_t i = 0; i < b->copy.nslots; i++)
		bytes += b->sizes[i];
	printf("all %zu %" PRIu64 "\n", b->copy.nslots, bytes);
	return 0;
}
