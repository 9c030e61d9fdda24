#include "cli/save_heap.h"

#include "base/guard.h"
#include "cli/heap.h"
#include "cli/message.h"

/* For profilers: its paths are stacks. */
static bool save_profile(struct tm_heap *heap, const struct cli_options *options,
			 struct tm_err *err)
{
	struct tm_snapshot *snapshot = tm_heap_profile(heap, err);
	bool ok;

	if (!snapshot)
		return false;
	ok = tm_snapshot_save(snapshot, options->output, options->codec, NULL, err);
	tm_snapshot_destroy(snapshot);
	return ok;
}

int cli_save_heap(const struct cli_options *options)
{
	TM_GUARD(cli_heap_close) struct cli_heap heap = { 0 };
	const struct tm_heap_opts opts = { .references = true, .names = true };
	int status = cli_heap_get(&heap, options, 0, &opts);
	struct tm_err err = { 0 };
	bool ok;

	if (status)
		return status;
	ok = options->codec ? save_profile(heap.heap, options, &err) :
			      tm_heap_save(heap.heap, options->output,
					   options->heap.format, &err);
	return ok ? CLI_DONE : cli_heap_error(&heap, &err);
}
