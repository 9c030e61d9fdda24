/* `refs`. */
#include <inttypes.h>

#include "base/guard.h"
#include "codec/codec.h"
#include "codec/csv.h"
#include "report/items.h"
#include "report/line.h"
#include "report/proof.h"

/* ---- text ------------------------------------------------------------------- */

static void print_head(const struct report *how, const struct tm_heap_refs *refs)
{
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	tm_buf_addf(&line, "%s: count=%" PRIu64, refs->what, refs->count);
	add_heap_size(&line, ", size=", (double)refs->size, false);
	add_heap_size(&line, ", retained=", (double)refs->retained, false);
	line_print_buf(how->out, "", &line);
}

static void print_path(const struct report *how, const struct tm_heap_path *path,
		       bool down)
{
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };
	char size[32];

	tm_format_size(size, (double)path->size, false);
	tm_buf_addf(&line, "%10" PRIu64 " %10s  %s", path->count, size,
		    path->expression);
	if (down)
		tm_buf_addf(&line, "  (%s)", path->root);
	line_print_buf(how->out, "", &line);
}

/* Where they were allocated, if it is known. */
static void print_lines(const struct report *how, const struct tm_heap_path *path)
{
	for (size_t i = 0; i < path->nlines; i++) {
		TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

		tm_buf_addf(&line, "%" PRIu64 " allocated at %s:%" PRIu32,
			    path->lines[i].count, path->lines[i].filename,
			    path->lines[i].lineno);
		line_print_buf(how->out, "                       ", &line);
	}
}

/* How one of them is reached, step by step. */
static void print_steps(const struct report *how, const struct tm_heap_path *path)
{
	for (size_t i = 0; i < path->nsteps; i++) {
		TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };
		const struct tm_heap_step *step = &path->steps[i];

		if (step->address)
			tm_buf_addf(&line, "%s at 0x%" PRIx64 " %s", step->type,
				    step->address, step->edge);
		else
			tm_buf_adds(&line, path->root);
		line_print_buf(how->out, "                       ", &line);
	}
}

static void print_text(const struct report *how, const struct tm_heap_refs *refs,
		       bool down)
{
	size_t shown = items_shown(how, refs->n);
	uint64_t found = 0;

	print_head(how, refs);
	for (size_t i = 0; i < refs->n; i++)
		found += refs->paths[i].count;
	for (size_t i = 0; i < shown; i++) {
		print_path(how, &refs->paths[i], down);
		print_lines(how, &refs->paths[i]);
		if (how->form == REPORT_PRETTY)
			print_steps(how, &refs->paths[i]);
	}
	if (shown < refs->n)
		fprintf(how->out, "%zu other paths\n", refs->n - shown);
	if (!down && found < refs->count)
		fprintf(how->out, "%" PRIu64 " are garbage: no root leads to them\n",
			refs->count - found);
}

/* ---- JSON ------------------------------------------------------------------- */

static json_t *step_json(const struct tm_heap_step *step)
{
	json_t *object = json_object();
	char address[32];

	snprintf(address, sizeof(address), "0x%" PRIx64, step->address);
	json_object_set_new(object, "address", json_string(address));
	json_object_set_new(object, "type", json_bytes(step->type));
	json_object_set_new(object, "edge", json_bytes(step->edge));
	return object;
}

static json_t *lines_json(const struct tm_heap_path *path)
{
	json_t *list = json_array();

	for (size_t i = 0; i < path->nlines; i++) {
		json_t *object = json_object();

		json_object_set_new(object, "count", json_count(path->lines[i].count));
		json_object_set_new(object, "line", proof_line(path->lines[i].filename,
							       path->lines[i].lineno));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *path_json(const struct tm_heap_path *path, bool down)
{
	json_t *object = json_object(), *steps = json_array();

	json_object_set_new(object, "count", json_count(path->count));
	json_object_set_new(object, "expression", json_bytes(path->expression));
	if (down) {
		json_object_set_new(object, "type", json_bytes(path->root));
		json_object_set_new(object, "retained", json_count(path->size));
	} else {
		json_object_set_new(object, "root", json_bytes(path->root));
	}
	for (size_t i = 0; i < path->nsteps; i++)
		json_array_append_new(steps, step_json(&path->steps[i]));
	if (path->nlines)
		json_object_set_new(object, "allocated", lines_json(path));
	if (down)
		json_decref(steps);
	else
		json_object_set_new(object, "steps", steps);
	return object;
}

static bool write_json(const struct report *how, struct report_heap source,
		       const struct tm_heap_refs *refs, bool down, struct tm_err *err)
{
	json_t *report = proof_report("tmattach-refs", source), *list = json_array();

	json_object_set_new(report, "what", json_bytes(refs->what));
	json_object_set_new(report, "count", json_count(refs->count));
	json_object_set_new(report, "size", json_count(refs->size));
	json_object_set_new(report, "retained", json_count(refs->retained));
	for (size_t i = 0; i < items_shown(how, refs->n); i++)
		json_array_append_new(list, path_json(&refs->paths[i], down));
	json_object_set_new(report, down ? "holds" : "paths", list);
	return json_report_write(report, 0, how->out, err);
}

/* ---- CSV -------------------------------------------------------------------- */

static bool write_csv(const struct report *how, const struct tm_heap_refs *refs,
		      bool down, struct tm_err *err)
{
	fputs(down ? "count,retained,expression,type\r\n" :
		     "count,size,expression,root\r\n", how->out);
	for (size_t i = 0; i < items_shown(how, refs->n); i++) {
		TM_GUARD(tm_buf_free) struct tm_buf row = { 0 };
		const struct tm_heap_path *path = &refs->paths[i];

		tm_buf_addf(&row, "%" PRIu64 ",%" PRIu64 ",", path->count, path->size);
		csv_add_bytes(&row, path->expression);
		tm_buf_addc(&row, ',');
		csv_add_bytes(&row, path->root);
		tm_buf_adds(&row, "\r\n");
		fwrite(row.data, 1, row.len, how->out);
	}
	return codec_written(how->out, err);
}

bool report_refs(const struct report *how, struct report_heap source,
		 const struct tm_heap_refs *refs, bool down, struct tm_err *err)
{
	switch (how->form) {
	case REPORT_TEXT:
	case REPORT_PRETTY:
		print_text(how, refs, down);
		break;
	case REPORT_JSON:
		return write_json(how, source, refs, down, err);
	case REPORT_CSV:
		return write_csv(how, refs, down, err);
	}
	proof_print(how->out, source.heap);
	return true;
}
