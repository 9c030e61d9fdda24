/* fnmatch patterns, compiled once and matched often. */
#ifndef TM_MODEL_PATTERN_H
#define TM_MODEL_PATTERN_H

#include "tmattach/model.h"

struct pattern_range {
	uint32_t first, last; /* code points */
};

struct pattern_op {
	enum {
		PATTERN_CHAR, /* the code point `value` */
		PATTERN_ANY,  /* one code point */
		PATTERN_STAR, /* any number of them */
		PATTERN_SET,  /* in, or negated: not in ranges[value..+n) */
	} kind;
	bool negated;
	size_t value;
	size_t n;
};

struct pattern {
	struct pattern_op *ops;
	size_t nops, ops_cap;
	struct pattern_range *ranges;
	size_t nranges, ranges_cap;
};

void pattern_init(struct pattern *pattern, struct tm_text text);
void pattern_free(struct pattern *pattern);
bool pattern_match(const struct pattern *pattern, struct tm_text name);

#endif
