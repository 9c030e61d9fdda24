/* `objects --suspects`. */
#include <inttypes.h>
#include <string.h>

#include "base/guard.h"
#include "codec/codec.h"
#include "codec/csv.h"
#include "report/items.h"
#include "report/line.h"
#include "report/proof.h"

static double percent(const struct tm_heap_suspects *suspects, uint64_t retained)
{
	return suspects->size ? 100 * (double)retained / (double)suspects->size : 0;
}

/* ---- text ------------------------------------------------------------------- */

static void print_suspect(const struct report *how,
			  const struct tm_heap_suspects *suspects, size_t i)
{
	const struct tm_heap_suspect *s = &suspects->items[i];
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	tm_buf_addf(&line, "#%zu: %s: %s at 0x%" PRIx64, i + 1, s->expression,
		    s->type, s->address);
	add_heap_size(&line, ", retained=", (double)s->retained, false);
	tm_buf_addf(&line, " (%.1f%%)", percent(suspects, s->retained));
	line_print_buf(how->out, "", &line);
	tm_buf_clear(&line);
	if (s->point_address != s->address) {
		tm_buf_addf(&line, "accumulates in %s: %s at 0x%" PRIx64, s->point,
			    s->point_type, s->point_address);
		add_heap_size(&line, ", retained=", (double)s->point_retained, false);
		line_print_buf(how->out, "    ", &line);
		tm_buf_clear(&line);
	}
	if (!s->inside)
		return;
	tm_buf_addf(&line, "inside: %" PRIu64 " of %s", s->inside_count, s->inside);
	add_heap_size(&line, ", retained=", (double)s->inside_retained, false);
	line_print_buf(how->out, "    ", &line);
}

static void print_text(const struct report *how,
		       const struct tm_heap_suspects *suspects)
{
	char size[32];

	for (size_t i = 0; i < items_shown(how, suspects->n); i++)
		print_suspect(how, suspects, i);
	fprintf(how->out, "%zu objects retain 5%% or more each of %s\n", suspects->n,
		tm_format_size(size, (double)suspects->size, false));
}

/* ---- JSON ------------------------------------------------------------------- */

static json_t *place_json(const char *expression, const char *type, uint64_t address,
			  uint64_t retained)
{
	json_t *object = json_object();
	char text[32];

	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	json_object_set_new(object, "expression", json_bytes(expression));
	json_object_set_new(object, "type", json_bytes(type));
	json_object_set_new(object, "address", json_string(text));
	json_object_set_new(object, "retained", json_count(retained));
	return object;
}

static json_t *suspect_json(const struct tm_heap_suspect *s)
{
	json_t *object = place_json(s->expression, s->type, s->address, s->retained);
	json_t *inside = json_object();

	json_object_set_new(object, "root", json_bytes(s->root));
	json_object_set_new(object, "accumulates", place_json(s->point, s->point_type,
			    s->point_address, s->point_retained));
	json_object_set_new(inside, "type", json_bytes(s->inside));
	json_object_set_new(inside, "count", json_count(s->inside_count));
	json_object_set_new(inside, "retained", json_count(s->inside_retained));
	if (s->inside)
		json_object_set_new(object, "inside", inside);
	else
		json_decref(inside);
	return object;
}

static bool write_json(const struct report *how, struct report_heap source,
		       const struct tm_heap_suspects *suspects, struct tm_err *err)
{
	json_t *report = proof_report("tmattach-suspects", source);
	json_t *list = json_array();

	json_object_set_new(report, "size", json_count(suspects->size));
	json_object_set_new(report, "proof", proof_json(source.heap));
	for (size_t i = 0; i < items_shown(how, suspects->n); i++)
		json_array_append_new(list, suspect_json(&suspects->items[i]));
	json_object_set_new(report, "suspects", list);
	return json_report_write(report, 0, how->out, err);
}

/* ---- CSV -------------------------------------------------------------------- */

static void add_names(struct tm_buf *row, const char *expression, const char *type)
{
	csv_add_bytes(row, expression);
	tm_buf_addc(row, ',');
	csv_add_bytes(row, type);
}

static bool write_csv(const struct report *how,
		      const struct tm_heap_suspects *suspects, struct tm_err *err)
{
	fputs("expression,type,address,retained,point,point_type,point_retained,"
	      "inside,inside_count\r\n", how->out);
	for (size_t i = 0; i < items_shown(how, suspects->n); i++) {
		TM_GUARD(tm_buf_free) struct tm_buf row = { 0 };
		const struct tm_heap_suspect *s = &suspects->items[i];

		add_names(&row, s->expression, s->type);
		tm_buf_addf(&row, ",0x%" PRIx64 ",%" PRIu64 ",", s->address, s->retained);
		add_names(&row, s->point, s->point_type);
		tm_buf_addf(&row, ",%" PRIu64 ",", s->point_retained);
		csv_add_bytes(&row, s->inside ? s->inside : "");
		tm_buf_addf(&row, ",%" PRIu64 "\r\n", s->inside_count);
		fwrite(row.data, 1, row.len, how->out);
	}
	return codec_written(how->out, err);
}

bool report_suspects(const struct report *how, struct report_heap source,
		     const struct tm_heap_suspects *suspects, struct tm_err *err)
{
	switch (how->form) {
	case REPORT_TEXT:
	case REPORT_PRETTY:
		print_text(how, suspects);
		break;
	case REPORT_JSON:
		return write_json(how, source, suspects, err);
	case REPORT_CSV:
		return write_csv(how, suspects, err);
	}
	proof_print(how->out, source.heap);
	return true;
}
