#include "py/object.h"

enum {
	/* PyTypeObject behind its header: ob_size, then tp_name to
	 * tp_as_buffer; the same from 3.7 to 3.15. */
	FLAGS_AT = 152,
	/* Py_TPFLAGS_*, Include/object.h. */
	FLAG_READY = 1 << 12,
	FLAG_HAVE_GC = 1 << 14,
	PREHEADER_SIZE = 16,
};

static bool read_type(struct tm_mem *mem, const struct py_runtime *runtime,
		      tm_addr object, tm_addr *ret)
{
	struct tm_err err;

	return object % 8 == 0 &&
	       tm_mem_u64(mem, object + runtime->str.ob_type, ret, &err) &&
	       *ret % 8 == 0;
}

bool py_object_block(struct tm_mem *mem, const struct py_runtime *runtime,
		     tm_addr object, tm_addr *ret)
{
	const struct py_layout *layout = runtime->layout;
	tm_addr header = runtime->str.ob_type + 8;
	tm_addr type, metatype;
	uint64_t flags;
	struct tm_err err;

	if (!read_type(mem, runtime, object, &type) ||
	    !read_type(mem, runtime, type, &metatype) ||
	    !tm_mem_u64(mem, type + header + FLAGS_AT, &flags, &err) ||
	    !(flags & FLAG_READY))
		return false;
	*ret = object;
	if ((flags & FLAG_HAVE_GC) && !runtime->free_threaded)
		*ret -= layout->gc_head;
	if (flags & layout->preheader_flags)
		*ret -= PREHEADER_SIZE;
	return true;
}
