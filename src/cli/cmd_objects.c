#include "base/guard.h"
#include "cli/command.h"
#include "cli/heap.h"
#include "cli/message.h"
#include "cli/output.h"

static void destroy_groups(struct tm_heap_groups **groups)
{
	tm_heap_groups_destroy(*groups);
}

static void destroy_suspects(struct tm_heap_suspects **suspects)
{
	tm_heap_suspects_destroy(*suspects);
}

static void destroy_wastes(struct tm_heap_wastes **wastes)
{
	tm_heap_wastes_destroy(*wastes);
}

static int print_groups(struct cli_heap *older, struct cli_heap *newer,
			const struct cli_options *options)
{
	TM_GUARD(destroy_groups) struct tm_heap_groups *groups = NULL;
	struct report how = cli_options_report(options, NULL);
	struct tm_heap_query query = options->heap.query;
	struct report_heap source = { newer->heap, NULL, newer->file, NULL };
	struct tm_err err = { 0 };

	query.limit = how.limit;
	if (older) {
		source.older = older->heap;
		source.older_file = older->file;
		groups = tm_heap_diff(older->heap, newer->heap, &query, &err);
	} else {
		groups = tm_heap_group(newer->heap, &query, &err);
	}
	if (!groups)
		return cli_heap_error(newer, &err);
	return cli_output_written(report_objects(&how, source, groups, &err), &err,
				  CLI_DONE);
}

static int print_suspects(struct cli_heap *heap, const struct cli_options *options)
{
	TM_GUARD(destroy_suspects) struct tm_heap_suspects *suspects = NULL;
	struct report how = cli_options_report(options, NULL);
	struct report_heap source = { heap->heap, NULL, heap->file, NULL };
	struct tm_err err = { 0 };

	suspects = tm_heap_suspects(heap->heap, 0.05, &err);
	if (!suspects)
		return cli_heap_error(heap, &err);
	return cli_output_written(report_suspects(&how, source, suspects, &err), &err,
				  CLI_DONE);
}

static int print_wastes(struct cli_heap *heap, const struct cli_options *options)
{
	TM_GUARD(destroy_wastes) struct tm_heap_wastes *wastes = NULL;
	bool equal = options->heap.view == CLI_OBJECTS_DUPLICATES;
	const char *name = equal ? "tmattach-duplicates" : "tmattach-slack";
	struct report how = cli_options_report(options, NULL);
	struct report_heap source = { heap->heap, NULL, heap->file, NULL };
	struct tm_err err = { 0 };

	wastes = equal ? tm_heap_duplicates(heap->heap, options->heap.values, &err) :
			 tm_heap_slack(heap->heap, &err);
	if (!wastes)
		return cli_heap_error(heap, &err);
	return cli_output_written(report_wastes(&how, source, name, wastes, &err), &err,
				  CLI_DONE);
}

/* What has to be read for the question. */
static struct tm_heap_opts needs(const struct cli_options *options)
{
	enum cli_objects_view view = options->heap.view;
	bool names = view == CLI_OBJECTS_SUSPECTS || view == CLI_OBJECTS_DUPLICATES ||
		     view == CLI_OBJECTS_SLACK;

	return (struct tm_heap_opts){
		.references = names || view != CLI_OBJECTS_GROUPS ||
			      options->heap.query.retained ||
			      options->heap.query.key == TM_HEAP_ROOT,
		.names = names,
		.lines = options->heap.query.line,
		.values = view == CLI_OBJECTS_DUPLICATES,
	};
}

static int run(const struct cli_options *options)
{
	TM_GUARD(cli_heap_close) struct cli_heap first = { 0 };
	TM_GUARD(cli_heap_close) struct cli_heap second = { 0 };
	const struct tm_heap_opts opts = needs(options);
	int status = cli_heap_get(&first, options, 0, &opts);

	if (status == CLI_DONE && options->nsources > 1)
		status = cli_heap_get(&second, options, 1, &opts);
	if (status)
		return status;
	switch (options->heap.view) {
	case CLI_OBJECTS_SUSPECTS:
		return print_suspects(&first, options);
	case CLI_OBJECTS_DUPLICATES:
	case CLI_OBJECTS_SLACK:
		return print_wastes(&first, options);
	case CLI_OBJECTS_GROUPS:
	case CLI_OBJECTS_GARBAGE:
	case CLI_OBJECTS_NO_HOLDER:
		break;
	}
	return second.heap ? print_groups(&first, &second, options) :
			     print_groups(NULL, &first, options);
}

const struct cli_command command_objects = {
	.name = "objects",
	.summary = "Show which Python objects are alive, without tracing",
	.args = "SOURCE [NEWER]",
	.examples =
		"  tmattach objects 4711\n"
		"  tmattach objects --retained --module 'shop.*' 4711\n"
		"  tmattach objects before.tmh 4711\n"
		"  tmattach objects --suspects core.4711\n",
	.groups = CLI_PROCESS | CLI_READ | CLI_EXE | CLI_LIMIT | CLI_REPORT |
		  CLI_OBJECTS | CLI_OBJECT_FILTERS,
	.min_sources = 1,
	.max_sources = 2,
	.run = run,
};
