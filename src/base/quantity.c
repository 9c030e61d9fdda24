#include "base/quantity.h"

#include <stdlib.h>
#include <string.h>

bool tm_decimal(const char *word, double *ret, const char **end)
{
	size_t whole = strspn(word, "0123456789"), len = whole;

	if (word[len] == '.')
		len += 1 + strspn(word + len + 1, "0123456789");
	if (whole == 0 || word[len - 1] == '.' || len > 30)
		return false;
	*ret = strtod(word, NULL);
	*end = word + len;
	return true;
}

bool tm_duration(const char *word, double *ret)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = {
		{ "", 1 }, { "s", 1 }, { "m", 60 }, { "min", 60 },
		{ "h", 3600 }, { "d", 86400 },
	};
	const char *end;
	double value;

	if (!tm_decimal(word, &value, &end))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(units[i].unit, end) == 0) {
			*ret = value * units[i].seconds;
			return *ret >= 0.1 && *ret <= 366 * 86400.0;
		}
	return false;
}
