#include "filters.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "text.h"

void filters_deinit(struct filters *filters)
{
	for (size_t i = 0; i < filters->n; i++)
		free((char *)filters->items[i].pattern.bytes);
	free(filters->items);
	*filters = (struct filters){ 0 };
}

void filters_add(struct filters *filters, const struct tm_filter *filter)
{
	struct tm_filter *copy;

	filters->items = tm_reallocarray(filters->items, filters->n + 1,
				       sizeof(*filters->items));
	copy = &filters->items[filters->n++];
	*copy = *filter;
	copy->pattern.bytes = tm_memdup(filter->pattern.bytes, filter->pattern.len);
}

void filters_remove(struct filters *filters, size_t i)
{
	if (i >= filters->n)
		return;
	free((char *)filters->items[i].pattern.bytes);
	filters->n--;
	memmove(&filters->items[i], &filters->items[i + 1],
		(filters->n - i) * sizeof(*filters->items));
}

void filters_copy(struct filters *ret, const struct filters *from)
{
	*ret = (struct filters){ 0 };
	for (size_t i = 0; i < from->n; i++)
		filters_add(ret, &from->items[i]);
}

/* Take ":123" off the end of typed[0..*len]. */
static bool take_lineno(const char *typed, size_t *len, uint32_t *ret)
{
	size_t i = *len;

	while (i > 0 && isdigit((unsigned char)typed[i - 1]))
		i--;
	if (i == *len || i == 0 || typed[i - 1] != ':' || *len - i > 9)
		return false;
	*ret = (uint32_t)strtoull(typed + i, NULL, 10);
	*len = i - 1;
	return true;
}

bool filters_parse(const char *typed, struct tm_filter *ret)
{
	size_t len;
	bool whole;
	char *pattern;

	*ret = (struct tm_filter){ .inclusive = true };
	if (typed[0] == '!') {
		ret->inclusive = false;
		typed++;
	}
	len = strlen(typed);
	ret->has_lineno = take_lineno(typed, &len, &ret->lineno);
	if (len == 0)
		return false;
	whole = strcspn(typed, "*?[") < len;
	pattern = tm_calloc(len + 3, 1);
	snprintf(pattern, len + 3, "%s%.*s%s", whole ? "" : "*", (int)len, typed,
		 whole ? "" : "*");
	ret->pattern = text_of(pattern);
	return true;
}

char *filters_literal(struct tm_text text, size_t *ret_len)
{
	char *pattern = tm_calloc(text.len * 3 + 1, 1), *p = pattern;

	for (size_t i = 0; i < text.len; i++) {
		bool special = text.bytes[i] == '*' || text.bytes[i] == '?' ||
			       text.bytes[i] == '[';

		if (special)
			*p++ = '[';
		*p++ = text.bytes[i];
		if (special)
			*p++ = ']';
	}
	*ret_len = (size_t)(p - pattern);
	return pattern;
}

char *filters_describe(const struct tm_filter *filter)
{
	struct tm_buf text = { 0 };

	tm_buf_adds(&text, filter->inclusive ? "include " : "exclude ");
	if (!filter->domain_only) {
		tm_buf_add(&text, filter->pattern.bytes, filter->pattern.len);
		if (filter->has_lineno)
			tm_buf_addf(&text, ":%u", filter->lineno);
	}
	if (filter->has_domain)
		tm_buf_addf(&text, "%sdomain %u",
			    filter->domain_only ? "" : " in ", filter->domain);
	if (filter->all_frames)
		tm_buf_adds(&text, " (any frame)");
	return text.data;
}
