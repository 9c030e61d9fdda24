#include "report/json.h"

#include "base/guard.h"
#include "codec/codec.h"

json_t *json_report(const char *format)
{
	json_t *report = json_object();

	json_object_set_new(report, "format", json_string(format));
	json_object_set_new(report, "version", json_integer(1));
	return report;
}

bool json_report_write(json_t *report, double real, FILE *out,
		       struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf buf = { 0 };

	json_append_real(&buf, report, real);
	json_decref(report);
	tm_buf_addc(&buf, '\n');
	fwrite(buf.data, 1, buf.len, out);
	return codec_written(out, err);
}
