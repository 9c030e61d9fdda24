/*
 * The search for the runtime and the walk over its tables, in the recorded
 * pages of every version, with lies put into them (liar.h). With one of the three
 * highest bits of its first byte set only the walk is done, which is much faster.
 */
#include "fixtures/replay.h"
#include "fuzz/liar.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { READS_PER_STEP = 8 };

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct liar liar;
	struct tm_buf answer = { 0 };

	if (size == 0)
		return 0;
	liar_begin(&liar, data, size, READS_PER_STEP);
	if (liar.only_walk)
		replay_tables(&liar.mem, &liar.fixture->maps, &liar.fixture->runtime, &answer);
	else
		replay(&liar.mem, &liar.fixture->maps, &answer);
	if (answer.len == 0)
		abort();
	liar_end(&liar);
	tm_buf_free(&answer);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	load_all("fixtures/tables");
	for (size_t i = 0; i < nfixtures; i++) {
		struct fixture *fixture = &fixtures[i];
		struct tm_mem *mem = tm_mem_pages(&fixture->pages);
		struct tm_err err;

		must(py_runtime_find(mem, &fixture->maps, 0, &fixture->runtime, &err) &&
		     py_tracing_find(mem, &fixture->maps, 0, &fixture->runtime, &err),
		     "a runtime");
		tm_mem_destroy(mem);
	}
	return 0;
}
