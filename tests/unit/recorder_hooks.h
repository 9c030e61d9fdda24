/*
 * The hooks of CPython's allocators, in the image that targets get, mapped here;
 * beneath them allocators that call each other as CPython's do.
 */
#ifndef TM_RECORDER_HOOKS_H
#define TM_RECORDER_HOOKS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "inject/private.h"
#include "inject/recorder_image.h"

enum { LIMIT = 256 << 20, PAGE = 4096, POOL = 64 << 20 };

/* ---- CPython's allocators --------------------------------------------------------- */

struct allocator {
	void *ctx;
	void *(*malloc)(void *ctx, size_t n);
	void *(*calloc)(void *ctx, size_t n, size_t size);
	void *(*realloc)(void *ctx, void *p, size_t n);
	void (*free)(void *ctx, void *p);
};

static struct allocator tables[TM_PY_DOMAINS];
static bool failing; /* memory has run out */

static void *raw_malloc(void *ctx, size_t n)
{
	(void)ctx;
	return failing ? NULL : malloc(n ? n : 1);
}

static void *raw_calloc(void *ctx, size_t n, size_t size)
{
	(void)ctx;
	return failing ? NULL : n && size ? calloc(n, size) : calloc(1, 1);
}

static void *raw_realloc(void *ctx, void *p, size_t n)
{
	(void)ctx;
	return failing ? NULL : realloc(p, n ? n : 1);
}

static void raw_free(void *ctx, void *p)
{
	(void)ctx;
	free(p);
}

/* pymalloc: size classes of 16 bytes to 512; all else is raw's. */
static char *pool;
static size_t pool_used;
static void *freed[TM_PY_SMALL / 16];
static uint16_t class_of[POOL / 16];

static bool in_pool(const void *p)
{
	return (size_t)((const char *)p - pool) < POOL;
}

static uint16_t *class_at(const void *p)
{
	return &class_of[(size_t)((const char *)p - pool) / 16];
}

static void *py_malloc(void *ctx, size_t n)
{
	size_t class = (n - 1) / 16;
	void *p;

	if (n == 0 || n > TM_PY_SMALL)
		return tables[TM_PY_RAW].malloc(tables[TM_PY_RAW].ctx, n);
	assert_null(ctx);
	p = freed[class];
	if (p) {
		freed[class] = *(void **)p;
		return p;
	}
	p = pool + pool_used;
	pool_used += (class + 1) * 16;
	assert_true(pool_used <= POOL);
	*class_at(p) = (uint16_t)class;
	return p;
}

static void *py_calloc(void *ctx, size_t n, size_t size)
{
	void *p;

	if (n * size == 0 || n * size > TM_PY_SMALL)
		return tables[TM_PY_RAW].calloc(tables[TM_PY_RAW].ctx, n, size);
	p = py_malloc(ctx, n * size);
	return memset(p, 0, n * size);
}

static void py_free(void *ctx, void *p)
{
	(void)ctx;
	if (p && !in_pool(p)) {
		tables[TM_PY_RAW].free(tables[TM_PY_RAW].ctx, p);
	} else if (p) {
		*(void **)p = freed[*class_at(p)];
		freed[*class_at(p)] = p;
	}
}

static void *py_realloc(void *ctx, void *p, size_t n)
{
	size_t size;
	void *other;

	if (!p)
		return py_malloc(ctx, n);
	if (!in_pool(p))
		return tables[TM_PY_RAW].realloc(tables[TM_PY_RAW].ctx, p, n);
	size = (*class_at(p) + 1u) * 16;
	if (n <= size && 4 * n > 3 * size)
		return p;
	other = py_malloc(ctx, n);
	if (!other)
		return NULL;
	memcpy(other, p, n < size ? n : size);
	py_free(ctx, p);
	return other;
}

static const struct allocator plain = { NULL, raw_malloc, raw_calloc, raw_realloc, raw_free };
static const struct allocator pymalloc = { NULL, py_malloc, py_calloc, py_realloc, py_free };

static void use_pymalloc(void)
{
	tables[TM_PY_RAW] = plain;
	tables[TM_PY_MEM] = tables[TM_PY_OBJ] = pymalloc;
}

