#include "heap/patterns.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/big.h"
#include "base/guard.h"
#include "heap/groups_root.h"

/* Kinds of steps. From STEP_TEXT on they are numbers of texts. */
enum {
	STEP_NONE,
	STEP_INDEX,  /* [*] of a list or tuple */
	STEP_KEY,    /* [*] of a dict */
	STEP_DICT,   /* .__dict__ */
	STEP_TEXT,
};

enum {
	SMALL_DICT = 32,  /* a dict with at most this many items is a record: its
			     keys are named */
	NAMED = 32,       /* this many keys are kept apart after one pattern */
};

void heap_patterns_init(struct heap_patterns *ret, struct heap_census *census)
{
	*ret = (struct heap_patterns){ .census = census };
	ret->items = tm_grow(NULL, &ret->cap, 1, sizeof(*ret->items));
	ret->items[0] = (struct heap_pattern){ 0 };
	ret->n = 1;
}

void heap_patterns_deinit(struct heap_patterns *self)
{
	free(self->items);
	tm_map_free(&self->numbers);
	tm_map_free(&self->keys);
	tm_intern_free(&self->texts);
	tm_big_free(self->of);
}

/* ---- one step ------------------------------------------------------------------- */

static bool is_identifier(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
			      c == '_' || c >= 0x80;

		if (!letter && (i == 0 || c < '0' || c > '9'))
			return false;
	}
	return len > 0;
}

void heap_step_text(struct heap_census *census, uint32_t start, uint64_t edge,
		    bool namespace, struct tm_buf *ret)
{
	size_t at = ret->len, len;
	char *text;

	tm_buf_add(ret, "", 0);
	heap_edge_text(census, start, edge, ret);
	text = ret->data + at;
	len = ret->len - at;
	if (!namespace || len < 5 || memcmp(text, "['", 2) != 0 ||
	    !is_identifier(text + 2, len - 4))
		return;
	/* ['name'] -> .name */
	text[0] = '.';
	memmove(text + 1, text + 2, len - 4);
	ret->len = at + len - 3;
	ret->data[ret->len] = '\0';
}

static uint32_t text_step(struct heap_patterns *self, uint32_t start, uint64_t edge,
			  bool namespace)
{
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };

	heap_step_text(self->census, start, edge, namespace, &text);
	return tm_intern(&self->texts, text.data, text.len) + STEP_TEXT;
}

/* What a module's dict or an object's __dict__ leads to are attributes. */
static bool is_namespace(const struct heap_patterns *self, uint32_t pattern)
{
	const struct heap_pattern *p = &self->items[pattern];

	if (p->step == STEP_DICT)
		return true;
	return p->depth == 1 && p->start == 0 && self->census->roots[
		p->edge - self->census->graph.row[0]].kind == HEAP_ROOT_MODULE;
}

/* Reading a key is slow; the same one names an attribute of many objects. */
static uint32_t key_step(struct heap_patterns *self, uint32_t before, uint32_t start,
			 uint64_t edge)
{
	const struct heap_graph *graph = &self->census->graph;
	uint32_t key = heap_edge_value(self->census->how[edge]);
	bool namespace = is_namespace(self, before), named = namespace;
	uint64_t degree = graph->row[start + 1] - graph->row[start];
	uint32_t *text;

	if (!namespace && degree <= 2 * SMALL_DICT)
		named = self->items[before].named < NAMED;
	if (!named || key == 0)
		return STEP_KEY;
	text = tm_map_put(&self->keys, (uint64_t)key << 1 | namespace);
	if (*text == TM_MAP_NONE)
		*text = text_step(self, start, edge, namespace);
	return *text;
}

static uint32_t step_along(struct heap_patterns *self, uint32_t before,
			   uint32_t start, uint64_t edge)
{
	if (start == 0)
		return text_step(self, start, edge, false);
	switch (heap_edge_kind(self->census->how[edge])) {
	case HEAP_EDGE_BUFFER:
		return STEP_NONE;
	case HEAP_EDGE_INDEX:
		return STEP_INDEX;
	case HEAP_EDGE_VALUE:
		return key_step(self, before, start, edge);
	case HEAP_EDGE_DICT:
		return STEP_DICT;
	case HEAP_EDGE_WORD: case HEAP_EDGE_FIELD: case HEAP_EDGE_KEY:
	case HEAP_EDGE_MEMBER: case HEAP_EDGE_ATTRIBUTE: case HEAP_EDGE_LOCAL:
	case HEAP_EDGE_TYPE: case HEAP_EDGE_ROOT:
		break;
	}
	return text_step(self, start, edge, false);
}

/* ---- patterns ---------------------------------------------------------------------- */

/* The last `len` steps with this one are the `len` before them again: the
 * pattern that stands for both; 0: they are not. */
static uint32_t repeated(const struct heap_patterns *self, uint32_t before,
			 uint32_t step, unsigned len)
{
	uint32_t last = before, earlier = before;

	for (unsigned i = 1; i < len; i++)
		earlier = self->items[earlier].before;
	for (unsigned i = 0; i < len; i++) {
		uint32_t here = i == 0 ? step : self->items[last].step;

		if (i > 0)
			last = self->items[last].before;
		/* The first step names the root. */
		if (self->items[earlier].depth < 2 ||
		    self->items[earlier].step != here)
			return 0;
		earlier = self->items[earlier].before;
	}
	for (unsigned i = 1; i < len; i++)
		before = self->items[before].before;
	return before;
}

