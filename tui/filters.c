#include "filters.h"

#include <ctype.h>
#include <stdio.h>

#include "text.h"
#include "xalloc.h"

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

	filters->items = xreallocarray(filters->items, filters->n + 1,
				       sizeof(*filters->items));
	copy = &filters->items[filters->n++];
	*copy = *filter;
	copy->pattern.bytes = xmemdup(filter->pattern.bytes, filter->pattern.len);
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
	unsigned long long n;

	while (i > 0 && isdigit((unsigned char)typed[i - 1]))
		i--;
	if (i == *len || i == 0 || typed[i - 1] != ':' || *len - i > 9)
		return false;
	n = strtoull(typed + i, NULL, 10);
	*ret = (uint32_t)n;
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
	pattern = xcalloc(len + 3, 1);
	snprintf(pattern, len + 3, "%s%.*s%s", whole ? "" : "*", (int)len, typed,
		 whole ? "" : "*");
	ret->pattern = text_of(pattern);
	return true;
}

char *filters_literal(struct tm_text text, size_t *ret_len)
{
	char *pattern = xcalloc(text.len * 3 + 1, 1), *p = pattern;

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
	char *text = NULL;
	size_t len = 0;
	FILE *out = xcheck(open_memstream(&text, &len));

	fputs(filter->inclusive ? "include " : "exclude ", out);
	if (!filter->domain_only) {
		fwrite(filter->pattern.bytes, 1, filter->pattern.len, out);
		if (filter->has_lineno)
			fprintf(out, ":%u", filter->lineno);
	}
	if (filter->has_domain)
		fprintf(out, "%sdomain %u", filter->domain_only ? "" : " in ",
			filter->domain);
	if (filter->all_frames)
		fputs(" (any frame)", out);
	if (fclose(out) != 0)
		xcheck(NULL);
	return text;
}
