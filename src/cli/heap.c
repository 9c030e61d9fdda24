#include "cli/heap.h"

#include "cli/message.h"

static int load(struct cli_heap *ret, const char *path)
{
	struct tm_err err;

	ret->file = path;
	ret->heap = tm_heap_load(path, &err);
	return ret->heap ? CLI_DONE : cli_error(&err, CLI_ABOUT_FILE);
}

static void tell(const struct cli_heap *heap, const struct cli_options *options)
{
	const struct tm_meta *meta = tm_heap_meta(heap->heap);

	if (options->verbose && !heap->file)
		cli_note("%s: %s, %llu objects, stopped for %.3f ms",
			 heap->source.object, meta->runtime,
			 (unsigned long long)tm_heap_proof(heap->heap).objects,
			 (double)meta->pause_ns / 1e6);
}

static int read_it(struct cli_heap *ret, const struct cli_source_spec *spec,
		   const struct cli_options *options, const struct tm_heap_opts *opts)
{
	struct cli_options any = *options;
	struct tm_err err;
	int status;

	any.session.allow_any = true;
	status = cli_source_open(&ret->source, spec, &any);
	if (status)
		return status;
	ret->file = ret->source.file;
	ret->heap = tm_session_heap(ret->source.session, opts, &err);
	cli_progress_end(&ret->source.progress);
	if (!ret->heap)
		return cli_error(&err, cli_source_subject(&ret->source));
	tell(ret, options);
	return CLI_DONE;
}

int cli_heap_get(struct cli_heap *ret, const struct cli_options *options, size_t i,
		 const struct tm_heap_opts *opts)
{
	const struct cli_source_spec *spec = &options->sources[i];

	*ret = (struct cli_heap){ 0 };
	if (spec->by != CLI_BY_FILE || cli_is_core(spec->text))
		return read_it(ret, spec, options, opts);
	/* A file of another kind, or none: loading it will say what is wrong. */
	return load(ret, spec->text);
}

void cli_heap_close(struct cli_heap *heap)
{
	tm_heap_destroy(heap->heap);
	cli_source_close(&heap->source);
	*heap = (struct cli_heap){ 0 };
}

int cli_heap_error(const struct cli_heap *heap, struct tm_err *err)
{
	if (!err->object[0])
		tm_err_about(err, "%s", heap->file ? heap->file : heap->source.object);
	return cli_error(err, CLI_ABOUT_FILE);
}
