#include "base/buf.h"
#include "base/guard.h"
#include "cli/command.h"
#include "cli/heap.h"
#include "cli/message.h"
#include "cli/output.h"

static void destroy_refs(struct tm_heap_refs **refs)
{
	tm_heap_refs_destroy(*refs);
}

/* What the name meant, if that is not what was typed. */
static void note_what(const struct tm_heap_refs *refs, const char *what)
{
	TM_GUARD(tm_buf_free) struct tm_buf names = { 0 };

	if (!refs->known)
		cli_note("no such type, address or expression: %s; `tmattach objects' "
			 "lists the types", what);
	if (refs->ntypes < 2)
		return;
	for (size_t i = 0; i < refs->ntypes; i++)
		tm_buf_addf(&names, "%s%s", i ? ", " : "", refs->types[i]);
	cli_note("%s: %zu types have this name, all are shown: %s; name one with its "
		 "module to see it alone", what, refs->ntypes, names.data);
}

static int print_refs(struct cli_heap *heap, const struct cli_options *options)
{
	TM_GUARD(destroy_refs) struct tm_heap_refs *refs = NULL;
	struct report how = cli_options_report(options, NULL);
	struct report_heap source = { heap->heap, NULL, heap->file, NULL };
	struct tm_err err = { 0 };

	refs = tm_heap_refs(heap->heap, options->heap.what, options->heap.down, &err);
	if (!refs)
		return cli_heap_error(heap, &err);
	note_what(refs, options->heap.what);
	return cli_output_written(report_refs(&how, source, refs, options->heap.down,
					      &err), &err, CLI_DONE);
}

static int run(const struct cli_options *options)
{
	TM_GUARD(cli_heap_close) struct cli_heap heap = { 0 };
	const struct tm_heap_opts opts = {
		.references = true, .names = true, .lines = true,
		.expression = options->heap.what,
	};
	int status = cli_heap_get(&heap, options, 0, &opts);

	return status ? status : print_refs(&heap, options);
}

const struct cli_command command_refs = {
	.name = "refs",
	.summary = "Show who holds Python objects, or what they hold",
	.args = "SOURCE TYPE|ADDRESS|EXPRESSION",
	.examples =
		"  tmattach refs 4711 shop.models.Session\n"
		"  tmattach refs 4711 Session        # of any module\n"
		"  tmattach refs 4711 0x7f2c3a1b5e50\n"
		"  tmattach refs --down heap.tmh \"shop.cache.store['k3']\"\n",
	.groups = CLI_PROCESS | CLI_READ | CLI_EXE | CLI_LIMIT | CLI_REPORT | CLI_REFS,
	.min_sources = 1,
	.max_sources = 1,
	.run = run,
};
