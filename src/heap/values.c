#include "heap/values.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "heap/heap.h"

enum {
	LONGEST = 1 << 20, /* longer values are not compared */
	SHOWN = 60,        /* bytes of a value */
};

static uint64_t hash_of(const char *bytes, size_t len, uint64_t hash)
{
	for (size_t i = 0; i < len; i += 8) {
		uint64_t word = 0;

		memcpy(&word, bytes + i, len - i < 8 ? len - i : 8);
		hash = tm_hash_u64(hash ^ word) + 0x9e3779b97f4a7c15u;
	}
	return hash;
}

/* Two hashes of 64 bits and the length represent the value. */
static void add_value(struct heap_values *values, const struct heap_value *seen,
		      const struct tm_buf *bytes)
{
	uint64_t key = hash_of(bytes->data, bytes->len, seen->len + seen->type * 31u);
	struct heap_value *value;
	uint32_t *at;

	for (at = tm_map_put(&values->by_hash, key); *at != TM_MAP_NONE;
	     at = tm_map_put(&values->by_hash, ++key)) {
		value = &values->items[*at];
		if (value->hash == seen->hash && value->len == seen->len &&
		    value->type == seen->type) {
			value->count++;
			value->size += seen->size;
			return;
		}
	}
	*at = (uint32_t)values->n;
	values->items = tm_grow(values->items, &values->cap, values->n + 1,
				sizeof(*values->items));
	values->items[values->n++] = *seen;
}

static bool *types_named(const struct heap_census *census, const char *a,
			 const char *b)
{
	bool *ret = tm_calloc(census->ntypes + 1u, sizeof(*ret));

	for (uint32_t type = 0; type < census->ntypes; type++) {
		TM_GUARD(tm_buf_free) struct tm_buf name = { 0 };

		heap_type_name(census, type, &name);
		ret[type] = strcmp(name.data, a) == 0 || strcmp(name.data, b) == 0;
	}
	return ret;
}

static void collect(struct heap_census *census, struct heap_values *values)
{
	bool *wanted = types_named(census, "str", "bytes");
	TM_GUARD(tm_buf_free) struct tm_buf bytes = { 0 };

	for (uint32_t node = 1; node < census->graph.nodes; node++) {
		struct heap_value seen = { .count = 1, .first = node };

		if (heap_node_kind(census, node) != HEAP_OBJECT ||
		    census->info[node] >= census->ntypes || !wanted[census->info[node]])
			continue;
		tm_buf_clear(&bytes);
		tm_buf_add(&bytes, "", 0);
		if (!census->ops->value(census, node, LONGEST, &bytes, &seen.len) ||
		    seen.len != bytes.len)
			continue;
		seen.type = census->info[node];
		seen.size = census->ops->size(census, node);
		seen.hash = hash_of(bytes.data, bytes.len, 0x5851f42d4c957f2du);
		add_value(values, &seen, &bytes);
	}
	free(wanted);
}

/* As Python would write it, cut off. */
static char *shown(struct heap_census *census, const struct heap_value *value)
{
	const char *type = census->types[value->type].name;
	TM_GUARD(tm_buf_free) struct tm_buf bytes = { 0 };
	struct tm_buf text = { 0 };
	uint64_t len = 0;

	tm_buf_adds(&text, strcmp(type, "bytes") == 0 ? "b'" : "'");
	census->ops->value(census, value->first, SHOWN, &bytes, &len);
	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char c = (unsigned char)bytes.data[i];

		if (c == '\'' || c == '\\')
			tm_buf_addf(&text, "\\%c", c);
		else if (c < 0x20 || c == 0x7f || (c >= 0x80 && text.data[0] == 'b'))
			tm_buf_addf(&text, "\\x%02x", c);
		else
			tm_buf_addc(&text, (char)c);
	}
	tm_buf_adds(&text, len > bytes.len ? "'..." : "'");
	return text.data;
}

void heap_values_collect(struct heap_values *ret, struct heap_census *census)
{
	collect(census, ret);
	for (size_t i = 0; i < ret->n; i++)
		if (ret->items[i].count > 1)
			ret->items[i].shown = shown(census, &ret->items[i]);
}

void heap_values_free(struct heap_values *values)
{
	for (size_t i = 0; i < values->n; i++)
		free(values->items[i].shown);
	free(values->items);
	tm_map_free(&values->by_hash);
}
