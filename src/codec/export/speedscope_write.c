/*
 * .speedscope.json: https://www.speedscope.app's own file format, with two
 * profiles of the "sampled" type over the same frames: bytes and blocks.
 */
#include <inttypes.h>
#include <string.h>

#include "codec/codec.h"
#include "codec/export/export.h"
#include "codec/json_shape.h"
#include "codec/pieces.h"

struct speedscope {
	FILE *file;
	const struct tm_snapshot *snapshot;
	struct canon canon;
	struct pieces numbers; /* ranks in decimal */
	struct tm_buf text;
};

/* A list's items go out one by one; its text begins with the separator. */
static void put_item(struct speedscope *w, bool first, json_t *item)
{
	tm_buf_clear(&w->text);
	tm_buf_adds(&w->text, first ? "\n" : ",\n");
	json_append(&w->text, item);
	json_decref(item);
	fwrite(w->text.data, 1, w->text.len, w->file);
}

/* The text of an object without its last `cut` characters. */
static void put_open(struct speedscope *w, json_t *object, size_t cut)
{
	tm_buf_clear(&w->text);
	json_append(&w->text, object);
	json_decref(object);
	fwrite(w->text.data, 1, w->text.len - cut, w->file);
}

static json_t *text_of(struct speedscope *w, struct tm_text text)
{
	tm_buf_clear(&w->text);
	export_text(&w->text, text, "");
	return json_text((struct tm_text){ w->text.data, w->text.len });
}

static json_t *frame_object(struct speedscope *w, tm_id id)
{
	struct tm_frame_view view = tm_snapshot_frame(w->snapshot, id);
	json_t *frame = json_object();

	tm_buf_clear(&w->text);
	export_name(&w->text, view, "");
	json_object_set_new(frame, "name", json_text(
		(struct tm_text){ w->text.data, w->text.len }));
	if (view.filename.len)
		json_object_set_new(frame, "file", text_of(w, view.filename));
	else if (view.module.bytes)
		json_object_set_new(frame, "file", text_of(w, view.module));
	if (view.lineno)
		json_object_set_new(frame, "line", json_integer(view.lineno));
	return frame;
}

static void put_head(struct speedscope *w)
{
	const struct tm_meta *meta = &w->snapshot->meta;
	json_t *head = json_object(), *shared = json_object();
	json_t *name = text_of(w, (struct tm_text){ meta->command,
						    strlen(meta->command) });

	json_object_set_new(head, "$schema", json_string(
		"https://www.speedscope.app/file-format-schema.json"));
	json_object_set_new(head, "exporter", json_string("tmattach"));
	json_object_set_new(head, "name", name);
	json_object_set_new(head, "activeProfileIndex", json_integer(0));
	json_object_set_new(shared, "frames", json_array());
	json_object_set_new(head, "shared", shared);
	put_open(w, head, strlen("]}}"));
	for (size_t i = 0; i < w->canon.frames.n && !ferror(w->file); i++)
		put_item(w, i == 0, frame_object(w, w->canon.frames.id[i]));
	fputs("]},\n\"profiles\":[", w->file);
}

static void make_number(const struct canon *canon, tm_id frame, void *ctx,
			struct tm_buf *text)
{
	(void)ctx;
	tm_buf_addu(text, canon->frames.rank[frame]);
}

/* Millions of small lists and numbers: no jansson for each. */
static void put_samples(struct speedscope *w)
{
	struct export_stack stack;
	size_t at = 0;

	for (bool first = true; !ferror(w->file) &&
	     export_next(&w->canon, &at, &stack); first = false) {
		tm_buf_clear(&w->text);
		tm_buf_adds(&w->text, first ? "\n[" : ",\n[");
		pieces_join(&w->numbers, stack.frames, stack.nframe, ',',
			    &w->text);
		tm_buf_addc(&w->text, ']');
		fwrite(w->text.data, 1, w->text.len, w->file);
	}
}

static void put_weights(struct speedscope *w, bool blocks)
{
	struct export_stack stack;
	size_t at = 0;

	for (bool first = true; !ferror(w->file) &&
	     export_next(&w->canon, &at, &stack); first = false) {
		tm_buf_clear(&w->text);
		tm_buf_adds(&w->text, first ? "\n" : ",\n");
		tm_buf_addu(&w->text, blocks ? stack.count : stack.size);
		fwrite(w->text.data, 1, w->text.len, w->file);
	}
}

static void put_profile(struct speedscope *w, bool blocks)
{
	const struct tm_snapshot *s = w->snapshot;
	json_t *profile = json_object();

	json_object_set_new(profile, "type", json_string("sampled"));
	json_object_set_new(profile, "name",
			    json_string(blocks ? "blocks" : "bytes"));
	json_object_set_new(profile, "unit",
			    json_string(blocks ? "none" : "bytes"));
	json_object_set_new(profile, "startValue", json_integer(0));
	json_object_set_new(profile, "endValue",
		json_count(blocks ? s->total_count : s->total_size));
	json_object_set_new(profile, "samples", json_array());
	put_open(w, profile, strlen("]}"));
	put_samples(w);
	fputs("],\n\"weights\":[", w->file);
	put_weights(w, blocks);
	fputs("]}", w->file);
}

static bool speedscope_write(const struct tm_snapshot *snapshot, FILE *file,
			     const struct tm_codec_opts *opts,
			     struct tm_err *err)
{
	struct speedscope w = { .file = file, .snapshot = snapshot };

	canon_init(&w.canon, snapshot, &opts->progress);
	pieces_init(&w.numbers, &w.canon, make_number, NULL);
	put_head(&w);
	put_profile(&w, false);
	fputs(",\n", file);
	put_profile(&w, true);
	fputs("]}\n", file);
	pieces_deinit(&w.numbers);
	canon_deinit(&w.canon);
	tm_buf_free(&w.text);
	return codec_written(file, err);
}

const struct tm_codec codec_speedscope = {
	.name = "speedscope",
	.suffix = ".speedscope.json",
	.summary = "speedscope, bytes and blocks",
	.write = speedscope_write,
	.functions = true,
	.stacks = true,
};
