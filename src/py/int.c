#include "py/int.h"

enum {
	DIGIT = 30,                      /* bits of one */
	SIGN = 3, NEGATIVE = 2, TAG = 3, /* of lv_tag: 3.12 on; before: ob_size */
};

/* How many digits it has, less than 0 if it is negative. */
static int64_t size_of(const struct py_runtime *runtime, uint64_t word)
{
	if (runtime->layout->objects.refs == PY_REFS_PLAIN)
		return (int64_t)word;
	return (word & SIGN) == NEGATIVE ? -(int64_t)(word >> TAG) : (int64_t)(word >> TAG);
}

bool py_int_read(struct tm_mem *mem, const struct py_runtime *runtime, tm_addr at,
		 int64_t *ret)
{
	const tm_addr body = at + runtime->str.ob_type + 8;
	uint64_t word, digits;
	struct tm_err ignored;
	int64_t size;

	if (!tm_mem_u64(mem, body, &word, &ignored) ||
	    !tm_mem_u64(mem, body + 8, &digits, &ignored))
		return false;
	size = size_of(runtime, word);
	if (size < -2 || size > 2)
		return false;
	*ret = size == 0 ? 0 : (int64_t)(digits & 0xffffffff);
	if (size == 2 || size == -2)
		*ret += (int64_t)(digits >> 32 << DIGIT);
	if (size < 0)
		*ret = -*ret;
	return true;
}