static void use_plain(void)
{
	tables[TM_PY_RAW] = tables[TM_PY_MEM] = tables[TM_PY_OBJ] = plain;
}

/* ---- the recorder ------------------------------------------------------------------- */

static struct tm_recorder_code *head;
static struct tm_recorder_table *table;
static struct tm_recorder_gate *gate;

static size_t code_size(void)
{
	return (tm_recorder_image_size + PAGE - 1) / PAGE * PAGE;
}

static void map_image(void)
{
	char *code = mmap(NULL, code_size() + PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(code != MAP_FAILED);
	memcpy(code, tm_recorder_image, tm_recorder_image_size);
	head = (struct tm_recorder_code *)code;
	gate = (struct tm_recorder_gate *)(code + code_size());
	head->gate = (uint64_t)gate;
	assert_int_equal(madvise(gate, PAGE, MADV_WIPEONFORK), 0);
}

static void map_table(void)
{
	struct tm_recorder_table layout = { 0 };

	inject_layout(&layout, LIMIT);
	layout.nframe = 1;
	layout.epoch = 1;
	table = mmap(NULL, layout.size, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(table != MAP_FAILED);
	assert_int_equal(madvise(table, layout.size, MADV_DONTFORK), 0);
	*table = layout;
	head->table = (uint64_t)table;
	head->table_size = layout.size;
}

static uint64_t tracer_word;

/* The words of a table, as tm_py_word() numbers them, and the one behind them. */
static uint64_t *word_at(unsigned i)
{
	return i == TM_PY_TRACER ? &tracer_word :
	       (uint64_t *)&tables[i / TM_PY_FUNCTIONS] + 1 + i % TM_PY_FUNCTIONS;
}

static void install(enum tm_recorder_py_set set, uint64_t sample, uint32_t flags,
		    uint64_t most)
{
	map_image();
	map_table();
	table->sample_bytes = sample;
	table->seed = 0x5eed;
	table->python.set = set;
	table->python.flags = flags;
	for (unsigned i = 0; i < TM_PY_WORDS; i++) {
		struct tm_recorder_py_word *word = &head->py_words[i];

		word->original = *word_at(i);
		word->most = i < TM_PY_FUNCTIONS ? UINT64_MAX : most;
		if (tm_recorder_py_hooks[set][i])
			word->ours = (uint64_t)head + tm_recorder_py_hooks[set][i];
	}
	assert_int_equal(mprotect(head, code_size(), PROT_READ | PROT_EXEC), 0);
	for (unsigned i = 0; i < TM_PY_WORDS; i++)
		if (head->py_words[i].ours)
			*word_at(i) = head->py_words[i].ours;
	gate->enabled = 1;
}

static int begin(void **state)
{
	(void)state;
	pool = mmap(NULL, POOL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pool_used = 0;
	memset(freed, 0, sizeof(freed));
	failing = false;
	return pool == MAP_FAILED ? -1 : 0;
}

static int end(void **state)
{
	(void)state;
	munmap(table, head->table_size);
	munmap(head, code_size() + PAGE);
	return munmap(pool, POOL);
}

/* The block in the table; NULL if there is none. */
static const struct tm_recorder_slot *known(const void *p)
{
	uint64_t hash = tm_recorder_hash((uint64_t)p);
	uint32_t of = tm_recorder_shard_of((uint64_t)p, hash, table->region_mask);
	const struct tm_recorder_shard *shard =
		(const struct tm_recorder_shard *)((char *)table + table->shards) + of;
	const struct tm_recorder_slot *slots = (const struct tm_recorder_slot *)
		((char *)table + table->slots + of * table->arena_size);
	uint64_t i = tm_recorder_home(hash, shard->log2);

	for (; shard->log2 && slots[i].key; i++)
		if ((slots[i].key & TM_SLOT_ADDRESS) == (uint64_t)p)
			return &slots[i];
	return NULL;
}

static uint64_t nknown(void)
{
	const struct tm_recorder_shard *shards = (void *)((char *)table + table->shards);
	uint64_t n = 0;

	for (int i = 0; i < TM_RECORDER_SHARDS; i++)
		n += shards[i].live;
	return n;
}

static int64_t traced(void)
{
	return tm_recorder_current(table, (void *)((char *)table + table->threads));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