/* [*] of lists in lists is a shape of its own, no repetition. */
static uint32_t fold(struct heap_patterns *self, uint32_t before, uint32_t step)
{
	uint32_t found = 0;

	if (self->items[before].depth >= HEAP_PATTERN_STEPS)
		found = before;
	for (unsigned len = step < STEP_TEXT ? 2 : 1; len <= 4 && !found; len++)
		found = repeated(self, before, step, len);
	if (found)
		self->items[found].repeats = true;
	return found;
}

static bool same_place(const struct heap_patterns *self,
		       const struct heap_pattern *pattern, uint64_t edge)
{
	const uint32_t *how = self->census->how;

	return pattern->edge == edge || heap_edge_value(how[pattern->edge]) ==
					heap_edge_value(how[edge]);
}

static uint32_t add_pattern(struct heap_patterns *self, struct heap_pattern pattern)
{
	struct heap_pattern *before = &self->items[pattern.before];

	pattern.depth = before->depth + 1;
	if (pattern.step >= STEP_TEXT && pattern.start &&
	    heap_edge_kind(self->census->how[pattern.edge]) == HEAP_EDGE_VALUE)
		before->named++;
	self->items = tm_grow(self->items, &self->cap, self->n + 1,
			      sizeof(*self->items));
	self->items[self->n] = pattern;
	return (uint32_t)self->n++;
}

uint32_t heap_patterns_step(struct heap_patterns *self, uint32_t before,
			    uint32_t start, uint64_t edge)
{
	uint32_t step = step_along(self, before, start, edge), folded;
	uint32_t *number;

	if (step == STEP_NONE)
		return before;
	number = tm_map_put(&self->numbers, (uint64_t)before << 32 | step);
	if (*number != TM_MAP_NONE) {
		struct heap_pattern *found = &self->items[*number];

		if ((step == STEP_INDEX || step == STEP_KEY) &&
		    !same_place(self, found, edge))
			found->varies = true;
		return *number;
	}
	folded = fold(self, before, step);
	*number = folded ? folded : add_pattern(self, (struct heap_pattern){
		.before = before, .step = step, .start = start, .edge = edge,
	});
	return *number;
}

/* Up to what is known, and down again. */
uint32_t heap_patterns_of(struct heap_patterns *self, const struct heap_paths *paths,
			  uint32_t node)
{
	const struct heap_graph *graph = &self->census->graph;
	uint32_t *way = NULL, pattern = 0;
	size_t n = 0, cap = 0;

	if (!self->of)
		self->of = tm_big_alloc(graph->nodes, sizeof(*self->of));
	while (node && !self->of[node]) {
		way = tm_grow(way, &cap, n + 1, sizeof(*way));
		way[n++] = node;
		node = heap_edge_start(graph, paths->via[node]);
	}
	if (node)
		pattern = self->of[node] - 1;
	while (n) {
		uint32_t next = way[--n];

		pattern = heap_patterns_step(self, pattern, node, paths->via[next]);
		self->of[next] = pattern + 1;
		node = next;
	}
	free(way);
	return pattern;
}

/* ---- text -------------------------------------------------------------------------- */

static void add_step(struct heap_patterns *self, const struct heap_pattern *pattern,
		     const struct heap_pattern *next, struct tm_buf *ret)
{
	const struct tm_intern_item *text;

	if (pattern->step == STEP_INDEX || pattern->step == STEP_KEY) {
		if (pattern->varies)
			tm_buf_adds(ret, "[*]");
		else
			heap_edge_text(self->census, pattern->start, pattern->edge,
				       ret);
	} else if (pattern->step == STEP_DICT) {
		if (!next || next->step < STEP_TEXT ||
		    self->texts.items[next->step - STEP_TEXT].bytes[0] != '.')
			tm_buf_adds(ret, ".__dict__");
	} else {
		text = &self->texts.items[pattern->step - STEP_TEXT];
		tm_buf_add(ret, text->bytes, text->len);
	}
	if (pattern->repeats)
		tm_buf_adds(ret, "...");
}

void heap_patterns_step_text(struct heap_patterns *self, uint32_t pattern,
			     struct tm_buf *ret)
{
	const struct heap_pattern *p = &self->items[pattern];

	tm_buf_add(ret, "", 0);
	if (p->start == 0)
		heap_root_name(self->census, (uint32_t)(p->edge -
			       self->census->graph.row[0]), ret);
	else
		add_step(self, p, NULL, ret);
}

void heap_patterns_text(struct heap_patterns *self, uint32_t pattern,
			struct tm_buf *ret)
{
	uint32_t way[HEAP_PATTERN_STEPS + 1];
	size_t n = 0;

	tm_buf_add(ret, "", 0);
	for (; pattern; pattern = self->items[pattern].before)
		way[n++] = pattern;
	while (n--)
		add_step(self, &self->items[way[n]],
			 n ? &self->items[way[n - 1]] : NULL, ret);
}
