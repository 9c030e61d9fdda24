/* Numbers of the command line: the whole word or nothing. */
#ifndef TM_CLI_NUMBER_H
#define TM_CLI_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal digits only, at most `max`. */
bool cli_number(const char *word, uint64_t max, uint64_t *ret);
/* A decimal number, or a hexadecimal one after 0x; 64 bits, not 0. */
bool cli_address(const char *word, uint64_t *ret);
/* A positive finite number of seconds, "0.5", at most a day. */
bool cli_seconds(const char *word, double *ret);

#endif
