#include "py/attribute.h"

#include "py/dict.h"
#include "py/object.h"

enum {
	/* Py_TPFLAGS_*, Include/object.h. */
	INLINE_VALUES = 1 << 2,      /* 3.13 on */
	MANAGED_DICT = 1 << 4,       /* 3.11 on */
	/* PyTypeObject after its header, as FLAGS_AT in object.c. */
	BASICSIZE_AT = 16, DICTOFFSET_AT = 272,
	MAX_SIZE = 1 << 20,          /* of an object */
	VALID_AT = 3,                /* struct _dictvalues */
	VAR_HEADER = 16,             /* in the offsets of struct py_object_layout */
};

struct instance {
	struct tm_mem *mem;
	const struct py_runtime *runtime;
	tm_addr at, type;
	uint64_t flags;
};

static bool type_word(const struct instance *self, unsigned at, uint64_t *ret)
{
	struct tm_err err;

	return tm_mem_u64(self->mem, self->type + self->runtime->str.ob_type + 8 + at, ret,
			  &err);
}

/* Those that have no dict share a table of keys. */
static bool find_value(const struct instance *self, tm_addr values, const char *name,
		       tm_addr *ret)
{
	struct py_dict_iter iter;
	uint64_t keys;

	return values &&
	       type_word(self, self->runtime->layout->objects.ht_cached_keys - VAR_HEADER,
			 &keys) &&
	       py_dict_begin_split(self->mem, self->runtime, keys, values, &iter) &&
	       py_dict_search(&iter, self->runtime, name, ret);
}

static bool find_inline(const struct instance *self, const char *name, tm_addr *ret)
{
	uint64_t size;
	uint8_t valid;

	return (self->flags & INLINE_VALUES) && type_word(self, BASICSIZE_AT, &size) &&
	       size < MAX_SIZE &&
	       tm_mem_read_some(self->mem, self->at + size + VALID_AT, &valid, 1) == 1 &&
	       valid && find_value(self, self->at + size, name, ret);
}

/* Its dict or its values are known by words before it, of which the dict's is the nearer. */
static bool find_managed(const struct instance *self, const char *name, tm_addr *ret)
{
	/* Include/internal/pycore_object.h: MANAGED_DICT_OFFSET. */
	const tm_addr word = self->at - (self->runtime->free_threaded ? 8 : 24);
	const enum py_values_kind kind = self->runtime->layout->objects.values;
	tm_addr dict, values;
	struct tm_err err;

	if (!tm_mem_u64(self->mem, word, &dict, &err))
		return false;
	if (kind == PY_VALUES_TAGGED && dict & 1)
		return find_value(self, dict + 1, name, ret);
	if (dict)
		return py_dict_find(self->mem, self->runtime, dict, name, ret);
	if (kind == PY_VALUES_INLINE)
		return find_inline(self, name, ret);
	return kind == PY_VALUES_POINTER && tm_mem_u64(self->mem, word - 8, &values, &err) &&
	       find_value(self, values, name, ret);
}

bool py_attribute(struct tm_mem *mem, const struct py_runtime *runtime, tm_addr object,
		  const char *name, tm_addr *ret)
{
	struct instance self = { .mem = mem, .runtime = runtime, .at = object };
	uint64_t offset;
	struct tm_err err;
	tm_addr dict;

	if (!py_object_type(mem, runtime, object, &self.type, &self.flags))
		return false;
	if (runtime->layout->objects.values != PY_VALUES_NONE && self.flags & MANAGED_DICT)
		return find_managed(&self, name, ret);
	/* Less than 0: it depends on the length of the object. */
	return type_word(&self, DICTOFFSET_AT, &offset) && offset && offset < MAX_SIZE &&
	       tm_mem_u64(mem, object + offset, &dict, &err) &&
	       py_dict_find(mem, runtime, dict, name, ret);
}
