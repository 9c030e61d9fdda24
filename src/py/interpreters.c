#include "py/interpreters.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { MAX_INTERPRETERS = 4096, MAX_OFFSET = 65535 };

bool py_stack_refuse(const struct py_runtime *runtime, struct tm_err *err,
		     const char *what, tm_addr at)
{
	return tm_err_set(err, TM_ERR_UNSUPPORTED, runtime->name,
			  "unknown layout of frames: no %s at 0x%" PRIx64,
			  what, at);
}

/* Replace positions in _Py_DebugOffsets by the offsets found there. */
static bool resolve(struct tm_mem *mem, const struct py_runtime *runtime,
		    struct py_stack_fields *ret, struct tm_err *err)
{
	uint16_t fields[sizeof(*ret) / sizeof(uint16_t)];

	_Static_assert(sizeof(fields) == sizeof(*ret), "nothing but offsets");
	memcpy(fields, ret, sizeof(fields));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		tm_addr at = runtime->runtime + fields[i];
		uint64_t offset;

		if (fields[i] == PY_ABSENT)
			continue;
		if (!tm_mem_u64(mem, at, &offset, err))
			return false;
		if (offset >= MAX_OFFSET)
			return py_stack_refuse(runtime, err, "offset", at);
		fields[i] = (uint16_t)offset;
	}
	memcpy(ret, fields, sizeof(fields));
	return true;
}

static bool check_offsets(struct tm_mem *mem, const struct py_runtime *runtime,
			  struct tm_err *err)
{
	tm_addr base = runtime->runtime;
	char cookie[8];
	uint64_t version;

	if (!tm_mem_read(mem, base, cookie, sizeof(cookie), err) ||
	    !tm_mem_u64(mem, base + 8, &version, err))
		return false;
	if (memcmp(cookie, "xdebugpy", 8) != 0 ||
	    (uint32_t)version >> 16 != runtime->hexversion >> 16)
		return py_stack_refuse(runtime, err, "_Py_DebugOffsets", base);
	return true;
}

bool py_stack_fields_read(struct tm_mem *mem, const struct py_runtime *runtime,
			  struct py_stack_fields *ret, struct tm_err *err)
{
	const struct py_stack_layout *layout = &runtime->layout->stack;

	*ret = layout->fields;
	return layout->kind != PY_STACK_DEBUG_OFFSETS ||
	       (check_offsets(mem, runtime, err) &&
		resolve(mem, runtime, ret, err));
}

bool py_interpreters_read(struct tm_mem *mem, const struct py_runtime *runtime,
			  const struct py_stack_fields *fields,
			  struct py_interpreters *ret, struct tm_err *err)
{
	tm_addr at;

	ret->n = 0;
	if (!tm_mem_u64(mem, runtime->runtime + fields->interpreters, &at, err))
		return false;
	while (at) {
		if (ret->n == MAX_INTERPRETERS)
			return py_stack_refuse(runtime, err, "end of interpreters", at);
		ret->items = tm_grow(ret->items, &ret->cap, ret->n + 1,
				     sizeof(*ret->items));
		ret->items[ret->n++] = at;
		if (!tm_mem_u64(mem, at + fields->interp_next, &at, err))
			return false;
	}
	return true;
}

void py_interpreters_free(struct py_interpreters *interpreters)
{
	free(interpreters->items);
	*interpreters = (struct py_interpreters){ 0 };
}
