/*
 * The hooks of CPython's allocators: which blocks they take, and what they leave
 * as it was.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sys/wait.h>

#include "recorder_hooks.h"

enum { MEAN = 4096 };

/* ---- taken in proportion, however a block comes to be ------------------------------ */

static void *new(size_t n)
{
	return tables[TM_PY_OBJ].malloc(NULL, n);
}

static void *new_zeroed(size_t n)
{
	return tables[TM_PY_MEM].calloc(NULL, n / 8, 8);
}

static void *from_nothing(size_t n)
{
	return tables[TM_PY_OBJ].realloc(NULL, NULL, n);
}

static void *grown(size_t n)
{
	return tables[TM_PY_OBJ].realloc(NULL, new(16), n);
}

/* pymalloc gets the old one, and maybe the new one, from raw. */
static void *shrunk(size_t n)
{
	return tables[TM_PY_MEM].realloc(NULL, new(9000), n);
}

static void *raw(size_t n)
{
	return tables[TM_PY_RAW].malloc(NULL, n);
}

static void *raw_moved(size_t n)
{
	return tables[TM_PY_RAW].realloc(NULL, raw(30), n);
}

static void takes_in_proportion(void *(*make)(size_t n), size_t size, unsigned n)
{
	const struct allocator *a = &tables[make == raw || make == raw_moved ? TM_PY_RAW : TM_PY_OBJ];
	double want = n * -expm1(-(double)size / MEAN);
	unsigned taken = 0;

	for (unsigned i = 0; i < n; i++) {
		void *p = make(size);

		assert_non_null(p);
		taken += known(p) != NULL;
		a->free(a->ctx, p);
	}
	assert_int_equal(nknown(), 0);
	/* Five standard deviations. */
	if (fabs(taken - want) > 5 * sqrt(want) + 1)
		fail_msg("%u of %u blocks of %zu, %.0f expected", taken, n, size, want);
}

static void any_way(void)
{
	static const size_t sizes[] = { 24, 256, 512, 3000 };
	static void *(*const ways[])(size_t) = {
		new, new_zeroed, from_nothing, grown, shrunk, raw, raw_moved,
	};

	for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++)
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
			takes_in_proportion(ways[w], sizes[s], 40000);
}

static void promoted_in_proportion(void **state)
{
	(void)state;
	use_pymalloc();
	install(TM_PY_PROMOTE, MEAN, 0, TM_PY_SMALL);
	any_way();
}

static void sampled_in_proportion(void **state)
{
	(void)state;
	use_plain();
	install(TM_PY_RECORD, MEAN, 0, UINT64_MAX);
	any_way();
}

/* In blocks of one size class that pymalloc does not serve, and of their own size
 * in the table. */
static void promoted_blocks_are_raws(void **state)
{
	unsigned taken = 0;

	(void)state;
	use_pymalloc();
	install(TM_PY_PROMOTE, MEAN, 0, TM_PY_SMALL);
	for (int i = 0; i < 20000; i++) {
		unsigned char *p = i % 2 ? new(40) : new_zeroed(40);

		assert_int_equal(in_pool(p), !known(p));
		taken += !in_pool(p);
		if (known(p))
			assert_int_equal(tm_slot_size(known(p)), 40);
		for (int k = 0; i % 2 == 0 && k < 40; k++)
			assert_int_equal(p[k], 0);
		memset(p, 0xee, 40);
		tables[TM_PY_OBJ].free(NULL, p);
	}
	assert_in_range(taken, 100, 300);
	assert_int_equal(nknown(), 0);
}

static void *calloc_that_checks(void *ctx, size_t n, size_t size)
{
	size_t all;

	return __builtin_mul_overflow(n, size, &all) ? NULL : raw_calloc(ctx, n, size);
}

/* What overflows stays an error. */
static void products_that_overflow_fail(void **state)
{
	(void)state;
	use_pymalloc();
	tables[TM_PY_OBJ].calloc = calloc_that_checks;
	install(TM_PY_PROMOTE, 1, 0, TM_PY_SMALL);
	for (int i = 0; i < 100; i++)
		assert_null(tables[TM_PY_OBJ].calloc(NULL, (1ul << 61) + 1, 8));
}

