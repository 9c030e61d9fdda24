/* What the JSON and the CSV reports have in common. */
#ifndef TM_CODEC_REPORT_H
#define TM_CODEC_REPORT_H

#include "tmattach/model.h"

struct report_domain {
	uint32_t domain;
	uint64_t traces;
	uint64_t size;
};

/* The totals per domain, by domain; free() the result. */
struct report_domain *report_domains(const struct tm_snapshot *snapshot,
				     size_t *ret_n);

#endif
