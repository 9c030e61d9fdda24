#include "py/dict.h"

#include <string.h>

#include "base/load.h"
#include "py/object.h"
#include "py/str.h"

enum {
	MAX_LOG2 = 40,
	HASHED = 24, PLAIN = 16, /* { hash, key, value }, { key, value } */
	MAX_PIECE = 4096,
};

/* ---- the table of keys ---------------------------------------------------------- */

struct index {
	uint64_t size;           /* slots, a power of two */
	uint64_t bytes;
	bool plain;              /* entries without a hash */
};

/* dk_size; each slot is a signed number that can count the slots. */
static bool sized_index(const char *head, const struct py_dict_layout *layout,
			struct index *ret)
{
	ret->size = tm_load_u64(head, layout->keys_size);
	if (ret->size == 0 || (ret->size & (ret->size - 1)) ||
	    ret->size >> MAX_LOG2)
		return false;
	ret->bytes = ret->size * (ret->size <= 0xff ? 1 :
				  ret->size <= 0xffff ? 2 :
				  ret->size <= 0xffffffff ? 4 : 8);
	return true;
}

static bool log2_index(const char *head, const struct py_dict_layout *layout,
		       struct index *ret)
{
	unsigned size = tm_load_u8(head, layout->keys_size);
	unsigned bytes = tm_load_u8(head, layout->keys_log2_index_bytes);

	if (size > MAX_LOG2 || bytes < size || bytes > size + 3)
		return false;
	ret->size = (uint64_t)1 << size;
	ret->bytes = (uint64_t)1 << bytes;
	ret->plain = tm_load_u8(head, layout->keys_kind) != 0;
	return true;
}

bool py_keys_parse(const struct py_dict_layout *layout, const char *head, size_t len,
		   struct py_keys *ret)
{
	struct index index = { 0 };

	if (len < layout->keys_indices ||
	    !(layout->keys_log2_index_bytes == PY_ABSENT ? sized_index : log2_index)
		(head, layout, &index))
		return false;
	*ret = (struct py_keys){
		.entries = layout->keys_indices + index.bytes,
		.n = tm_load_u64(head, layout->keys_nentries),
		.stride = index.plain ? PLAIN : HASHED, .key = index.plain ? 0 : 8,
	};
	return ret->n <= index.size;
}

bool py_keys_read(struct tm_mem *mem, const struct py_dict_layout *layout, tm_addr at,
		  struct py_keys *ret)
{
	char head[64];
	struct tm_err err;

	return at % 8 == 0 && layout->keys_indices <= sizeof(head) &&
	       tm_mem_read(mem, at, head, layout->keys_indices, &err) &&
	       py_keys_parse(layout, head, sizeof(head), ret);
}

/* ---- the door ------------------------------------------------------------------- */

static bool split(struct py_dict_iter *iter, tm_addr values)
{
	uint8_t capacity;

	iter->values = values + iter->layout->values_at;
	if (values == 0)
		iter->values = 0;
	if (values == 0 || iter->layout->values_at == 0)
		return true;
	/* struct _dictvalues says how many there are. */
	if (tm_mem_read_some(iter->mem, values, &capacity, 1) != 1)
		return false;
	if (iter->left > capacity)
		iter->left = capacity;
	return true;
}

bool py_dict_begin_split(struct tm_mem *mem, const struct py_runtime *runtime, tm_addr at,
			 tm_addr values, struct py_dict_iter *ret)
{
	struct py_keys keys;

	ret->mem = mem;
	ret->layout = &runtime->layout->dict;
	if (!py_keys_read(mem, ret->layout, at, &keys))
		return false;
	ret->entries = at + keys.entries;
	ret->left = keys.n;
	ret->entry_size = keys.stride;
	ret->key_at = keys.key;
	ret->faulted = false;
	ret->n = ret->at = 0;
	return split(ret, values);
}

bool py_dict_begin(struct tm_mem *mem, const struct py_runtime *runtime,
		   tm_addr dict, struct py_dict_iter *ret)
{
	const struct py_dict_layout *layout = &runtime->layout->dict;
	tm_addr body = dict + runtime->str.ob_type + 8, keys, values;
	struct tm_err err;

	return py_object_is(mem, runtime, dict, PY_IS_DICT) &&
	       tm_mem_u64(mem, body + layout->keys, &keys, &err) &&
	       tm_mem_u64(mem, body + layout->values, &values, &err) &&
	       py_dict_begin_split(mem, runtime, keys, values, ret);
}

static bool next_piece(struct py_dict_iter *iter)
{
	size_t n = MAX_PIECE / iter->entry_size, bytes;

	if (n > iter->left)
		n = (size_t)iter->left;
	bytes = tm_mem_read_some(iter->mem, iter->entries, iter->piece,
				 n * iter->entry_size);
	iter->faulted = bytes < n * iter->entry_size;
	n = bytes / iter->entry_size;
	if (iter->values) {
		bytes = tm_mem_read_some(iter->mem, iter->values, iter->value_piece,
					 n * 8);
		iter->faulted |= bytes < n * 8;
		n = bytes / 8;
		iter->values += n * 8;
	}
	iter->entries += n * iter->entry_size;
	iter->left = iter->faulted ? 0 : iter->left - n;
	iter->n = n;
	iter->at = 0;
	return n > 0;
}

bool py_dict_next(struct py_dict_iter *iter, struct py_dict_entry *ret)
{
	while (iter->at < iter->n || (iter->left > 0 && next_piece(iter))) {
		const char *entry = iter->piece + iter->at * iter->entry_size;

		ret->key = tm_load_u64(entry, iter->key_at);
		ret->value = iter->values ? tm_load_u64(iter->value_piece, iter->at * 8)
					  : tm_load_u64(entry, iter->key_at + 8);
		iter->at++;
		if (ret->key && ret->value)
			return true;
	}
	return false;
}

bool py_dict_search(struct py_dict_iter *iter, const struct py_runtime *runtime,
		    const char *key, tm_addr *ret)
{
	const size_t len = strlen(key);
	struct py_dict_entry entry;

	while (py_dict_next(iter, &entry))
		if (py_str_equals(iter->mem, &runtime->str, entry.key, key, len)) {
			*ret = entry.value;
			return true;
		}
	return false;
}

bool py_dict_find(struct tm_mem *mem, const struct py_runtime *runtime,
		  tm_addr dict, const char *key, tm_addr *ret)
{
	struct py_dict_iter iter;

	return py_dict_begin(mem, runtime, dict, &iter) &&
	       py_dict_search(&iter, runtime, key, ret);
}
