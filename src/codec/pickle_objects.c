/*
 * The operations that would look a class up, call it, or fill an object in.
 * Here they leave a note of its name.
 */
#include "codec/pickle_machine.h"

#include <string.h>

static struct value class_named(struct pickle_machine *m, const char *module,
				const char *name)
{
	struct tm_buf full = { 0 };
	struct value v;

	tm_buf_addf(&full, "%.200s.%.200s", module, name);
	v = (struct value){ VALUE_CLASS,
		tm_intern(&m->shape.nodes.strings, full.data, full.len), 0 };
	tm_buf_free(&full);
	return v;
}

void pickle_op_global(struct pickle_machine *m, unsigned arg)
{
	(void)arg;
	if (pickle_in_line(m->in, &m->module) &&
	    pickle_in_line(m->in, &m->text))
		pickle_push(m, class_named(m, m->module.data, m->text.data));
}

void pickle_op_stack_global(struct pickle_machine *m, unsigned arg)
{
	struct value *items = pickle_pop(m, 2);
	const struct tm_intern_item *strings = m->shape.nodes.strings.items;

	(void)arg;
	if (!items)
		return;
	if (items[0].kind != VALUE_STRING || items[1].kind != VALUE_STRING)
		pickle_in_corrupt(m->in, "a class without a name");
	else
		pickle_push(m, class_named(m, strings[items[0].id].bytes,
				    strings[items[1].id].bytes));
}

static bool is_class(const struct pickle_machine *m, const struct value *value,
		     const char *name)
{
	return value->kind == VALUE_CLASS &&
	       strcmp(m->shape.nodes.strings.items[value->id].bytes, name) == 0;
}

/* What protocols below 2 and 4 call to make an object; the first argument is
 * the class. */
static bool is_maker(const struct pickle_machine *m, const struct value *callable)
{
	return is_class(m, callable, "copy_reg._reconstructor") ||
	       is_class(m, callable, "copyreg._reconstructor") ||
	       is_class(m, callable, "copyreg.__newobj_ex__") ||
	       is_class(m, callable, "copy_reg.__newobj_ex__");
}

/* What it was made from, a tuple, is all that is known of an object until BUILD. */
static void push_object(struct pickle_machine *m, const struct value *cls,
			const struct value *args)
{
	static const struct value unknown = { VALUE_UNSET, 0, 0 };
	struct value name = cls ? *cls : unknown, object;

	if (name.kind != VALUE_CLASS)
		name = class_named(m, "builtins", "object");
	object = node_object(&m->shape.nodes, name.id);
	if (args)
		node_of(&m->shape.nodes, &object)->state = *args;
	pickle_push(m, object);
}

/* An object of the class under `more` values: a tuple of arguments, and a dictionary of
 * those with keywords. */
void pickle_op_new(struct pickle_machine *m, unsigned more)
{
	struct value *items = pickle_pop(m, more + 1), both;

	if (!items)
		return;
	if (more == 2) {
		both = node_create(&m->shape.nodes, NODE_TUPLE, &items[1], more);
		push_object(m, &items[0], &both);
	} else {
		push_object(m, &items[0], more ? &items[1] : NULL);
	}
}

void pickle_op_reduce(struct pickle_machine *m, unsigned arg)
{
	struct value *items = pickle_pop(m, 2);
	const struct node *args = items ?
		node_of(&m->shape.nodes, &items[1]) : NULL;

	(void)arg;
	if (args && args->n && is_maker(m, &items[0]))
		push_object(m, &args->items[0], &items[1]);
	else if (items)
		push_object(m, &items[0], &items[1]);
}

/* Protocol 0 of Python 2's old classes. */
void pickle_op_inst(struct pickle_machine *m, unsigned arg)
{
	pickle_op_pop_mark(m, arg);
	pickle_op_global(m, arg);
	pickle_op_new(m, 0);
}

void pickle_op_obj(struct pickle_machine *m, unsigned arg)
{
	size_t n;
	struct value *items = pickle_pop_mark(m, &n);

	(void)arg;
	if (items)
		push_object(m, n ? &items[0] : NULL, NULL);
}

void pickle_op_build(struct pickle_machine *m, unsigned arg)
{
	struct value *state = pickle_pop(m, 1), *object = state ? pickle_top(m) : NULL;
	struct node *node = object ? node_of(&m->shape.nodes, object) : NULL;

	(void)arg;
	if (node && node->kind == NODE_OBJECT)
		node->state = *state;
}
