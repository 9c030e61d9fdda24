/*
 * What `watch` serves to a monitoring system: the text of OpenMetrics 1.0, or of
 * the Prometheus format 0.0.4, which differ in the names of counters.
 */
#ifndef TM_CLI_METRICS_H
#define TM_CLI_METRICS_H

#include "base/buf.h"
#include "tmattach/process.h"

/* A process as it was found last. */
struct cli_metric_row {
	pid_t pid;
	const char *command;
	const struct tm_status *status;
	const struct tm_snapshot *snapshot; /* NULL: none of this round */
	double paused_seconds;              /* all stops together */
	uint64_t snapshots;                 /* files written */
};

/*
 * Monitoring systems keep each value of a label, so there are few of them:
 * `top` places of each process at a time, and all together no more than
 * CLI_PLACES_PER_TOP * top different ones while we run; what comes later
 * counts as "other".
 */
enum { CLI_PLACES_PER_TOP = 20, CLI_LABEL_MAX = 256 };

struct cli_metrics {
	size_t top;
	uint64_t *places; /* hashes of the places that were named */
	size_t nplaces, places_cap;
};

void cli_metrics_free(struct cli_metrics *metrics);
void cli_metrics_print(struct cli_metrics *metrics, bool openmetrics,
		       const struct cli_metric_row *rows, size_t n,
		       struct tm_buf *out);

#endif
