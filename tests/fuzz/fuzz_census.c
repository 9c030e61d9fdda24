/*
 * A census of the recorded heaps in fixtures/heaps, with lies put into their pages
 * (liar.h). What comes out is asked everything.
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

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct liar liar;
	struct heap_census *census;
	struct tm_err err = { 0 };

	if (size == 0)
		return 0;
	liar_begin(&liar, data, size, READS_PER_STEP);
	census = replay_heap(&liar.mem, &liar.fixture->maps, &err);
	if (census)
		ask(census);
	else if (err.kind == TM_ERR_NONE)
		abort();
	liar_end(&liar);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	load_all("fixtures/heaps");
	return 0;
}
