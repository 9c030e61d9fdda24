/*
 * A census of the recorded heaps in fixtures/heaps, with lies put into their pages
 * (liar.h), by malloc's chunks and by types alone. What comes out is asked everything.
 */
#include "fixtures/replay_heap.h"
#include "fuzz/liar.h"
#include "heap/heap.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { READS_PER_STEP = 64 };

static void ask(struct heap_census *census)
{
	const struct tm_heap_query query = { .key = TM_HEAP_ROOT, .retained = true };
	const struct tm_meta meta = { 0 };
	struct tm_heap *heap = tm_heap_create(census, &meta);
	struct tm_err err;

	tm_heap_groups_destroy(tm_heap_group(heap, &query, &err));
	tm_heap_suspects_destroy(tm_heap_suspects(heap, 0.05, &err));
	tm_heap_wastes_destroy(tm_heap_slack(heap, &err));
	tm_heap_refs_destroy(tm_heap_refs(heap, "dict", false, &err));
	tm_heap_destroy(heap);
}

static void take(const unsigned char *data, size_t size, bool typed)
{
	static struct liar liar;
	struct heap_census *census;
	struct tm_err err = { 0 };

	liar_begin(&liar, data, size, READS_PER_STEP);
	census = replay_heap_as(&liar.mem, &liar.fixture->maps, typed, &err);
	if (census)
		ask(census);
	else if (err.kind == TM_ERR_NONE)
		abort();
	liar_end(&liar);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	if (size == 0)
		return 0;
	take(data, size, false);
	take(data, size, true);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	load_all("fixtures/heaps");
	return 0;
}
