#include "cli/units.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/quantity.h"
#include "cli/number.h"

bool cli_bytes(const char *word, uint64_t *ret)
{
	static const char units[] = "KMGT";
	const char *end, *unit;
	double value;

	if (!tm_decimal(word, &value, &end))
		return false;
	unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
	if (unit) {
		value = ldexp(value, 10 * (int)(unit - units + 1));
		end++;
		if (strncasecmp(end, "iB", 2) == 0)
			end += 2;
	}
	if (strcasecmp(end, "B") == 0)
		end++;
	if (*end || value > 1e18)
		return false;
	*ret = (uint64_t)value;
	return true;
}

bool cli_percent(const char *word, double *ret)
{
	const char *end;
	double value;

	if (!tm_decimal(word, &value, &end) || (*end && strcmp(end, "%") != 0) ||
	    value <= 0 || value > 10000)
		return false;
	*ret = value / 100;
	return true;
}

bool cli_host_port(const char *word, char **ret_host, char **ret_port)
{
	const char *colon = strrchr(word, ':');
	size_t len = colon ? (size_t)(colon - word) : 0;
	uint64_t port;

	if (!colon || !cli_number(colon + 1, 65535, &port))
		return false;
	if (len >= 2 && word[0] == '[' && word[len - 1] == ']') {
		word++;
		len -= 2;
	} else if (memchr(word, ':', len)) {
		return false;
	}
	*ret_host = len ? tm_asprintf("%.*s", (int)len, word) :
			  tm_strdup("127.0.0.1");
	*ret_port = tm_strdup(colon + 1);
	return true;
}

bool cli_host_is_local(const char *host)
{
	struct in_addr four;
	struct in6_addr six;

	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == IN_LOOPBACKNET;
	if (inet_pton(AF_INET6, host, &six) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&six) ||
	       (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == IN_LOOPBACKNET);
}
