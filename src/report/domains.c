#include "report/domains.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/order.h"

static int compare_domains(const void *a, const void *b)
{
	const struct report_domain *x = a, *y = b;

	return tm_order_u64(x->domain, y->domain);
}

struct report_domain *report_domains(const struct tm_snapshot *snapshot, size_t *ret_n)
{
	struct report_domain *domains = NULL;
	struct tm_map map = { 0 };
	size_t n = 0, cap = 0;

	for (size_t i = 0; i < snapshot->nsites; i++) {
		const struct tm_site *site = &snapshot->sites[i];
		uint32_t *at;

		if (!site->count)
			continue;
		at = tm_map_put(&map, site->domain);
		if (*at == TM_MAP_NONE) {
			*at = (uint32_t)n;
			domains = tm_grow(domains, &cap, n + 1, sizeof(*domains));
			domains[n++] = (struct report_domain){ site->domain, 0, 0 };
		}
		domains[*at].traces += site->count;
		domains[*at].size += site->size;
	}
	tm_map_free(&map);
	if (n)
		qsort(domains, n, sizeof(*domains), compare_domains);
	*ret_n = n;
	return domains;
}
