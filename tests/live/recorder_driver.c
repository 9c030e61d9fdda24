/*
 * The recorder from a test's point of view:
 *
 *   recorder_driver start PID [NFRAME [SAMPLE_BYTES [MEMORY_LIMIT]]]
 *   recorder_driver status|clear|reset-peak|stop PID
 *   recorder_driver memory PID                 bytes of the table's parts
 *   recorder_driver sample PID [stopped]       one line per (size, stack)
 *   recorder_driver blocks PID [stopped]       one line per block: address size
 *   recorder_driver stacks PID                 ... and return addresses
 *   recorder_driver soak PID ROUNDS            start, sample, stop; again
 *
 * Frames are MODULE+0xOFFSET, oldest first.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/guard.h"
#include "inject/inject.h"
#include "target/maps.h"
#include "target/stop.h"
#include "trace/recorder_traces.h"

static struct tm_process process;
static struct tm_maps maps;

static int fail(const struct tm_err *err)
{
	fprintf(stderr, "%s: %s\n", err->object, err->cause);
	if (err->hint[0])
		fprintf(stderr, "  %s\n", err->hint);
	return err->kind == TM_ERR_NOT_TRACED ? 3 : 1;
}

static size_t module_frame(void *ctx, struct tm_builder *builder, tm_addr pc,
			   tm_id *ret, size_t max)
{
	const struct tm_region *region = tm_maps_find(&maps, (pc &= TM_PC_ADDRESS) - 1);
	const char *path = region && region->path[0] ? region->path : "?";
	struct tm_native_frame native = { .function = TM_ID_NONE };
	tm_addr base = region ? region->start - region->offset : 0;
	tm_id name = tm_builder_string(builder, path, strlen(path));

	(void)ctx, (void)max;
	native.module = tm_builder_module(builder, name, TM_ID_NONE);
	native.address = pc - base;
	ret[0] = tm_builder_native_frame(builder, name, 0, &native);
	return 1;
}

static struct tm_snapshot *take(struct tm_injection *in, bool stopped,
				uint64_t *ret_pause, struct tm_err *err)
{
	struct tm_recorder_copy copy = { 0 };
	struct tm_inject_sampled sampled = { 0 };
	struct tm_frame_source source = { .frames = module_frame };
	struct tm_builder *builder = tm_builder_create();
	struct tm_meta meta = { 0 };
	struct tm_snapshot *snapshot = NULL;
	tm_addr at;
	struct tm_mem *mem = tm_inject_table(in, &at);

	tm_maps_free(&maps);
	if (tm_inject_sample(in, stopped ? TM_INJECT_STOPPED : TM_INJECT_ONLY_BRIEFLY,
			     &copy, &sampled, err) &&
	    tm_maps_read(process.pid, &maps, err) &&
	    tm_recorder_build(&copy, mem, at, &source, builder, &meta, err))
		snapshot = tm_builder_finish(builder, &meta, err);
	else
		tm_builder_destroy(builder);
	tm_recorder_copy_free(&copy);
	*ret_pause = sampled.pause_ns;
	return snapshot;
}

static void print(const struct tm_snapshot *s)
{
	for (size_t i = 0; i < s->nrows; i++) {
		tm_id traceback = s->sites[s->rows[i].site].traceback;

		printf("%" PRIu64 " %u", s->rows[i].size, s->rows[i].count);
		for (uint32_t k = 0; k < s->tracebacks[traceback].nframe; k++) {
			struct tm_frame_view frame = tm_traceback_frame(s, traceback, k);

			printf(" %s+0x%" PRIx64, frame.filename.bytes, frame.address);
		}
		printf("\n");
	}
}

static int sample(struct tm_injection *in, bool stopped)
{
	struct tm_err err;
	uint64_t pause;
	struct tm_snapshot *s = take(in, stopped, &pause, &err);

	if (!s)
		return fail(&err);
	print(s);
	fprintf(stderr, "size=%" PRIu64 " count=%" PRIu64 " peak=%" PRIu64
		" dropped=%" PRIu64 " tracebacks=%zu pause_us=%" PRIu64 "\n",
		s->total_size, s->total_count, s->meta.traced_peak,
		s->meta.dropped, s->ntracebacks, pause / 1000);
	tm_snapshot_destroy(s);
	return 0;
}

static void print_stack(struct tm_mem *mem, tm_addr at)
{
	struct tm_recorder_stack head;
	uint64_t pcs[TM_RECORDER_MAX_FRAMES];
	struct tm_err err;

	if (!tm_mem_read(mem, at, &head, sizeof(head), &err) ||
	    head.n > TM_RECORDER_MAX_FRAMES ||
	    !tm_mem_read(mem, at + sizeof(head), pcs, head.n * 8u, &err))
		return;
	for (unsigned i = 0; i < head.n; i++)
		printf(" %" PRIx64, (uint64_t)(pcs[i] & TM_PC_ADDRESS));
}

static int blocks(struct tm_injection *in, bool stacks, bool stopped)
{
	tm_addr at;
	struct tm_mem *mem = tm_inject_table(in, &at);
	struct tm_recorder_copy copy = { 0 };
	struct tm_err err;

	if (!tm_inject_sample(in, stopped ? TM_INJECT_STOPPED : TM_INJECT_ONLY_BRIEFLY, &copy,
			      NULL, &err))
		return fail(&err);
	for (size_t i = 0; i < copy.nslots; i++) {
		printf("%" PRIx64 " %" PRIu64,
		       (uint64_t)(copy.slots[i].key & TM_SLOT_ADDRESS),
		       tm_slot_size(&copy.slots[i]));
		if (stacks)
			print_stack(mem, at + copy.table.stacks +
				    8ull * tm_slot_stack(&copy.slots[i]));
		printf("\n");
	}
	tm_recorder_copy_free(&copy);
	return 0;
}

static int status(struct tm_injection *in)
{
	struct tm_inject_status now;
	struct tm_err err;

	if (!tm_inject_status(in, &now, &err))
		return fail(&err);
	printf("nframe=%u sample=%" PRIu64 " current=%" PRIu64 " peak=%" PRIu64
	       " count=%" PRIu64 " dropped=%" PRIu64 " memory=%" PRIu64
	       " epoch=%" PRIu64 "\n", now.nframe, now.sample_bytes, now.current,
	       now.peak, now.count, now.dropped, now.tracer_memory, now.epoch);
	return 0;
}

/* What the shards hold, all their pages counted as touched, and the rest. */
static int memory(struct tm_injection *in)
{
	struct tm_recorder_copy copy = { 0 };
	struct tm_inject_status now;
	uint64_t slots = 0;
	struct tm_err err;

	if (!tm_inject_sample(in, TM_INJECT_STOPPED, &copy, NULL, &err) ||
	    !tm_inject_status(in, &now, &err))
		return fail(&err);
	for (int i = 0; i < TM_RECORDER_SHARDS; i++)
		if (copy.shards[i].log2) {
			const uint64_t n = (1ull << copy.shards[i].log2) + TM_SHARD_PAD;

			slots += ((n * sizeof(struct tm_recorder_slot) + 4095) & ~4095ull) + 4096;
			slots += ((n * sizeof(struct tm_recorder_side) + 4095) & ~4095ull) + 4096;
		}
	printf("count=%zu slots=%" PRIu64 " stacks=%" PRIu64 " unwind=%" PRIu64
	       " all=%" PRIu64 "\n", copy.nslots, slots, copy.table.stack_tail,
	       copy.table.unwind_tail - copy.table.unwind, now.tracer_memory);
	tm_recorder_copy_free(&copy);
	return 0;
}

