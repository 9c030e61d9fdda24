/*
 * .folded: one line per list of frames, oldest first, joined by ';', then a
 * space and a weight: what flamegraph.pl and its relatives read. A ';' within
 * a name is written as \x3b. The weight is bytes; in .blocks.folded it is
 * blocks.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "codec/codec.h"
#include "codec/export.h"

/* The labels of all frames, made once: by rank, end to end. */
struct labels {
	struct tm_buf text;
	size_t *ends;
};

static void make_labels(struct labels *labels, const struct canon *canon)
{
	size_t n = canon->frames.n;

	labels->ends = tm_malloc((n + 1) * sizeof(*labels->ends));
	for (size_t i = 0; i < n; i++) {
		export_label(&labels->text, export_frame(canon->snapshot,
				canon->frames.id[i]), ";");
		labels->ends[i] = labels->text.len;
	}
}

static void add_label(struct tm_buf *line, const struct labels *labels,
		      size_t rank)
{
	size_t begin = rank ? labels->ends[rank - 1] : 0;

	tm_buf_add(line, labels->text.data + begin, labels->ends[rank] - begin);
}

static void put_stacks(const struct canon *canon, bool blocks, FILE *file)
{
	struct labels labels = { 0 };
	struct export_stack stack;
	struct tm_buf line = { 0 };
	size_t at = 0;

	make_labels(&labels, canon);
	while (!ferror(file) && export_next(canon, &at, &stack)) {
		tm_buf_clear(&line);
		for (uint32_t i = 0; i < stack.nframe; i++) {
			if (i)
				tm_buf_addc(&line, ';');
			add_label(&line, &labels,
				  canon->frames.rank[stack.frames[i]]);
		}
		tm_buf_addf(&line, " %" PRIu64 "\n",
			    blocks ? stack.count : stack.size);
		fwrite(line.data, 1, line.len, file);
	}
	tm_buf_free(&line);
	tm_buf_free(&labels.text);
	free(labels.ends);
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
