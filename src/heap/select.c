#include "heap/select.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "heap/patterns.h"

static void add(struct heap_selection *ret, uint32_t node)
{
	ret->nodes = tm_grow(ret->nodes, &ret->cap, ret->n + 1, sizeof(*ret->nodes));
	ret->nodes[ret->n++] = node;
}

/* ---- an address ---------------------------------------------------------------- */

static bool is_address(const char *what, uint64_t *ret)
{
	char *end;

	if (what[0] < '0' || what[0] > '9')
		return false;
	errno = 0;
	*ret = strtoull(what, &end, 0);
	return *end == '\0' && errno == 0;
}

static bool select_address(struct heap_selection *ret, const struct tm_heap *heap,
			   uint64_t address, struct tm_err *err)
{
	const struct heap_census *census = heap->census;
	uint32_t node = census->ops->find(census, address);

	node = node ? heap_census_owner(census, node) : 0;
	if (node == 0 || heap_node_kind(census, node) != HEAP_OBJECT) {
		tm_err_set(err, TM_ERR_USAGE, NULL,
			   "there is no object at 0x%" PRIx64, address);
		return tm_err_hint(err, "an address is what id() gives; addresses "
				   "of other processes and earlier instants mean "
				   "nothing here");
	}
	ret->known = true;
	add(ret, node);
	return true;
}

/* ---- a type -------------------------------------------------------------------- */

static bool is_type(const struct heap_census *census, uint32_t type, const char *name)
{
	TM_GUARD(tm_buf_free) struct tm_buf full = { 0 };

	heap_type_name(census, type, &full);
	return strcmp(full.data, name) == 0;
}

static void add_instances(struct heap_selection *ret, const struct heap_census *census,
			  const bool *wanted)
{
	for (uint32_t node = 1; ret->known && node < census->graph.nodes; node++)
		if (heap_node_kind(census, node) == HEAP_OBJECT &&
		    census->info[node] < census->ntypes && wanted[census->info[node]])
			add(ret, node);
}

static void select_type(struct heap_selection *ret, const struct heap_census *census,
			const char *name)
{
	bool *wanted = tm_calloc(census->ntypes + 1u, sizeof(*wanted));

	if (strncmp(name, "builtins.", 9) == 0)
		name += 9;
	for (uint32_t type = 0; type < census->ntypes; type++) {
		wanted[type] = is_type(census, type, name);
		ret->known |= wanted[type];
	}
	add_instances(ret, census, wanted);
	free(wanted);
}

/* "Session": of any module. */
static void select_class(struct heap_selection *ret, const struct heap_census *census,
			 const char *name)
{
	bool *wanted = tm_calloc(census->ntypes + 1u, sizeof(*wanted));

	for (uint32_t type = 0; type < census->ntypes; type++) {
		if (!census->types[type].name ||
		    strcmp(census->types[type].name, name) != 0)
			continue;
		wanted[type] = ret->known = true;
		ret->types = tm_grow(ret->types, &ret->types_cap, ret->ntypes + 1,
				     sizeof(*ret->types));
		ret->types[ret->ntypes++] = type;
	}
	add_instances(ret, census, wanted);
	free(wanted);
}

/* ---- an expression --------------------------------------------------------------- */

/* The end of the step at `at`: ".name" or "[literal]", in which quotes may hold
 * any bracket. NULL: that is none. */
static const char *step_end(const char *at)
{
	char quote = '\0';

	if (*at == '.') {
		size_t len = strcspn(at + 1, ".[");

		return len ? at + 1 + len : NULL;
	}
	if (*at != '[')
		return NULL;
	for (int depth = 0; *at; at++) {
		if (quote) {
			if (*at == '\\' && at[1])
				at++;
			else if (*at == quote)
				quote = '\0';
		} else if (*at == '\'' || *at == '"') {
			quote = *at;
		} else if (*at == '[') {
			depth++;
		} else if (*at == ']' && --depth == 0) {
			return at + 1;
		}
	}
	return NULL;
}

