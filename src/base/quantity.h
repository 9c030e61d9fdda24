/* Numbers as users type them. */
#ifndef TM_BASE_QUANTITY_H
#define TM_BASE_QUANTITY_H

#include <stdbool.h>

/* What the word begins with: digits with at most one point, no sign, exponent, infinity
 * or hexadecimal. */
bool tm_decimal(const char *word, double *ret, const char **end);
/* The whole word, "90", "90s", "5m", "2h" or "1d": seconds, from 0.1 to a year. */
bool tm_duration(const char *word, double *ret);

#endif
