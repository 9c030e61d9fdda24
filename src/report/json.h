/* What the JSON reports have in common. */
#ifndef TM_REPORT_JSON_H
#define TM_REPORT_JSON_H

#include "codec/json_shape.h"
#include "report/report.h"

/* {"format":…,"version":1}, to be continued. */
json_t *json_report(const char *format);

/* Write the finished report, a line; `real` is its only fraction. */
bool json_report_write(json_t *report, double real, FILE *out,
		       struct tm_err *err);

#endif
