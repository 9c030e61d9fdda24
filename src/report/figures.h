/* The figures of a process' memory that `info` shows. Private to the room. */
#ifndef TM_REPORT_FIGURES_H
#define TM_REPORT_FIGURES_H

#include <jansson.h>

#include "report/report.h"

/* A figure of the memory: its name for scripts, NULL if it is not for them, and
 * for people, where what is indented below a figure adds up to it. */
struct figure {
	const char *name, *word;
	uint64_t bytes;
	bool known;
	const char *why; /* shown to people: why it is not known; may be NULL */
};
enum { FIGURES = 34 };

/* "RSS is ...", and what can be done about it; NULL: nothing stands out. */
const char *report_advice(const struct report_info *info);

/* For scripts. */
json_t *report_memory_json(const struct report_info *info);

void report_figures(const struct report_info *info, struct figure ret[FIGURES]);

#endif
