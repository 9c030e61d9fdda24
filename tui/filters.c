#include "filters.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/quantity.h"
#include "text.h"

void filter_free(struct tm_filter *filter)
{
	free((char *)filter->pattern.bytes);
	free((char *)filter->function.bytes);
}

static struct tm_text copy_text(struct tm_text text)
{
	if (text.bytes)
		text.bytes = tm_memdup(text.bytes, text.len);
	return text;
}

void filters_deinit(struct filters *filters)
{
	for (size_t i = 0; i < filters->n; i++)
		filter_free(&filters->items[i]);
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
	copy->pattern = copy_text(filter->pattern);
	copy->function = copy_text(filter->function);
}

void filters_remove(struct filters *filters, size_t i)
{
	if (i >= filters->n)
		return;
	filter_free(&filters->items[i]);
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

/* What is typed is a part of the name, unless it is a pattern. */
static struct tm_text typed_pattern(const char *typed, size_t len)
{
	const bool whole = strcspn(typed, "*?[") < len;
	char *pattern = tm_calloc(len + 3, 1);

	snprintf(pattern, len + 3, "%s%.*s%s", whole ? "" : "*", (int)len, typed,
		 whole ? "" : "*");
	return text_of(pattern);
}

/* "name()" is a function. */
static bool take_function(const char *typed, size_t len, struct tm_filter *ret)
{
	if (len < 3 || memcmp(typed + len - 2, "()", 2) != 0)
		return false;
	ret->function = typed_pattern(typed, len - 2);
	ret->pattern = text_of(tm_memdup("*", 1));
	return true;
}

/* "<frozen" is the beginning of a name. */
static bool take_age(const char *typed, struct tm_filter *ret)
{
	double seconds;

	if ((typed[0] != '>' && typed[0] != '<') || !tm_duration(typed + 1, &seconds))
		return false;
	*(typed[0] == '>' ? &ret->older_ns : &ret->newer_ns) = (uint64_t)(seconds * 1e9);
	return true;
}

void filters_invert(struct tm_filter *filter)
{
	const uint64_t older_ns = filter->older_ns;

	filter->older_ns = filter->newer_ns;
	filter->newer_ns = older_ns;
	filter->inclusive = !filter->inclusive;
}

static bool parse(const char *typed, struct tm_filter *ret)
{
	size_t len = strlen(typed);

	if (take_age(typed, ret) || take_function(typed, len, ret))
		return true;
	ret->has_lineno = take_lineno(typed, &len, &ret->lineno);
	if (len == 0)
		return false;
	ret->pattern = typed_pattern(typed, len);
	return true;
}

bool filters_parse(const char *typed, struct tm_filter *ret)
{
	const bool inverted = typed[0] == '!';

	*ret = (struct tm_filter){ .inclusive = true };
	if (!parse(typed + inverted, ret))
		return false;
	if (inverted)
		filters_invert(ret);
	return true;
}

static char *describe_age(const struct tm_filter *filter)
{
	const uint64_t ns = filter->older_ns ? filter->older_ns : filter->newer_ns;

	return tm_asprintf("%s than %g s", filter->older_ns ? "older" : "newer", (double)ns / 1e9);
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

	if (filter->older_ns || filter->newer_ns)
		return describe_age(filter);
	tm_buf_adds(&text, filter->inclusive ? "include " : "exclude ");
	if (filter->function.bytes) {
		tm_buf_add(&text, filter->function.bytes, filter->function.len);
		tm_buf_adds(&text, "()");
	} else if (!filter->domain_only) {
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
