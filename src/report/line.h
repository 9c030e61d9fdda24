/* Lines of the reports for people. */
#ifndef TM_REPORT_LINE_H
#define TM_REPORT_LINE_H

#include "base/buf.h"
#include "report/report.h"

/* A line as a terminal may see it; `bytes` may hold anything. */
void line_print(FILE *out, const char *indent, const char *bytes, size_t len);
/* The same of what the buffer holds. */
void line_print_buf(FILE *out, const char *indent, const struct tm_buf *buf);

/* The lines of Traceback.format(). */
void line_print_traceback(const struct report *how,
			  const struct tm_snapshot *snapshot, tm_id traceback);
/* The source line of this frame, if it is known. */
void line_print_source(const struct report *how, struct tm_frame_view frame);

#endif
