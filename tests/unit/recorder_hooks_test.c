/*
 * The hooks of CPython's allocators: random calls through them, and what the table
 * should say.
 */
#include "recorder_hooks.h"

/* Debug hooks: the block starts 16 bytes behind the start of a larger one. */
enum { BEFORE = 16, AROUND = 24 };

static void *debug_malloc(void *ctx, size_t n)
{
	const struct allocator *a = ctx;
	char *p = a->malloc(a->ctx, n + AROUND);

	return p ? p + BEFORE : NULL;
}

static void *debug_calloc(void *ctx, size_t n, size_t size)
{
	const struct allocator *a = ctx;
	char *p = a->calloc(a->ctx, 1, n * size + AROUND);

	return p ? p + BEFORE : NULL;
}

static void *debug_realloc(void *ctx, void *block, size_t n)
{
	const struct allocator *a = ctx;
	char *p = block;

	p = a->realloc(a->ctx, p ? p - BEFORE : NULL, n + AROUND);
	return p ? p + BEFORE : NULL;
}

static void debug_free(void *ctx, void *block)
{
	const struct allocator *a = ctx;

	if (block)
		a->free(a->ctx, (char *)block - BEFORE);
}

static struct allocator beneath[TM_PY_DOMAINS];

static void use_debug_hooks(void)
{
	use_pymalloc();
	for (int i = 0; i < TM_PY_DOMAINS; i++) {
		beneath[i] = tables[i];
		tables[i] = (struct allocator){
			&beneath[i], debug_malloc, debug_calloc, debug_realloc, debug_free,
		};
	}
}

/* ---- random calls --------------------------------------------------------------- */

enum { N = 3000 };

struct live {
	void *p;
	size_t size;
	unsigned domain;
};

static struct live live[N];
static uint32_t seed;

static uint32_t draw(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

/* Mostly small; some large, some of no size. */
static size_t some_size(void)
{
	uint32_t x = draw();

	return x % 16 == 0 ? draw() % 40000 : x % 16 == 1 ? draw() % 3 : 1 + draw() % 560;
}

static void allocate(struct live *l)
{
	const struct allocator *a = &tables[l->domain = draw() % TM_PY_DOMAINS];
	size_t size = some_size();

	if (draw() % 4 == 0) {
		l->size = size / 8 * 8;
		l->p = a->calloc(a->ctx, size / 8, 8);
	} else {
		l->size = size;
		l->p = draw() % 4 ? a->malloc(a->ctx, size) : a->realloc(a->ctx, NULL, size);
	}
	if (l->p)
		memset(l->p, (int)((uintptr_t)l & 0xff), l->size);
}

static void move(struct live *l)
{
	const struct allocator *a = &tables[l->domain];
	size_t size = some_size(), kept = size < l->size ? size : l->size;
	unsigned char *p = a->realloc(a->ctx, l->p, size);

	if (!p)
		return;
	for (size_t i = 0; i < kept; i++)
		assert_int_equal(p[i], (uintptr_t)l & 0xff);
	memset(p, (int)((uintptr_t)l & 0xff), size);
	l->p = p;
	l->size = size;
}

static void give_back(struct live *l)
{
	const struct allocator *a = &tables[l->domain];

	a->free(a->ctx, l->p);
	l->p = NULL;
}

static void calls(unsigned n)
{
	while (n--) {
		struct live *l = &live[draw() % N];

		failing = draw() % 64 == 0;
		if (!l->p)
			allocate(l);
		else if (draw() % 3 == 0)
			move(l);
		else
			give_back(l);
	}
	failing = false;
}

static void give_all_back(void)
{
	for (int i = 0; i < N; i++)
		give_back(&live[i]);
}

/* Exactly the live blocks, or when sampling none that is not live. */
static void assert_table_is_right(bool sampled)
{
	uint64_t n = 0, sum = 0, of_all = 0;

	for (int i = 0; i < N; i++) {
		const struct tm_recorder_slot *slot = live[i].p ? known(live[i].p) : NULL;

		of_all += live[i].p != NULL;
		if (!slot)
			continue;
		n++;
		sum += live[i].size;
		assert_int_equal(tm_slot_size(slot), live[i].size ? live[i].size : sampled);
	}
	assert_int_equal(nknown(), n);
	assert_int_equal(table->dropped, 0);
	if (sampled)
		return;
	assert_int_equal(n, of_all);
	assert_int_equal(traced(), sum);
}

static void stays_right(bool sampled)
{
	for (int round = 0; round < 40; round++) {
		calls(5000);
		assert_table_is_right(sampled);
	}
	give_all_back();
	assert_int_equal(nknown(), 0);
	assert_int_equal(traced(), 0);
}

static void exact_over_pymalloc(void **state)
{
	(void)state;
	use_pymalloc();
	install(TM_PY_RECORD, 0, 0, TM_PY_SMALL);
	stays_right(false);
}

static void exact_over_malloc(void **state)
{
	(void)state;
	use_plain();
	install(TM_PY_RECORD, 0, 0, UINT64_MAX);
	stays_right(false);
}

static void exact_over_debug_hooks(void **state)
{
	(void)state;
	use_debug_hooks();
	install(TM_PY_RECORD, 0, TM_PY_NESTED, UINT64_MAX);
	stays_right(false);
}

static void promoted_over_pymalloc(void **state)
{
	(void)state;
	use_pymalloc();
	install(TM_PY_PROMOTE, 2000, 0, TM_PY_SMALL);
	stays_right(true);
}

static void sampled_over_malloc(void **state)
{
	(void)state;
	use_plain();
	install(TM_PY_RECORD, 2000, 0, UINT64_MAX);
	stays_right(true);
}

static void sampled_over_debug_hooks(void **state)
{
	(void)state;
	use_debug_hooks();
	install(TM_PY_RECORD, 2000, TM_PY_NESTED, UINT64_MAX);
	stays_right(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(exact_over_pymalloc),
		TEST(exact_over_malloc),
		TEST(exact_over_debug_hooks),
		TEST(promoted_over_pymalloc),
		TEST(sampled_over_malloc),
		TEST(sampled_over_debug_hooks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
