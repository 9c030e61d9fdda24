/* The sums of each domain of a snapshot. Private to src/report. */
#ifndef TM_REPORT_DOMAINS_H
#define TM_REPORT_DOMAINS_H

#include "tmattach/model.h"

struct report_domain {
	uint32_t domain;
	uint64_t traces;
	uint64_t size;
};

/* By the domains' numbers; free() the result. A site whose traces are all gone does not
 * make a domain. */
struct report_domain *report_domains(const struct tm_snapshot *snapshot, size_t *ret_n);

#endif
