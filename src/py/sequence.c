#include "py/sequence.h"

#include "py/object.h"

/* No list of pointers is larger than the address space. */
#define MAX_ITEMS ((uint64_t)1 << 44)

bool py_sequence_read(struct tm_mem *mem, const struct py_runtime *runtime,
		      tm_addr sequence, struct py_sequence *ret)
{
	const struct py_sequence_layout *layout = &runtime->layout->sequence;
	tm_addr size = sequence + runtime->str.ob_type + 8;
	struct tm_err err;

	if (!tm_mem_u64(mem, size, &ret->n, &err) || ret->n > MAX_ITEMS)
		return false;
	ret->items = size + layout->tuple_items;
	return py_object_is(mem, runtime, sequence, PY_IS_TUPLE) ||
	       (py_object_is(mem, runtime, sequence, PY_IS_LIST) &&
		tm_mem_u64(mem, size + layout->list_items, &ret->items, &err));
}

bool py_sequence_item(struct tm_mem *mem, const struct py_sequence *sequence,
		      uint64_t i, tm_addr *ret)
{
	struct tm_err err;

	return i < sequence->n && tm_mem_u64(mem, sequence->items + i * 8, ret, &err);
}
