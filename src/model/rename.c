#include "model/rename.h"

#include <string.h>


/* Without the slashes at its end; "/" is the empty name before the first one. */
static struct tm_text directory(struct tm_text name)
{
	while (name.len > 0 && name.bytes[name.len - 1] == '/')
		name.len--;
	return name;
}

/* Is it that directory, or below? Names of files are not cut in the middle. */
static bool is_below(struct tm_text name, struct tm_text dir)
{
	return name.len >= dir.len && memcmp(name.bytes, dir.bytes, dir.len) == 0 &&
	       (name.len == dir.len || name.bytes[dir.len] == '/');
}

static bool replace(struct tm_text from, struct tm_text to, struct tm_text name,
		    struct tm_buf *ret)
{
	size_t rest;

	from = directory(from);
	if (!is_below(name, from) || (to.len == 0 && name.len == from.len))
		return false;
	rest = from.len;
	/* Nothing in front of it: the rest is a relative name. */
	if (to.len == 0)
		rest++;
	to = to.len > 1 ? directory(to) : to;
	tm_buf_add(ret, to.bytes, to.len == 1 && to.bytes[0] == '/' ? 0 : to.len);
	tm_buf_add(ret, name.bytes + rest, name.len - rest);
	return true;
}

bool tm_rename(const struct tm_mapping *mappings, size_t n, struct tm_text name,
	       struct tm_buf *ret)
{
	for (size_t i = 0; i < n; i++)
		if (replace(mappings[i].from, mappings[i].to, name, ret))
			return true;
	return false;
}

char *tm_mapping_undo(const struct tm_mapping *mapping, struct tm_text name,
		      size_t *ret_len)
{
	struct tm_buf before = { 0 };

	if (mapping->to.len > 0) {
		replace(mapping->to, mapping->from, name, &before);
	} else if (name.len > 0 && name.bytes[0] != '/' && name.bytes[0] != '<') {
		tm_buf_add(&before, mapping->from.bytes, directory(mapping->from).len);
		tm_buf_addc(&before, '/');
		tm_buf_add(&before, name.bytes, name.len);
	}
	*ret_len = before.len;
	return before.data;
}
