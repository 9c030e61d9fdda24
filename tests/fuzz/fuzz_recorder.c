/*
 * The walk over the recorder's table, which stands in memory that its process
 * can write: a real table, made here by the recorder's own code, with lies put
 * over it. An input is a byte (1: as in a target that runs meanwhile) and lies of
 * 16 bytes each.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The recorder's own sources, under its own rules but for the head. */
#include "src/recorder/ages.c"
#include "src/recorder/arena.c"
#include "src/recorder/counters.c"
#include "src/recorder/sample.c"
#include "src/recorder/stack.c"
#include "src/recorder/shard.c"
#include "src/recorder/table.c"

#include "inject/private.h"
#include "trace/recorder_look.h"
#include "trace/recorder_modules.h"
#include "trace/recorder_traces.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#include "unit/recorder_image.h"

enum { LIMIT = 1 << 20, MAX_LIES = 64, BLOCKS = 500, AT = 0x10000000 };
/* Reads: those that wait for a lie to end would do so for a second. */
enum { LIES_END = 1500, MOST_CHANGED = 50 };

enum lie_where { HEAD, SHARD, THREAD, SLOT, STACK, LOADER, JOURNAL, NWHERE };

struct lie {
	uint16_t after;    /* reads */
	uint8_t where;     /* modulo NWHERE */
	uint8_t part;      /* which shard, thread, or arena */
	uint32_t word;     /* of 8 bytes, in that */
	uint64_t value;
};

struct liar {
	struct tm_mem mem;
	struct lie lies[MAX_LIES];
	uint64_t at[MAX_LIES]; /* offsets in the table */
	size_t n;
	uint64_t reads;
};

static uint64_t offset_of(const struct lie *lie)
{
	const struct tm_recorder_table *t = table();

	switch ((enum lie_where)(lie->where % NWHERE)) {
	case SHARD:
		return t->shards + lie->part * sizeof(struct tm_recorder_shard) +
		       lie->word % (sizeof(struct tm_recorder_shard) / 8) * 8;
	case THREAD:
		return t->threads + lie->part * sizeof(struct tm_recorder_thread) +
		       lie->word % (sizeof(struct tm_recorder_thread) / 8) * 8;
	case SLOT:
		return t->slots + lie->part * t->arena_size + lie->word % 4096 * 8;
	case STACK:
		return t->stacks + lie->word % 4096 * 8;
	case LOADER:
		return t->loader + (lie->part & 1 ? offsetof(struct tm_recorder_loader, modules) : 0) +
		       lie->word % 64 * 8;
	case JOURNAL:
		return t->journal + lie->word % 4096 * 8;
	case HEAD:
	case NWHERE:
		break;
	}
	return lie->word % (sizeof(*t) / 8) * 8;
}

/* Lay the lie's word over what was read of [at, at + len). */
static void lay_over(uint64_t where, uint64_t value, uint64_t at, char *buf,
		     size_t len)
{
	for (size_t i = 0; i < 8; i++)
		if (where + i >= at && where + i - at < len)
			buf[where + i - at] = (char)(value >> 8 * i);
}

static size_t liar_read(struct tm_mem *mem, tm_addr at, void *buf, size_t len)
{
	struct liar *liar = (struct liar *)mem;
	uint64_t from = at - AT;

	if (at < AT || from >= table()->size)
		return 0;
	if (len > table()->size - from)
		len = (size_t)(table()->size - from);
	memcpy(buf, (char *)table() + from, len);
	for (size_t i = 0; i < liar->n && liar->reads < LIES_END; i++)
		if (liar->lies[i].after <= liar->reads)
			lay_over(liar->at[i], liar->lies[i].value, from, buf, len);
	liar->reads++;
	return len;
}

static void liar_destroy(struct tm_mem *mem)
{
	(void)mem;
}

static const struct tm_mem_ops liar_ops = {
	.read = liar_read,
	.destroy = liar_destroy,
};

static size_t one_frame(void *ctx, struct tm_builder *builder, tm_addr pc,
			tm_id *ret, size_t max)
{
	struct tm_native_frame native = { .function = TM_ID_NONE,
					  .module = TM_ID_NONE };

	(void)ctx;
	(void)max;
	*ret = tm_builder_native_frame(builder, tm_builder_string(builder, "x", 1),
				       (uint32_t)pc, &native);
	return 1;
}

