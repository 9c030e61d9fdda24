/* `where`. */
#include <inttypes.h>

#include "report/json.h"
#include "report/line.h"

static void print_text(const struct report *how, const struct tm_snapshot *snapshot)
{
	if (snapshot->nrows)
		line_print_traceback(how, snapshot, snapshot->sites[
				     snapshot->rows[0].site].traceback);
}

static json_t *trace_json(const struct tm_snapshot *snapshot)
{
	const struct tm_site *site = &snapshot->sites[snapshot->rows[0].site];
	const struct tm_traceback *traceback =
		&snapshot->tracebacks[site->traceback];
	json_t *trace = json_object(), *frames = json_array();

	for (uint32_t i = 0; i < traceback->nframe; i++)
		json_array_append_new(frames, json_frame(
			tm_traceback_frame(snapshot, site->traceback, i)));
	json_object_set_new(trace, "domain", json_integer(site->domain));
	json_object_set_new(trace, "size", json_count(snapshot->rows[0].size));
	json_object_set_new(trace, "total_nframe",
			    traceback->total_nframe == TM_TOTAL_NFRAME_NONE ?
			    json_null() : json_integer(traceback->total_nframe));
	json_object_set_new(trace, "traceback", frames);
	return trace;
}

static bool write_json(const struct report *how, const struct tm_snapshot *snapshot,
		       uint64_t address, struct tm_err *err)
{
	json_t *report = json_report("tmattach-where");
	char text[32];

	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	json_object_set_new(report, "source", json_source(&snapshot->meta, NULL));
	json_object_set_new(report, "address", json_string(text));
	json_object_set_new(report, "trace", snapshot->nrows ?
			    trace_json(snapshot) : json_null());
	return json_report_write(report, 0, how->out, err);
}

bool report_where(const struct report *how, const struct tm_snapshot *snapshot,
		  uint64_t address, struct tm_err *err)
{
	switch (how->form) {
	case REPORT_TEXT:
		print_text(how, snapshot);
		break;
	case REPORT_JSON:
		return write_json(how, snapshot, address, err);
	case REPORT_PRETTY:
	case REPORT_CSV:
		return report_traces(how, snapshot, err);
	}
	return true;
}