/* Python writes keys in single quotes, people do not always. */
static void add_wanted(const char *step, size_t len, struct tm_buf *ret)
{
	tm_buf_add(ret, step, len);
	if (len > 3 && step[1] == '"' && step[len - 2] == '"' &&
	    !memchr(step, '\'', len))
		ret->data[1] = ret->data[len - 2] = '\'';
}

struct search {
	struct heap_census *census;
	const struct tm_buf *wanted;
	struct tm_buf text; /* scratch */
};

static bool edge_is(struct search *search, uint32_t start, uint64_t edge, bool namespace)
{
	tm_buf_clear(&search->text);
	heap_step_text(search->census, start, edge, namespace, &search->text);
	return search->text.len == search->wanted->len &&
	       memcmp(search->text.data, search->wanted->data, search->text.len) == 0;
}

/* Where the step leads to; 0: nowhere. Buffers and the __dict__ are looked
 * through, three levels at most: object, dict, its table. */
static uint32_t follow(struct search *search, uint32_t node, bool namespace,
		       unsigned levels)
{
	struct heap_census *census = search->census;
	const struct heap_graph *graph = &census->graph;

	for (uint64_t e = graph->row[node]; e < graph->row[node + 1]; e++)
		if (heap_edge_kind(census->how[e]) != HEAP_EDGE_BUFFER &&
		    edge_is(search, node, e, namespace))
			return graph->to[e];
	for (uint64_t e = graph->row[node]; levels && e < graph->row[node + 1]; e++) {
		enum heap_edge_kind kind = heap_edge_kind(census->how[e]);
		bool dict = kind == HEAP_EDGE_DICT;
		uint32_t found = dict || kind == HEAP_EDGE_BUFFER ?
			follow(search, graph->to[e], dict || namespace, levels - 1) : 0;

		if (found)
			return found;
	}
	return 0;
}

static uint32_t follow_all(struct heap_census *census, uint32_t node,
			   const char *steps)
{
	bool namespace = true; /* a module's dict */

	while (node && *steps) {
		TM_GUARD(tm_buf_free) struct tm_buf wanted = { 0 };
		struct search search = { .census = census, .wanted = &wanted };
		const char *end = step_end(steps);

		if (!end)
			return 0;
		add_wanted(steps, (size_t)(end - steps), &wanted);
		node = follow(&search, node, namespace, 3);
		tm_buf_free(&search.text);
		namespace = false;
		steps = end;
	}
	return node;
}

/* The module of the longest name first: shop.cache is one, or shop's. */
static void select_expression(struct heap_selection *ret, struct heap_census *census,
			      const char *what)
{
	uint32_t best = 0;
	size_t best_len = 0;

	for (uint32_t i = 0; i < census->nroots; i++) {
		size_t len = strlen(census->roots[i].name);
		uint32_t node;

		if (census->roots[i].kind != HEAP_ROOT_MODULE || len <= best_len ||
		    strncmp(what, census->roots[i].name, len) != 0 ||
		    (what[len] && what[len] != '.' && what[len] != '['))
			continue;
		node = follow_all(census, census->graph.to[census->graph.row[0] + i],
				  what + len);
		node = node ? heap_census_owner(census, node) : 0;
		if (!node)
			continue;
		best = node;
		best_len = len;
	}
	if (!best)
		return;
	ret->known = true;
	add(ret, best);
}

bool heap_select(struct heap_selection *ret, struct tm_heap *heap, const char *what,
		 struct tm_err *err)
{
	uint64_t address;

	if (is_address(what, &address))
		return select_address(ret, heap, address, err);
	select_type(ret, heap->census, what);
	if (!ret->known)
		select_expression(ret, heap->census, what);
	if (!ret->known)
		select_class(ret, heap->census, what);
	return true;
}

void heap_selection_free(struct heap_selection *self)
{
	free(self->nodes);
	free(self->types);
	*self = (struct heap_selection){ 0 };
}
