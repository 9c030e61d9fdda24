/* One text, served at GET /metrics. */
#ifndef TM_CLI_HTTP_H
#define TM_CLI_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "tmattach/err.h"

struct cli_http;

/*
 * Listen on a numeric address, on a thread of its own that takes no signals.
 * Few connections at a time, each for seconds only: a client that sends slowly
 * or never reads does not hold up the others.
 */
struct cli_http *cli_http_start(const char *host, const char *port,
				struct tm_err *err);
void cli_http_stop(struct cli_http *http); /* NULL is fine */
uint16_t cli_http_port(const struct cli_http *http);

/* What is served from now on: the OpenMetrics form, and the older one of
 * Prometheus for clients that do not ask for it. The texts are copied. */
void cli_http_publish(struct cli_http *http, const char *openmetrics, size_t nopen,
		      const char *plain, size_t nplain);

#endif
