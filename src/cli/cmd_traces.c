#include <stdio.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/report.h"
#include "tmattach/codec.h"

/* Every trace unless a limit is given: that is what the command is for. */
static size_t limit_of(const struct cli_options *options)
{
	return options->limit == CLI_LIMIT_UNSET ? 0 : options->limit;
}

static tm_id copy_frame(struct tm_builder *b, const struct tm_snapshot *from,
			const struct tm_frame *frame)
{
	struct tm_text name = from->strings[frame->filename];
	tm_id filename = tm_builder_string(b, name.bytes, name.len);
	struct tm_native_frame native;

	if (frame->native == TM_ID_NONE)
		return tm_builder_frame(b, filename, frame->lineno);
	native = from->natives[frame->native];
	if (native.function != TM_ID_NONE) {
		name = from->strings[native.function];
		native.function = tm_builder_string(b, name.bytes, name.len);
	}
	if (native.module != TM_ID_NONE) {
		const struct tm_module *module = &from->modules[native.module];
		tm_id build_id = module->build_id;

		if (build_id != TM_ID_NONE)
			build_id = tm_builder_string(
				b, from->strings[build_id].bytes,
				from->strings[build_id].len);
		name = from->strings[module->path];
		native.module = tm_builder_module(
			b, tm_builder_string(b, name.bytes, name.len), build_id);
	}
	return tm_builder_native_frame(b, filename, frame->lineno, &native);
}

static tm_id copy_site(struct tm_builder *b, const struct tm_snapshot *from,
		       const struct tm_site *site)
{
	const struct tm_traceback *tb = &from->tracebacks[site->traceback];
	TM_GUARD(tm_free_ptr) tm_id *frames =
		tm_reallocarray(NULL, (size_t)tb->nframe + 1, sizeof(*frames));

	for (uint32_t i = 0; i < tb->nframe; i++)
		frames[i] = copy_frame(
			b, from, &from->frames[from->frame_ids[tb->first + i]]);
	return tm_builder_site(b, tm_builder_traceback(b, frames, tb->nframe,
						       tb->total_nframe),
			       site->domain);
}

/* The first `limit` traces in the order of the text report. */
static struct tm_snapshot *first_traces(const struct tm_snapshot *from,
					size_t limit, struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct cli_trace *traces = NULL;
	struct tm_builder *b = tm_builder_create();
	size_t n;

	traces = cli_sorted_traces(from, &n);
	for (size_t i = 0; i < n && limit > 0; i++) {
		uint64_t count = traces[i].count < limit ? traces[i].count :
							   limit;

		tm_builder_traces(b, copy_site(b, from,
					       &from->sites[traces[i].site]),
				  traces[i].size, (uint32_t)count);
		limit -= count;
	}
	return tm_builder_finish(b, &from->meta, err);
}

static bool write_traces(const struct cli_source *source,
			 const struct tm_snapshot *snapshot,
			 const struct cli_options *options, struct tm_err *err)
{
	const struct tm_codec_opts opts = { 0 };
	bool pretty = options->format == CLI_PRETTY;

	if (options->format == CLI_TEXT || pretty) {
		cli_text_traces(snapshot, limit_of(options), pretty,
				source->lines);
		return true;
	}
	return tm_codec_by_name(options->format == CLI_JSON ? "jsonl" : "csv")
		->write(snapshot, stdout, &opts, err);
}

/* Replaces the source's snapshot by what the filters and the limit leave. */
static bool narrow(struct cli_source *source, const struct cli_options *options,
		   struct tm_err *err)
{
	size_t limit = limit_of(options);
	struct tm_snapshot *less;

	if (options->query.nfilters) {
		less = tm_snapshot_filter(source->snapshot, options->filters,
					  options->query.nfilters);
		tm_snapshot_destroy(source->snapshot);
		source->snapshot = less;
		cli_remark_filters(source, options, less->total_count);
	}
	if (limit == 0 || options->format == CLI_TEXT ||
	    options->format == CLI_PRETTY)
		return true;
	less = first_traces(source->snapshot, limit, err);
	if (!less)
		return false;
	tm_snapshot_destroy(source->snapshot);
	source->snapshot = less;
	return true;
}

static int run(const struct cli_options *options)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	struct tm_err err = { 0 };
	bool ok;
	int status = cli_source_get(&source, options, 0);

	if (status)
		return status;
	if (!narrow(&source, options, &err))
		return cli_error(&err, CLI_ABOUT_FILE);
	ok = write_traces(&source, source.snapshot, options, &err);
	return cli_output_written(ok, &err, cli_source_status(&source));
}

const struct cli_command command_traces = {
	.name = "traces",
	.summary = "Show every trace: size and traceback of each memory block",
	.args = "SOURCE",
	.examples =
		"  tmattach traces -l 20 4711\n"
		"  tmattach traces -f json leak.tms | jq .size\n"
		"  tmattach traces --include-domain 389047 --name app.py\n",
	.groups = CLI_SOURCE | CLI_LIMIT | CLI_FILTERS | CLI_REPORT,
	.min_sources = 1,
	.max_sources = 1,
	.run = run,
};
