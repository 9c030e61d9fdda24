/* A list of filters that owns its patterns. */
#ifndef TUI_FILTERS_H
#define TUI_FILTERS_H

#include <stdbool.h>
#include <stddef.h>

#include "tmattach/stats.h"

struct filters {
	struct tm_filter *items;
	size_t n;
};

void filters_deinit(struct filters *filters);
/* The texts that it owns. */
void filter_free(struct tm_filter *filter);
/* Its texts are copied. */
void filters_add(struct filters *filters, const struct tm_filter *filter);
void filters_remove(struct filters *filters, size_t i);
void filters_copy(struct filters *ret, const struct filters *from);

/*
 * What a user types: "text" matches any name containing it, wildcards make it
 * a whole pattern, ":12" at its end is a line, "()" makes it a function's name, ">5m" and
 * "<5m" are ages, "!" at its start excludes. False if there is no pattern in it. To be freed by
 * filter_free().
 */
bool filters_parse(const char *typed, struct tm_filter *ret);

/* What it includes it excludes, and the reverse. */
void filters_invert(struct tm_filter *filter);

/* A pattern that matches exactly this text. malloc'ed. */
char *filters_literal(struct tm_text text, size_t *ret_len);

/* "include app.py:12 (any frame)". malloc'ed. */
char *filters_describe(const struct tm_filter *filter);

#endif
