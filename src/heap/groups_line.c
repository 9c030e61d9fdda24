#include "heap/groups_line.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static uint64_t key_of(const struct heap_census *census, uint32_t type_group, uint32_t node)
{
	const uint32_t owner = heap_census_owner(census, node);

	return (uint64_t)type_group << 32 | census->allocated->line_of[owner];
}

uint32_t heap_line_group(const struct heap_line_groups *lines,
			 const struct heap_census *census, uint32_t type_group, uint32_t node)
{
	return tm_map_get(&lines->groups, key_of(census, type_group, node));
}

uint32_t *heap_line_group_put(struct heap_line_groups *lines,
			      const struct heap_census *census, uint32_t type_group,
			      uint32_t node)
{
	return tm_map_put(&lines->groups, key_of(census, type_group, node));
}

void heap_line_group_name(const char *type, const struct heap_line *line,
			  struct tm_buf *ret)
{
	tm_buf_adds(ret, type);
	tm_buf_addc(ret, '\0');
	if (line)
		tm_buf_addf(ret, "%" PRIu32 ":%s", line->lineno, line->filename);
}

void heap_line_group_split(const char *name, size_t len, struct tm_heap_group *ret)
{
	const size_t type = strlen(name);
	char *colon;

	if (len <= type + 1)
		return;
	ret->lineno = (uint32_t)strtoul(name + type + 1, &colon, 10);
	ret->filename = tm_strdup(colon + 1);
}
