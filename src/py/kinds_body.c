/* What types add to the instances of their kind: slots, a dict, a list of weak references. */
#include "py/plan.h"

static uint64_t end_of(const struct py_type *type, const struct py_object *object)
{
	uint64_t end = type->basicsize;
	int64_t n = (int64_t)plan_word(object, OB_SIZE);

	if (type->kind == PY_KIND_OPAQUE && type->itemsize > 0) {
		uint64_t count = (uint64_t)(n < 0 ? -n : n);

		end += count > object->room ? object->room : count * type->itemsize;
	}
	return at_most((end + 7) / 8 * 8, object->room);
}

/* Words [from, to), those of slots being exact. */
static void add_own(const struct py_type *type, uint64_t from, uint64_t to,
		    struct py_plan *plan)
{
	uint64_t slots = type->slots < from ? from : at_most(type->slots, to);

	plan_add_fields(plan, from, slots);
	if (to > slots)
		plan_add(plan, slots, (to - slots) / 8, 1, HEAP_EDGE_FIELD, (uint32_t)(slots / 8));
}

/* The dict behind the items, counted from the end (until 3.11). */
static void add_last(const struct py_type *type, const struct py_object *object,
		     struct py_plan *plan)
{
	int64_t n = (int64_t)plan_word(object, OB_SIZE);
	uint64_t count = at_most((uint64_t)(n < 0 ? -n : n), object->room);
	uint64_t at = (type->basicsize + count * type->itemsize + 7) / 8 * 8;

	at += (uint64_t)(int64_t)type->dict;
	if (at >= 16 && at + 8 <= object->room)
		plan_add(plan, at, 1, 2, HEAP_EDGE_DICT, 0);
}

void py_plan_body(const struct py_type *type, const struct py_object *object,
		  struct py_plan *plan)
{
	const uint64_t end = end_of(type, object);
	const uint32_t dict = type->dict > 0 ? (uint32_t)type->dict : 0;

	if (type->weaklist)
		plan_skip(plan, type->weaklist);
	if (dict >= type->own && dict < end) {
		add_own(type, type->own, dict, plan);
		plan_add(plan, dict, 1, 2, HEAP_EDGE_DICT, 0);
		add_own(type, dict + 8u, end, plan);
		return;
	}
	if (end > type->own)
		add_own(type, type->own, end, plan);
	if (type->dict < 0 && type->itemsize > 0)
		add_last(type, object, plan);
}
