/* Amounts of the command line: the whole word or nothing. */
#ifndef TM_CLI_UNITS_H
#define TM_CLI_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* "500M", "1.5GiB", "2g", "4096": bytes, K M G T being powers of 1024. */
bool cli_bytes(const char *word, uint64_t *ret);
/* "20%" or "20": a share above 0, at most 100 times. */
bool cli_percent(const char *word, double *ret);

/* "127.0.0.1:9464", "[::1]:9464", ":9464" (loopback): the parts of the word,
 * malloc'ed. */
bool cli_host_port(const char *word, char **ret_host, char **ret_port);

/* Does this numeric address reach no further than this machine? False also
 * for what is not a plain address. */
bool cli_host_is_local(const char *host);

#endif
