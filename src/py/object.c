#include "py/object.h"

enum {
	/* PyTypeObject after its header: ob_size, then tp_name to
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

bool py_object_type(struct tm_mem *mem, const struct py_runtime *runtime, tm_addr object,
		    tm_addr *ret_type, uint64_t *ret_flags)
{
	tm_addr header = runtime->str.ob_type + 8;
	tm_addr metatype;
	struct tm_err err;

	return read_type(mem, runtime, object, ret_type) &&
	       read_type(mem, runtime, *ret_type, &metatype) &&
	       tm_mem_u64(mem, *ret_type + header + FLAGS_AT, ret_flags, &err) &&
	       (*ret_flags & FLAG_READY);
}

bool py_object_is(struct tm_mem *mem, const struct py_runtime *runtime,
		  tm_addr object, enum py_object_kind kind)
{
	uint64_t flags;
	tm_addr type;

	return py_object_type(mem, runtime, object, &type, &flags) && (flags & kind);
}

struct py_object_header py_object_header(const struct py_runtime *runtime)
{
	return (struct py_object_header){
		.type_flags = (uint16_t)(runtime->str.ob_type + 8 + FLAGS_AT),
		.gc_head = runtime->layout->gc_head,
		.gc_flags = runtime->free_threaded ? 0 : FLAG_HAVE_GC,
		.preheader_flags = runtime->layout->preheader_flags,
	};
}

bool py_object_block(struct tm_mem *mem, const struct py_runtime *runtime,
		     tm_addr object, tm_addr *ret)
{
	const struct py_object_header header = py_object_header(runtime);
	uint64_t flags;
	tm_addr type;

	if (!py_object_type(mem, runtime, object, &type, &flags))
		return false;
	*ret = object;
	if (flags & header.gc_flags)
		*ret -= header.gc_head;
	if (flags & header.preheader_flags)
		*ret -= PREHEADER_SIZE;
	return true;
}
