/* What was proved about a heap: the last line for people, and for scripts. */
#ifndef TM_REPORT_PROOF_H
#define TM_REPORT_PROOF_H

#include "report/json.h"

void proof_print(FILE *out, const struct tm_heap *heap);
json_t *proof_json(const struct tm_heap *heap);

/* {"format":…,"version":1,"source":S}, to be continued. */
json_t *proof_report(const char *format, struct report_heap source);

/* {"filename":…,"lineno":…} of a line that has allocated. */
json_t *proof_line(const char *filename, uint32_t lineno);

/* "4855 KiB" */
void add_heap_size(struct tm_buf *line, const char *label, double size, bool sign);

#endif