/* Whose is the code at any address? */
static void own(struct liar *liar, const struct tm_recorder_table *head)
{
	struct tm_recorder_modules modules = { 0 };
	struct tm_err err = { 0 };
	size_t number;

	if (!tm_recorder_modules_read(&liar->mem, AT, head, &modules, &err)) {
		if (err.kind == TM_ERR_NONE || !err.cause[0])
			abort();
		return;
	}
	for (uint64_t i = 0; i < 64; i++) {
		uint64_t word = (i * 0x9e3779b97f4a7c15u) >> (i & 1 ? 1 : 17);

		if (tm_recorder_owner(&modules, word, &number) == TM_OWNER_MODULE &&
		    (number == 0 || number > modules.n || !modules.names[number]))
			abort();
	}
	tm_recorder_modules_free(&modules);
}

/* Blocks go, or are back (n < 0). */
static void change(int n)
{
	static struct block gone[MOST_CHANGED];

	for (int i = 0; i < n; i++)
		table_remove(0x7f0000000000 + (uint64_t)i * 4096, &gone[i]);
	for (int i = 0; i < -n; i++)
		table_insert(&gone[i], thread_slot());
}

/* As it is done in a target that runs. */
static bool look_at_it(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
		       struct tm_err *err)
{
	bool ok;

	table()->journal_room = table()->journal_size;
	table()->journal_tail = 0;
	table()->look = ++table()->looks;
	ok = tm_recorder_look_begin(copy, mem, at, err);
	change(MOST_CHANGED);
	for (uint32_t i = 0; ok && i < TM_RECORDER_SHARDS; i++)
		ok = tm_recorder_look_shard(copy, mem, at, i, err);
	ok = ok && tm_recorder_look_changes(copy, mem, at, err);
	table()->look = 0;
	change(-MOST_CHANGED);
	ok = ok && tm_recorder_look_rests(&copy->table, mem, at, err);
	if (ok)
		tm_recorder_look_end(copy);
	return ok;
}

static void walk(struct liar *liar, bool runs)
{
	static const struct tm_frame_source source = { .frames = one_frame };
	struct tm_recorder_copy *copy = calloc(1, sizeof(*copy));
	struct tm_builder *builder = tm_builder_create();
	struct tm_snapshot *snapshot = NULL;
	struct tm_meta meta = { 0 };
	struct tm_err err = { 0 };

	if ((runs ? look_at_it : tm_recorder_copy_take)(copy, &liar->mem, AT, &err) &&
	    tm_recorder_build(copy, &liar->mem, AT, &source, builder, &meta, &err))
		snapshot = tm_builder_finish(builder, &meta, &err);
	else
		tm_builder_destroy(builder);
	if (tm_recorder_copy_take(copy, &liar->mem, AT, &err))
		own(liar, &copy->table);
	if (!snapshot && (err.kind == TM_ERR_NONE || !err.cause[0]))
		abort();
	if (liar->n == 0 && (!snapshot || snapshot->total_count != BLOCKS))
		abort();
	tm_snapshot_destroy(snapshot);
	tm_recorder_copy_free(copy);
	free(copy);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct liar liar;

	if (size == 0)
		return 0;
	liar = (struct liar){
		.mem.ops = &liar_ops, .n = (size - 1) / sizeof(struct lie),
	};
	if (liar.n > MAX_LIES)
		liar.n = MAX_LIES;
	memcpy(liar.lies, data + 1, liar.n * sizeof(struct lie));
	for (size_t i = 0; i < liar.n; i++)
		liar.at[i] = offset_of(&liar.lies[i]);
	walk(&liar, data[0] == 1);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct tm_recorder_table layout = { 0 };

	(void)argc;
	(void)argv;
	inject_layout(&layout, LIMIT);
	image.table = (uint64_t)mmap(NULL, layout.size, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (image.table == (uint64_t)MAP_FAILED)
		return 1;
	*table() = layout;
	loader()->nmodules = loader()->ninitial = 2;
	for (int i = 1; i <= 2; i++)
		loader()->modules[i] = (struct tm_recorder_loaded){
			.start = 0x1000u * (unsigned)i, .end = 0x1000u * (unsigned)i + 0x100,
			.state = TM_LOADED_HERE, .name = layout.loader + sizeof(struct tm_recorder_loader),
		};
	memcpy(table_at(layout.loader + sizeof(struct tm_recorder_loader)), "/a", 3);
	for (uint64_t i = 0; i < BLOCKS; i++) {
		uint64_t pcs[] = { 0x1000 + i % 7, 0x2000 + i % 11, 0x3000 };
		struct block block = { 0x7f0000000000 + i * 4096, 8 + i % 90,
				       stack_intern(pcs, 1 + i % 3, i & 1, 0), 0 };

		table_insert(&block, thread_slot());
	}
	return 0;
}
