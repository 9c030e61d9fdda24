/*
 * .html: a flame graph page that needs nothing but a browser. flame.html is
 * the page; where it says @DATA@ goes this, as JSON:
 *
 *   {"title":…,"about":[…],"diff":false,
 *    "names":[LABEL or [LABEL,WHERE],…],
 *    "nodes":[[DEPTH,NAME,BYTES,BLOCKS(,OLD BYTES,OLD BLOCKS)],…]}
 */
#include <inttypes.h>
#include <string.h>

#include "codec/codec.h"
#include "codec/export/export.h"
#include "codec/export/flame.h"
#include "codec/export/flame_page.h"
#include "codec/json_shape.h"

static const char place[] = "@DATA@";

struct html {
	FILE *file;
	struct flame flame;
	bool diff, first;
	struct tm_buf text;
};

/* JSON within HTML: it must not contain '<'. */
static void put_json(struct html *w, const char *text, size_t len)
{
	const char *end = text + len, *at;

	while ((at = memchr(text, '<', (size_t)(end - text)))) {
		fwrite(text, 1, (size_t)(at - text), w->file);
		fputs("\\u003c", w->file);
		text = at + 1;
	}
	fwrite(text, 1, (size_t)(end - text), w->file);
}

static void put_item(struct html *w, json_t *item)
{
	tm_buf_clear(&w->text);
	tm_buf_adds(&w->text, w->first ? "\n" : ",\n");
	w->first = false;
	json_append(&w->text, item);
	json_decref(item);
	put_json(w, w->text.data, w->text.len);
}

static json_t *buffered(struct html *w)
{
	json_t *text = json_text((struct tm_text){ w->text.data, w->text.len });

	tm_buf_clear(&w->text);
	return text;
}

static json_t *text_of(struct html *w, const char *s)
{
	tm_buf_clear(&w->text);
	export_text(&w->text, (struct tm_text){ s, strlen(s) }, "");
	return buffered(w);
}

static void put_head(struct html *w, const struct tm_meta *meta)
{
	json_t *head = json_object(), *about = json_array();
	char when[40], pid[24] = "";

	if (meta->pid)
		snprintf(pid, sizeof(pid), "pid %" PRId32, meta->pid);
	json_object_set_new(head, "title", text_of(w, meta->command));
	json_array_append_new(about, text_of(w, pid));
	json_array_append_new(about, text_of(w, meta->runtime));
	json_array_append_new(about, text_of(w, meta->taken_at ?
		json_time(when, meta->taken_at) : ""));
	json_object_set_new(head, "about", about);
	json_object_set_new(head, "diff", json_boolean(w->diff));
	json_object_set_new(head, "names", json_array());
	tm_buf_clear(&w->text);
	json_append(&w->text, head);
	json_decref(head);
	put_json(w, w->text.data, w->text.len - strlen("]}"));
}

static json_t *where(struct html *w, struct tm_frame_view view)
{
	tm_buf_clear(&w->text);
	if (view.filename.len) {
		export_text(&w->text, view.filename, "");
		tm_buf_addf(&w->text, ":%" PRIu32 " ", view.lineno);
	}
	tm_buf_adds(&w->text, "in ");
	if (view.module.bytes)
		export_text(&w->text, view.module, "");
	tm_buf_addf(&w->text, "+0x%" PRIx64, view.address);
	return buffered(w);
}

static void put_names(struct html *w)
{
	const struct canon_list *frames = &w->flame.canon.frames;

	w->first = true;
	for (size_t i = 0; i < frames->n && !ferror(w->file); i++) {
		struct tm_frame_view view = tm_snapshot_frame(w->flame.snapshot,
							 frames->id[i]);
		json_t *label, *item = NULL;

		tm_buf_clear(&w->text);
		export_label(&w->text, view, "");
		label = buffered(w);
		if (view.native) {
			item = json_array();
			json_array_append_new(item, label);
			json_array_append_new(item, where(w, view));
		}
		put_item(w, item ? item : label);
	}
	put_item(w, json_string("(many small ones)"));
}

static bool put_node(void *ctx, uint32_t depth, uint32_t rank,
		     const uint64_t own[FLAME_VALUES])
{
	struct html *w = ctx;
	json_t *node = json_array();

	if (rank == FLAME_REST)
		rank = (uint32_t)w->flame.canon.frames.n;
	json_array_append_new(node, json_integer(depth));
	json_array_append_new(node, json_integer(rank));
	for (int i = 0; i < (w->diff ? FLAME_VALUES : FLAME_OLD_SIZE); i++)
		json_array_append_new(node, json_count(own[i]));
	put_item(w, node);
	return !ferror(w->file);
}

static void put_page(struct html *w, const struct tm_meta *meta)
{
	const char *page = (const char *)flame_page;
	const char *at = memmem(page, flame_page_size, place, strlen(place));
	const char *rest = at + strlen(place);

	fwrite(page, 1, (size_t)(at - page), w->file);
	put_head(w, meta);
	put_names(w);
	fputs("],\n\"nodes\":[", w->file);
	w->first = true;
	flame_walk(&w->flame, put_node, w);
	fputs("]}", w->file);
	fwrite(rest, 1, (size_t)(page + flame_page_size - rest), w->file);
}

static bool html_write(const struct tm_snapshot *snapshot, FILE *file,
		       const struct tm_codec_opts *opts, struct tm_err *err)
{
	struct html w = { .file = file, .diff = opts->baseline != NULL };

	if (!flame_init(&w.flame, snapshot, opts, err))
		return false;
	put_page(&w, &snapshot->meta);
	flame_deinit(&w.flame);
	tm_buf_free(&w.text);
	return codec_written(file, err);
}

const struct tm_codec codec_html = {
	.name = "html",
	.suffix = ".html",
	.summary = "flame graph page, works offline",
	.write = html_write,
	.functions = true,
	.stacks = true,
};
