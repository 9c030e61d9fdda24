/* `ps` for scripts. */
#include <inttypes.h>
#include <string.h>

#include "base/guard.h"
#include "codec/codec.h"
#include "codec/csv.h"
#include "codec/json_shape.h"
#include "codec/text.h"
#include "tmattach/session.h"

static json_t *command_json(const char *command)
{
	TM_GUARD(tm_buf_free) struct tm_buf buf = { 0 };

	tm_buf_add(&buf, "", 0);
	text_from_fs(&buf, command, strlen(command));
	return json_text((struct tm_text){ buf.data, buf.len });
}

static json_t *traced(const struct tm_process_row *row, uint64_t value)
{
	if (!row->permitted || row->status->tracing != TM_TRACING_ON)
		return json_null();
	return json_count(value);
}

static json_t *row_json(const struct tm_process_row *row)
{
	json_t *object = json_object(), *memory = json_object();
	const struct tm_status *status = row->status;
	bool ok = row->permitted;

	json_object_set_new(object, "pid", json_integer(row->pid));
	json_object_set_new(object, "permitted", json_boolean(ok));
	json_object_set_new(object, "runtime", ok ?
			    json_string(status->runtime) : json_null());
	json_object_set_new(object, "tracing", ok ?
			    json_boolean(status->tracing == TM_TRACING_ON) :
			    json_null());
	json_object_set_new(object, "traceback_limit",
			    traced(row, status->traceback_limit));
	json_object_set_new(memory, "current", traced(row, status->traced_current));
	json_object_set_new(memory, "peak", traced(row, status->traced_peak));
	json_object_set_new(object, "traced_memory", memory);
	json_object_set_new(object, "rss", ok ? json_count(status->rss) :
						json_null());
	json_object_set_new(object, "command", command_json(row->command));
	return object;
}

bool tm_write_ps_json(const struct tm_process_row *rows, size_t n, FILE *out,
		      struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf buf = { 0 };
	json_t *head = json_object();

	json_object_set_new(head, "format", json_string("tmattach-ps"));
	json_object_set_new(head, "version", json_integer(1));
	json_object_set_new(head, "processes", json_array());
	json_begin_list(&buf, head);
	for (size_t i = 0; i < n; i++) {
		json_t *row = row_json(&rows[i]);

		if (i)
			tm_buf_addc(&buf, ',');
		json_append(&buf, row);
		json_decref(row);
	}
	json_end_list(&buf);
	fwrite(buf.data, 1, buf.len, out);
	return codec_written(out, err);
}

static void add_row(struct tm_buf *buf, const struct tm_process_row *row)
{
	const struct tm_status *status = row->status;
	bool on = row->permitted && status->tracing == TM_TRACING_ON;

	tm_buf_addf(buf, "%d,%d,", (int)row->pid, row->permitted);
	if (row->permitted)
		csv_add_field(buf, status->runtime, strlen(status->runtime));
	tm_buf_addf(buf, ",%s,", !row->permitted ? "" : on ? "1" : "0");
	if (on)
		tm_buf_addf(buf, "%" PRIu64 ",%" PRIu64, status->traced_current,
			    status->traced_peak);
	else
		tm_buf_addc(buf, ',');
	tm_buf_addc(buf, ',');
	if (row->permitted)
		tm_buf_addf(buf, "%" PRIu64, status->rss);
	tm_buf_addc(buf, ',');
}

bool tm_write_ps_csv(const struct tm_process_row *rows, size_t n, FILE *out,
		     struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf buf = { 0 };

	tm_buf_adds(&buf, "pid,permitted,runtime,tracing,current,peak,rss,command\r\n");
	for (size_t i = 0; i < n; i++) {
		TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };

		add_row(&buf, &rows[i]);
		tm_buf_add(&text, "", 0);
		text_from_fs(&text, rows[i].command, strlen(rows[i].command));
		csv_add_field(&buf, text.data, text.len);
		tm_buf_adds(&buf, "\r\n");
	}
	fwrite(buf.data, 1, buf.len, out);
	return codec_written(out, err);
}