/* ---- what is left as it was ------------------------------------------------------------ */

/* A child has no table, and a gate that reads as zeroes. */
static int in_child(void)
{
	for (int round = 0; round < 20000; round++) {
		size_t n = (size_t)round % 1000;
		void *p = round % 2 ? new(n) : grown(n), *q = raw_moved(n);

		memset(p, 1, n);
		memset(q, 1, n);
		tables[TM_PY_OBJ].free(NULL, p);
		tables[TM_PY_RAW].free(NULL, q);
	}
	return (int)gate->enabled;
}

static void forks(enum tm_recorder_py_set set, uint64_t sample)
{
	int status;
	pid_t pid;

	use_pymalloc();
	install(set, sample, 0, TM_PY_SMALL);
	tables[TM_PY_OBJ].free(NULL, new(16));
	pid = fork();
	if (pid == 0)
		_exit(in_child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(nknown(), 0);
}

static void children_of_promoted_go_on(void **state)
{
	(void)state;
	forks(TM_PY_PROMOTE, MEAN);
}

static void children_of_exact_go_on(void **state)
{
	(void)state;
	forks(TM_PY_RECORD, 0);
}

static pid_t forked = -1;

static void *malloc_that_forks(void *ctx, size_t n)
{
	forked = fork();
	return raw_malloc(ctx, n);
}

/* A signal handler may fork while a hook waits for its function. */
static void a_child_may_begin_inside(void **state)
{
	int status;

	(void)state;
	use_pymalloc();
	tables[TM_PY_RAW].malloc = malloc_that_forks;
	install(TM_PY_RECORD, 0, 0, TM_PY_SMALL);
	tables[TM_PY_RAW].free(NULL, raw(16));
	if (forked == 0)
		_exit((int)gate->enabled);
	assert_int_equal(waitpid(forked, &status, 0), forked);
	assert_int_equal(status, 0);
	assert_int_equal(nknown(), 0);
}

/* Shut while hooks stand, as before a start is complete; open afterwards. */
static void a_shut_gate_opens_again(void **state)
{
	unsigned taken = 0;

	(void)state;
	use_pymalloc();
	install(TM_PY_PROMOTE, MEAN, 0, TM_PY_SMALL);
	gate->enabled = 0;
	for (int i = 0; i < 100000; i++)
		tables[TM_PY_OBJ].free(NULL, new(100));
	assert_int_equal(table->dropped + nknown(), 0);
	gate->enabled = 1;
	for (int i = 0; i < 100000; i++) {
		void *p = new(100);

		taken += known(p) != NULL;
		tables[TM_PY_OBJ].free(NULL, p);
	}
	assert_in_range(taken, 1800, 3000);
}

static pthread_mutex_t gil = PTHREAD_MUTEX_INITIALIZER;

static void *works(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		void *p = raw(50), *q;

		pthread_mutex_lock(&gil);
		q = grown(400);
		tables[TM_PY_OBJ].free(NULL, q);
		pthread_mutex_unlock(&gil);
		p = tables[TM_PY_RAW].realloc(NULL, p, 5000);
		tables[TM_PY_RAW].free(NULL, p);
	}
	return arg;
}

static void threads_meet(enum tm_recorder_py_set set, uint64_t sample)
{
	pthread_t threads[4];

	use_pymalloc();
	install(set, sample, 0, TM_PY_SMALL);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, works, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(nknown(), 0);
	assert_int_equal(traced(), 0);
	assert_int_equal(table->dropped, 0);
}

static void threads_beside_the_gil(void **state)
{
	(void)state;
	threads_meet(TM_PY_PROMOTE, 200);
	end(state);
	begin(state);
	threads_meet(TM_PY_RECORD, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(promoted_in_proportion),
		TEST(sampled_in_proportion),
		TEST(promoted_blocks_are_raws),
		TEST(products_that_overflow_fail),
		TEST(children_of_promoted_go_on),
		TEST(children_of_exact_go_on),
		TEST(a_child_may_begin_inside),
		TEST(a_shut_gate_opens_again),
		TEST(threads_beside_the_gil),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
