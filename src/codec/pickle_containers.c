/* The operations on tuples, lists, dictionaries, sets, and on the stack. */
#include "codec/pickle_machine.h"

/* An object may be a list or a dictionary: its class is derived from one. */
static bool takes(const struct node *node, size_t n, bool pairs)
{
	switch ((enum node_kind)node->kind) {
	case NODE_OBJECT: return true;
	case NODE_DICT: return pairs && n % 2 == 0;
	case NODE_LIST:
	case NODE_SET: return !pairs;
	case NODE_TUPLE: break;
	}
	return false;
}

static void add_to(struct pickle_machine *m, const struct value *items, size_t n,
		   bool pairs)
{
	struct value *to = items ? pickle_top(m) : NULL;
	struct node *node = to ? node_of(&m->shape.nodes, to) : NULL;

	if (node && takes(node, n, pairs))
		node_add(node, items, n);
	else if (to)
		pickle_in_corrupt(m->in, "items for what takes none");
}

void pickle_op_tuple(struct pickle_machine *m, unsigned n)
{
	struct value *items = pickle_pop(m, n);

	if (items)
		pickle_push(m, shape_tuple(&m->shape, items, n));
}

void pickle_op_empty(struct pickle_machine *m, unsigned kind)
{
	pickle_push(m, node_create(&m->shape.nodes, kind, NULL, 0));
}

/* All above the mark becomes one. */
void pickle_op_marked(struct pickle_machine *m, unsigned kind)
{
	size_t n;
	struct value *items = pickle_pop_mark(m, &n);

	if (!items)
		return;
	if (kind == NODE_DICT && n % 2)
		pickle_in_corrupt(m->in, "a key without a value");
	else if (kind == NODE_TUPLE)
		pickle_push(m, shape_tuple(&m->shape, items, n));
	else
		pickle_push(m, node_create(&m->shape.nodes, kind, items, n));
}

void pickle_op_add(struct pickle_machine *m, unsigned n)
{
	add_to(m, pickle_pop(m, n), n, n == 2);
}

void pickle_op_add_marked(struct pickle_machine *m, unsigned pairs)
{
	size_t n;
	struct value *items = pickle_pop_mark(m, &n);

	add_to(m, items, n, pairs);
}

void pickle_op_pop(struct pickle_machine *m, unsigned n)
{
	pickle_pop(m, n);
}

void pickle_op_pop_mark(struct pickle_machine *m, unsigned arg)
{
	size_t n;

	(void)arg;
	pickle_pop_mark(m, &n);
}

void pickle_op_dup(struct pickle_machine *m, unsigned arg)
{
	struct value *value = pickle_top(m);

	(void)arg;
	if (value)
		pickle_push(m, *value);
}