/* Every stop has to leave nothing. */
static int soak(long rounds)
{
	struct tm_inject_opts opts = { .nframe = 16 };
	uint64_t pause, worst = 0, left_count = 0;
	struct tm_err err;

	for (long i = 0; i < rounds; i++) {
		struct tm_injection *in = tm_inject_start(&process, &opts, &err);
		struct tm_snapshot *s;
		bool left;

		if (!in)
			return fail(&err);
		s = take(in, i % 2 == 0, &pause, &err);
		if (!s) {
			tm_inject_close(in);
			return fail(&err);
		}
		tm_snapshot_destroy(s);
		worst = pause > worst ? pause : worst;
		if (!tm_inject_stop(in, &left, &err))
			return fail(&err);
		left_count += left;
	}
	printf("rounds=%ld left=%" PRIu64 " worst_pause_us=%" PRIu64 "\n", rounds,
	       left_count, worst / 1000);
	return left_count != 0;
}

static int act(struct tm_injection *in, const char *what, const char *how)
{
	const bool stopped = how && strcmp(how, "stopped") == 0;
	struct tm_err err;
	bool ok = true;

	if (strcmp(what, "status") == 0)
		return status(in);
	if (strcmp(what, "memory") == 0)
		return memory(in);
	if (strcmp(what, "sample") == 0)
		return sample(in, stopped);
	if (strcmp(what, "blocks") == 0 || strcmp(what, "stacks") == 0)
		return blocks(in, what[0] == 's', stopped);
	if (strcmp(what, "clear") == 0)
		ok = tm_inject_clear(in, &err);
	else if (strcmp(what, "reset-peak") == 0)
		ok = tm_inject_reset_peak(in, &err);
	else if (strcmp(what, "start") != 0)
		return 2;
	return ok ? 0 : fail(&err);
}

int main(int argc, char **argv)
{
	struct tm_inject_opts opts = { .nframe = 16 };
	struct tm_injection *in;
	struct tm_err err;
	bool left;
	int result;

	if (argc < 3)
		return 2;
	if (!tm_process_open(atoi(argv[2]), &process, &err))
		return fail(&err);
	if (strcmp(argv[1], "soak") == 0)
		return soak(argc > 3 ? atol(argv[3]) : 1);
	if (argc > 3)
		opts.nframe = (uint32_t)atoi(argv[3]);
	if (argc > 4)
		opts.sample_bytes = strtoull(argv[4], NULL, 0);
	if (argc > 5)
		opts.memory_limit = strtoull(argv[5], NULL, 0);
	in = strcmp(argv[1], "start") == 0
		? tm_inject_start(&process, &opts, &err)
		: tm_inject_find(&process, &err);
	if (!in)
		return fail(&err);
	if (strcmp(argv[1], "stop") == 0) {
		if (!tm_inject_stop(in, &left, &err))
			return fail(&err);
		printf("left=%d\n", left);
		return left;
	}
	result = act(in, argv[1], argc > 3 ? argv[3] : NULL);
	tm_inject_close(in);
	tm_maps_free(&maps);
	return result;
}
