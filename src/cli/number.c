#include "cli/number.h"

#include <stdlib.h>

bool cli_number(const char *word, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (*word == '\0')
		return false;
	for (; *word; word++) {
		if (*word < '0' || *word > '9')
			return false;
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*word - '0'),
					   &value) ||
		    value > max)
			return false;
	}
	*ret = value;
	return true;
}

bool cli_seconds(const char *word, double *ret)
{
	char *end;
	double value = strtod(word, &end);

	if (end == word || *end != '\0' || !(value > 0.0 && value <= 86400.0))
		return false;
	*ret = value;
	return true;
}
