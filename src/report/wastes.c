/* `objects --duplicates` and `--slack`. */
#include <inttypes.h>

#include "base/guard.h"
#include "codec/codec.h"
#include "codec/csv.h"
#include "report/items.h"
#include "report/line.h"
#include "report/proof.h"

static void print_text(const struct report *how, const struct tm_heap_wastes *wastes)
{
	char size[32];

	for (size_t i = 0; i < items_shown(how, wastes->n); i++) {
		TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };
		const struct tm_heap_waste *item = &wastes->items[i];

		tm_buf_adds(&line, item->value ? item->value : item->type);
		add_heap_size(&line, ": wasted=", (double)item->wasted, false);
		add_heap_size(&line, ", size=", (double)item->size, false);
		tm_buf_addf(&line, ", count=%" PRIu64, item->count);
		line_print_buf(how->out, "", &line);
	}
	fprintf(how->out, "%s could be saved in %" PRIu64 " objects\n",
		tm_format_size(size, (double)wastes->wasted, false), wastes->count);
}

static bool write_json(const struct report *how, struct report_heap source,
		       const char *name, const struct tm_heap_wastes *wastes,
		       struct tm_err *err)
{
	json_t *report = proof_report(name, source), *list = json_array();

	json_object_set_new(report, "count", json_count(wastes->count));
	json_object_set_new(report, "size", json_count(wastes->size));
	json_object_set_new(report, "wasted", json_count(wastes->wasted));
	json_object_set_new(report, "proof", proof_json(source.heap));
	for (size_t i = 0; i < items_shown(how, wastes->n); i++) {
		const struct tm_heap_waste *item = &wastes->items[i];
		json_t *object = json_object();

		json_object_set_new(object, "type", json_bytes(item->type));
		json_object_set_new(object, "value", json_bytes(item->value));
		json_object_set_new(object, "count", json_count(item->count));
		json_object_set_new(object, "size", json_count(item->size));
		json_object_set_new(object, "wasted", json_count(item->wasted));
		json_array_append_new(list, object);
	}
	json_object_set_new(report, "groups", list);
	return json_report_write(report, 0, how->out, err);
}

static bool write_csv(const struct report *how, const struct tm_heap_wastes *wastes,
		      struct tm_err *err)
{
	fputs("type,value,count,size,wasted\r\n", how->out);
	for (size_t i = 0; i < items_shown(how, wastes->n); i++) {
		TM_GUARD(tm_buf_free) struct tm_buf row = { 0 };
		const struct tm_heap_waste *item = &wastes->items[i];

		csv_add_bytes(&row, item->type);
		tm_buf_addc(&row, ',');
		csv_add_bytes(&row, item->value ? item->value : "");
		tm_buf_addf(&row, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\r\n",
			    item->count, item->size, item->wasted);
		fwrite(row.data, 1, row.len, how->out);
	}
	return codec_written(how->out, err);
}

bool report_wastes(const struct report *how, struct report_heap source,
		   const char *name, const struct tm_heap_wastes *wastes,
		   struct tm_err *err)
{
	switch (how->form) {
	case REPORT_TEXT:
	case REPORT_PRETTY:
		print_text(how, wastes);
		break;
	case REPORT_JSON:
		return write_json(how, source, name, wastes, err);
	case REPORT_CSV:
		return write_csv(how, wastes, err);
	}
	proof_print(how->out, source.heap);
	return true;
}
