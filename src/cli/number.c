#include "cli/number.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

bool cli_address(const char *word, uint64_t *ret)
{
	char *end;

	if (strncasecmp(word, "0x", 2) != 0)
		return cli_number(word, UINT64_MAX, ret) && *ret;
	word += 2;
	if (word[0] == '\0' ||
	    word[strspn(word, "0123456789abcdefABCDEF")] != '\0')
		return false;
	errno = 0;
	*ret = strtoull(word, &end, 16);
	return errno == 0 && *ret;
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
