#include "codec/pickle_node.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static const char *const attr_names[NATTRS] = {
	[ATTR_TRACES_LIST] = "_traces",
	[ATTR_TRACES] = "traces",
	[ATTR_LIMIT] = "traceback_limit",
};

void nodes_init(struct nodes *nodes)
{
	for (size_t i = 0; i < NATTRS; i++)
		tm_intern(&nodes->strings, attr_names[i], strlen(attr_names[i]));
}

void nodes_deinit(struct nodes *nodes)
{
	for (size_t i = 0; i < nodes->n; i++)
		free(nodes->items[i].items);
	free(nodes->items);
	tm_intern_free(&nodes->strings);
	*nodes = (struct nodes){ 0 };
}

struct value node_create(struct nodes *nodes, enum node_kind kind,
			 const struct value *items, size_t n)
{
	struct node *node;

	nodes->items = tm_grow(nodes->items, &nodes->cap, nodes->n + 1,
			       sizeof(*nodes->items));
	node = &nodes->items[nodes->n];
	*node = (struct node){ .kind = kind };
	memset(node->attr, 0xff, sizeof(node->attr));
	node_add(node, items, n);
	return (struct value){ VALUE_NODE, (uint32_t)nodes->n++, 0 };
}

struct value node_object(struct nodes *nodes, uint32_t cls)
{
	struct value object = node_create(nodes, NODE_OBJECT, NULL, 0);

	nodes->items[object.id].cls = cls;
	return object;
}

static void note_attrs(struct node *node, size_t from)
{
	for (size_t i = from; i + 1 < node->n && i < NO_ATTR; i += 2) {
		const struct value *key = &node->items[i];

		if (key->kind == VALUE_STRING && key->id < NATTRS)
			node->attr[key->id] = (uint32_t)i + 1;
	}
}

void node_add(struct node *node, const struct value *items, size_t n)
{
	size_t from = node->n;

	if (!n)
		return;
	node->items = tm_grow(node->items, &node->cap, from + n,
			      sizeof(*node->items));
	memcpy(node->items + from, items, n * sizeof(*items));
	node->n += n;
	if (node->kind == NODE_DICT)
		note_attrs(node, from);
}

struct node *node_of(const struct nodes *nodes, const struct value *value)
{
	return value->kind == VALUE_NODE ? &nodes->items[value->id] : NULL;
}

static struct value attr_in(const struct nodes *nodes, const struct value *dict,
			    enum attr attr)
{
	const struct node *node = node_of(nodes, dict);

	if (!node || node->kind != NODE_DICT || node->attr[attr] == NO_ATTR)
		return (struct value){ VALUE_UNSET, 0, 0 };
	return node->items[node->attr[attr]];
}

/* A class with __slots__ gives a pair: its __dict__, and the slots. */
struct value node_attr(const struct nodes *nodes, const struct value *object,
		       enum attr attr)
{
	const struct node *node = node_of(nodes, object), *pair;
	struct value value;

	if (!node || node->kind != NODE_OBJECT)
		return (struct value){ VALUE_UNSET, 0, 0 };
	pair = node_of(nodes, &node->state);
	if (!pair || pair->kind != NODE_TUPLE || pair->n != 2)
		return attr_in(nodes, &node->state, attr);
	value = attr_in(nodes, &pair->items[0], attr);
	return value.kind != VALUE_UNSET ? value :
		attr_in(nodes, &pair->items[1], attr);
}

/* ---- words for messages ------------------------------------------------- */

static const char *const other_words[] = {
	[OTHER_INT] = "int", [OTHER_BOOL] = "bool", [OTHER_FLOAT] = "float",
	[OTHER_STRING] = "str", [OTHER_BYTES] = "bytes",
	[OTHER_EXTERNAL] = "reference to outside of the file",
};

static const char *const node_words[] = {
	[NODE_LIST] = "list", [NODE_TUPLE] = "tuple", [NODE_DICT] = "dict",
	[NODE_SET] = "set",
};

static const char *word(const struct nodes *nodes, const struct value *value)
{
	const struct node *node = node_of(nodes, value);

	if (node)
		return node->kind == NODE_OBJECT ? nodes->strings.items[node->cls].bytes
						 : node_words[node->kind];
	switch (value->kind) {
	case VALUE_NONE: return "None";
	case VALUE_INT: return "int";
	case VALUE_STRING: return "str";
	case VALUE_TRACE: return "trace";
	case VALUE_CLASS: return nodes->strings.items[value->id].bytes;
	case VALUE_OTHER: return other_words[value->id];
	default: return "tuple";
	}
}

/* The word for each of the items, NULL if they are of several kinds. */
static const char *common_word(const struct nodes *nodes,
			       const struct node *node)
{
	const char *first = word(nodes, &node->items[0]);

	for (size_t i = 1; i < node->n; i++)
		if (strcmp(word(nodes, &node->items[i]), first) != 0)
			return NULL;
	return first;
}

void node_describe(const struct nodes *nodes, const struct value *value,
		   struct tm_buf *to)
{
	const struct node *node = node_of(nodes, value);
	const char *what = word(nodes, value), *each;

	if (value->kind == VALUE_NONE)
		tm_buf_adds(to, what);
	else if (value->kind == VALUE_CLASS)
		tm_buf_addf(to, "the class or function %.80s", what);
	else if (!node || (node->kind == NODE_OBJECT))
		tm_buf_addf(to, "%s %.80s", strchr("aeiou", what[0]) ? "an" : "a",
			    what);
	else if (!node->n)
		tm_buf_addf(to, "an empty %s", what);
	else if (node->kind == NODE_DICT)
		tm_buf_addf(to, "a dict of %zu items", node->n / 2);
	else if ((each = common_word(nodes, node)))
		tm_buf_addf(to, "a %s of %zu %.80s", what, node->n, each);
	else
		tm_buf_addf(to, "a %s of %zu values", what, node->n);
}
