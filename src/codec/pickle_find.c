#include "codec/pickle_find.h"

#include <inttypes.h>
#include <string.h>

#include "base/guard.h"

/* How deep in containers snapshots are looked for, and keys are named. */
enum { MAX_DEPTH = 16, MAX_NAMED = 8 };

struct find {
	struct shape *shape;
	size_t nth, n;
	struct value found;
	struct tm_buf names; /* of the first, where a dictionary has keys */
};

static void enter(struct find *find, const struct value *value,
		  const struct value *key, unsigned depth);

static void found(struct find *find, const struct value *value,
		  const struct value *key)
{
	if (++find->n == find->nth)
		find->found = *value;
	if (find->n <= MAX_NAMED && key && key->kind == VALUE_STRING)
		tm_buf_addf(&find->names, "%s#%zu is '%.40s'",
			    find->names.len ? ", " : "", find->n,
			    find->shape->nodes.strings.items[key->id].bytes);
}

static void enter_items(struct find *find, uint32_t id, unsigned depth)
{
	const struct nodes *nodes = &find->shape->nodes;
	const struct node *node = &nodes->items[id];
	bool keys = node->kind == NODE_DICT;

	for (size_t i = keys; i < node->n; i += 1 + keys)
		enter(find, &node->items[i], keys ? &node->items[i - 1] : NULL,
		      depth);
}

static void enter(struct find *find, const struct value *value,
		  const struct value *key, unsigned depth)
{
	struct node *node = node_of(&find->shape->nodes, value);

	if (shape_is_snapshot(find->shape, value)) {
		found(find, value, key);
	} else if (node && !node->seen && depth < MAX_DEPTH) {
		node->seen = true;
		enter_items(find, value->id, depth + 1);
		enter(find, &node->state, key, depth + 1);
	}
}

size_t pickle_find(struct shape *shape, const struct value *top, size_t nth,
		   struct value *ret)
{
	struct find find = { .shape = shape, .nth = nth };

	enter(&find, top, NULL, 0);
	tm_buf_free(&find.names);
	if (nth && nth <= find.n)
		*ret = find.found;
	return find.n;
}

bool pickle_has_none(struct shape *shape, const struct value *top)
{
	TM_GUARD(tm_buf_free) struct tm_buf what = { 0 };

	node_describe(&shape->nodes, top, &what);
	if (strcmp(what.data, "a tracemalloc.Snapshot") == 0)
		return pickle_in_corrupt(shape->in, "an incomplete snapshot");
	shape->in->failed = true;
	tm_err_set(shape->in->err, TM_ERR_UNSUPPORTED, NULL,
		   "not a tracemalloc snapshot: a pickle of %s (ends at byte %"
		   PRIu64 ")", what.data, pickle_in_offset(shape->in));
	return tm_err_hint(shape->in->err, "have the program save the snapshot "
			   "itself: snapshot.dump(FILE)");
}

bool pickle_has_many(struct shape *shape, const struct value *top, size_t n)
{
	TM_GUARD(tm_buf_free) struct tm_buf what = { 0 };
	struct find find = { .shape = shape };

	for (size_t i = 0; i < shape->nodes.n; i++)
		shape->nodes.items[i].seen = false;
	enter(&find, top, NULL, 0);
	node_describe(&shape->nodes, top, &what);
	shape->in->failed = true;
	tm_err_set(shape->in->err, TM_ERR_UNSUPPORTED, NULL,
		   "holds %zu snapshots, in %s", n, what.data);
	tm_err_hint(shape->in->err, "put the number of one after the name of "
		    "the file: FILE#1 to FILE#%zu%s%s%s", n,
		    find.names.len ? " (" : "", find.names.len ?
		    find.names.data : "", find.names.len ? ")" : "");
	tm_buf_free(&find.names);
	return false;
}
