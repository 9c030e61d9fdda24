/*
 * .folded: one line per list of frames, oldest first, joined by ';', then a
 * space and a weight: what flamegraph.pl and its relatives read. A ';' within
 * a name is written as \x3b. The weight is bytes; in .blocks.folded it is
 * blocks.
 */
#include "codec/codec.h"
#include "codec/export/export.h"
#include "codec/pieces.h"

static void make_label(const struct canon *canon, tm_id frame, void *ctx,
		       struct tm_buf *text)
{
	(void)ctx;
	export_label(text, tm_snapshot_frame(canon->snapshot, frame), ";");
}

static void put_stacks(const struct canon *canon, bool blocks, FILE *file)
{
	struct export_stack stack;
	struct tm_buf line = { 0 };
	struct pieces labels;
	size_t at = 0;

	pieces_init(&labels, canon, make_label, NULL);
	while (!ferror(file) && export_next(canon, &at, &stack)) {
		tm_buf_clear(&line);
		pieces_join(&labels, stack.frames, stack.nframe, ';', &line);
		tm_buf_addc(&line, ' ');
		tm_buf_addu(&line, blocks ? stack.count : stack.size);
		tm_buf_addc(&line, '\n');
		fwrite(line.data, 1, line.len, file);
	}
	tm_buf_free(&line);
	pieces_deinit(&labels);
}

static bool write_folded(const struct tm_snapshot *snapshot, FILE *file,
			 const struct tm_codec_opts *opts, bool blocks,
			 struct tm_err *err)
{
	struct canon canon;

	canon_init(&canon, snapshot, &opts->progress);
	put_stacks(&canon, blocks, file);
	canon_deinit(&canon);
	return codec_written(file, err);
}

static bool bytes_write(const struct tm_snapshot *snapshot, FILE *file,
			const struct tm_codec_opts *opts, struct tm_err *err)
{
	return write_folded(snapshot, file, opts, false, err);
}

static bool blocks_write(const struct tm_snapshot *snapshot, FILE *file,
			 const struct tm_codec_opts *opts, struct tm_err *err)
{
	return write_folded(snapshot, file, opts, true, err);
}

const struct tm_codec codec_folded = {
	.name = "folded",
	.suffix = ".folded",
	.summary = "folded stacks, bytes",
	.write = bytes_write,
	.functions = true,
	.stacks = true,
};

const struct tm_codec codec_folded_blocks = {
	.name = "folded-blocks",
	.suffix = ".blocks.folded",
	.summary = "folded stacks, blocks",
	.write = blocks_write,
	.functions = true,
	.stacks = true,
};
