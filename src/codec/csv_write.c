/* .csv: one trace per row; see codec/csv.h for the traceback column. */
#include <string.h>

#include "codec/codec.h"
#include "codec/csv.h"
#include "codec/export/export.h"
#include "codec/formats.h"
#include "codec/pieces.h"

struct csv_writer {
	FILE *file;
	const struct tm_snapshot *snapshot;
	struct canon canon;
	struct pieces frames;
	tm_id traceback;      /* whose field is at hand */
	struct tm_buf field;
	struct tm_buf text;
	struct tm_buf row;
};

static void make_frame(const struct canon *canon, tm_id frame, void *ctx,
		       struct tm_buf *text)
{
	(void)ctx;
	csv_add_frame(text, tm_snapshot_frame(canon->snapshot, frame));
}

static void make_field(struct csv_writer *w, tm_id id)
{
	const struct tm_traceback *t = &w->snapshot->tracebacks[id];

	if (w->traceback == id)
		return;
	tm_buf_clear(&w->text);
	tm_buf_add(&w->text, "", 0);
	pieces_join(&w->frames, &w->snapshot->frame_ids[t->first], t->nframe,
		    ';', &w->text);
	tm_buf_clear(&w->field);
	csv_add_field(&w->field, w->text.data, w->text.len);
	w->traceback = id;
}

static void make_row(struct csv_writer *w, const struct tm_site *site,
		     uint64_t size)
{
	uint32_t total = w->snapshot->tracebacks[site->traceback].total_nframe;

	make_field(w, site->traceback);
	tm_buf_clear(&w->row);
	tm_buf_addu(&w->row, site->domain);
	tm_buf_addc(&w->row, ',');
	tm_buf_addu(&w->row, size);
	tm_buf_addc(&w->row, ',');
	if (total != TM_TOTAL_NFRAME_NONE)
		tm_buf_addu(&w->row, total);
	tm_buf_addc(&w->row, ',');
	tm_buf_add(&w->row, w->field.data, w->field.len);
	tm_buf_adds(&w->row, "\r\n");
}

static bool csv_write(const struct tm_snapshot *snapshot, FILE *file,
		      const struct tm_codec_opts *opts, struct tm_err *err)
{
	struct csv_writer w = { .file = file, .snapshot = snapshot,
				.traceback = TM_ID_NONE };
	const struct canon *canon = &w.canon;

	canon_init(&w.canon, snapshot, &opts->progress);
	pieces_init(&w.frames, canon, make_frame, NULL);
	fputs(CSV_TRACES_HEADER "\r\n", file);
	for (size_t i = 0; i < canon->nrows && !ferror(file); i++) {
		const struct tm_row *row = &canon->rows[i];

		canon_tell(canon, i, canon->nrows);
		make_row(&w, &snapshot->sites[canon->sites.id[row->site]],
			 row->size);
		for (uint32_t k = 0; k < row->count && !ferror(file); k++)
			fwrite(w.row.data, 1, w.row.len, file);
	}
	pieces_deinit(&w.frames);
	canon_deinit(&w.canon);
	tm_buf_free(&w.field);
	tm_buf_free(&w.text);
	tm_buf_free(&w.row);
	return codec_written(file, err);
}

/* A first line of names, in whatever order and with whatever between them. */
static bool csv_sniff(const unsigned char *head, size_t len)
{
	const unsigned char *end = memchr(head, '\n', len);

	if (end)
		len = (size_t)(end - head);
	return len && head[0] != '{' && head[0] != '[' &&
	       memmem(head, len, "size", 4) && memmem(head, len, "traceback", 9);
}

const struct tm_codec codec_csv = {
	.name = "csv",
	.suffix = ".csv",
	.summary = "one row per trace",
	.write = csv_write,
	.read = csv_read,
	.sniff = csv_sniff,
};
