/*
 * .folded: one line per list of frames, oldest first, joined by ';', then a
 * space and a weight: what flamegraph.pl and its relatives read. A ';' within
 * a name is written as \x3b. The weight is bytes; in .blocks.folded it is
 * blocks.
 */
#include <inttypes.h>

#include "codec/codec.h"
#include "codec/export.h"

static void put_stacks(const struct canon *canon, bool blocks, FILE *file)
{
	struct export_stack stack;
	struct tm_buf line = { 0 };
	size_t at = 0;

	while (!ferror(file) && export_next(canon, &at, &stack)) {
		tm_buf_clear(&line);
		for (uint32_t i = 0; i < stack.nframe; i++) {
			if (i)
				tm_buf_addc(&line, ';');
			export_label(&line, export_frame(canon->snapshot,
					stack.frames[i]), ";");
		}
		tm_buf_addf(&line, " %" PRIu64 "\n",
			    blocks ? stack.count : stack.size);
		fwrite(line.data, 1, line.len, file);
	}
	tm_buf_free(&line);
}

static bool write_folded(const struct tm_snapshot *snapshot, FILE *file,
			 bool blocks, struct tm_err *err)
{
	struct canon canon;

	canon_init(&canon, snapshot);
	put_stacks(&canon, blocks, file);
	canon_deinit(&canon);
	return codec_written(file, err);
}

static bool bytes_write(const struct tm_snapshot *snapshot, FILE *file,
			const struct tm_codec_opts *opts, struct tm_err *err)
{
	(void)opts;
	return write_folded(snapshot, file, false, err);
}

static bool blocks_write(const struct tm_snapshot *snapshot, FILE *file,
			 const struct tm_codec_opts *opts, struct tm_err *err)
{
	(void)opts;
	return write_folded(snapshot, file, true, err);
}

const struct tm_codec codec_folded = {
	.name = "folded",
	.suffix = ".folded",
	.summary = "folded stacks, bytes",
	.write = bytes_write,
};

const struct tm_codec codec_folded_blocks = {
	.name = "folded-blocks",
	.suffix = ".blocks.folded",
	.summary = "folded stacks, blocks",
	.write = blocks_write,
};
