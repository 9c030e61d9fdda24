#include <string.h>

#include "base/load.h"
#include "py/census_private.h"
#include "py/dict.h"
#include "py/str.h"

enum {
	OB_SIZE = 16, WORD = 8,
	TP_INT = 1 << 24,
	DIGIT = 4, TAG_SHIFT = 3,    /* PyLongObject.long_value.lv_tag: 3.12 on */
	STR_COMPACT = 1 << 5, STR_ASCII = 1 << 6, STR_KIND_MASK = 7, STR_WSTR = 40,
	LIST_ALLOCATED = 32, ODICT_NFAST = 72, BYTEARRAY_ALLOC = 24,
	/* arrayobject, Modules/arraymodule.c; struct arraydescr */
	ARRAY_ALLOCATED = 32, ARRAY_DESCR = 40, DESCR_ITEMSIZE = 4,
	NDARRAY_DATA = 16, NDARRAY_ND = 24, NDARRAY_DIMS = 32, NDARRAY_STRIDES = 40,
	MAX_DIMS = 64,
	DECIMAL_ALLOC = 56, DECIMAL_DATA = 64,
	DATETIME_FLAG = 24,          /* hastzinfo: its word is left out without */
	DEF_SIZE = 56,               /* PyModuleDef.m_size; md_def is before md_state */
	MD_STATE_3_15 = 24,          /* which has none */
	CODE_CACHED = 4 * WORD,      /* _PyCoCached */
	DEQUE_BLOCK = 528, ODICT_NODE = 32,
	INLINE_HEAD = 8, INLINE_EMBEDDED = 2,
	WCHAR = 4,
	MAX_SLOTS = 1 << 20, MAX_DOC = 1 << 16,
};
/* No size is larger; sums of two do not wrap. */
#define MAX_SIZE ((uint64_t)1 << 46)

static uint64_t word(const struct py_census *census, tm_addr at)
{
	struct tm_err ignored;
	uint64_t value;

	return tm_mem_u64(census->mem, at, &value, &ignored) ? value : 0;
}

static uint64_t times(uint64_t n, uint64_t size)
{
	uint64_t product;

	return __builtin_mul_overflow(n, size, &product) || product > MAX_SIZE ? MAX_SIZE
									      : product;
}

static uint64_t magnitude(uint64_t n)
{
	return (int64_t)n < 0 ? -n : n;
}

/* ---- objects ------------------------------------------------------------------------ */

/* Bytes of a character; 0: its characters are wchar_t, or not known yet. */
static unsigned char_size(const struct py_census *census, uint32_t state)
{
	return state >> py_str_kind_shift(&census->runtime.str) & STR_KIND_MASK;
}

static uint64_t str_size(const struct py_census *census, const struct py_type *type, tm_addr at)
{
	const struct py_str_layout *str = &census->runtime.str;
	const uint32_t state = (uint32_t)word(census, at + str->state);
	const uint64_t length = word(census, at + str->length);
	uint64_t head = type->basicsize;

	if (!(state & STR_COMPACT))
		return head;
	head = state & STR_ASCII ? str->ascii : str->compact;
	return head + times(length + 1, char_size(census, state));
}

/* Slots of a frame: what stands at ob_size in frames and generators is written over. */
static uint64_t frame_slots(const struct py_census *census, tm_addr frame)
{
	const struct py_object_layout *layout = census->layout;
	const bool in_3_11 = layout->values == PY_VALUES_POINTER;
	const bool first = census->runtime.layout->stack.kind == PY_STACK_DEBUG_OFFSETS;
	tm_addr code = word(census, frame + (first ? 0 : census->runtime.layout->stack
								   .fields.frame_code));
	tm_addr names = (code & ~(tm_addr)7) + layout->code_names;
	/* co_nlocalsplus, co_stacksize */
	uint64_t n = (uint64_t)(uint32_t)word(census, names - (in_3_11 ? 20 : 24)) +
		     (uint32_t)word(census, names - (in_3_11 ? 28 : 32));

	return code && n < MAX_SLOTS ? n : 0;
}

static uint64_t items(const struct py_census *census, const struct py_type *type, tm_addr at)
{
	const struct py_stack_layout *stack = &census->runtime.layout->stack;
	const uint64_t n = word(census, at + OB_SIZE);

	/* Since 3.12 0 has a digit. */
	if (type->flags & TP_INT && census->layout->refs != PY_REFS_PLAIN)
		return n >> TAG_SHIFT ? n >> TAG_SHIFT : 1;
	if (stack->waiting.frame_inner == PY_ABSENT)
		return magnitude(n);
	if (type->kind == PY_KIND_FRAME)
		return frame_slots(census, word(census, at + stack->waiting.frame_inner));
	if (type->kind == PY_KIND_GENERATOR || type->kind == PY_KIND_COROUTINE)
		return frame_slots(census, at + stack->waiting.gen_frame);
	return magnitude(n);
}

/* struct _dictvalues with room for `n`: their order follows them. */
static uint64_t inline_values(uint64_t n)
{
	return INLINE_HEAD + n * WORD + (n + 7) / 8 * 8;
}

uint64_t py_typed_object_size(const struct py_census *census, const struct py_type *type,
			      tm_addr at)
{
	uint64_t size = type->basicsize;

	if (type->kind == PY_KIND_STR)
		size = str_size(census, type, at);
	else if (type->kind == PY_KIND_DATETIME && !(type->flags & PY_TYPE_HEAP) &&
		 !(word(census, at + DATETIME_FLAG) & 0xff))
		size -= WORD;
	else if (type->itemsize)
		size += times(items(census, type, at), type->itemsize);
	size = (size + 7) / 8 * 8;
	if (type->flags & PY_TYPE_INLINE_VALUES && census->layout->values == PY_VALUES_INLINE)
		size += inline_values(word(census, at + type->basicsize) & 0xff);
	return size < MAX_SIZE ? size : 0;
}

/* ---- private memory ----------------------------------------------------------------- */

static uint64_t keys_size(const struct py_census *census, tm_addr at)
{
	const struct py_dict_layout *layout = &census->runtime.layout->dict;
	struct py_keys shape;
	uint64_t slots;

	if (!py_keys_read(census->mem, layout, at, &shape))
		return 0;
	slots = word(census, at + layout->keys_size);
	if (layout->keys_log2_index_bytes != PY_ABSENT)
		slots = (uint64_t)1 << (slots & 0xff);
	/* USABLE_FRACTION(), Objects/dictobject.c */
	return shape.entries + times(slots * 2 / 3, shape.stride);
}

/* How many values there is room for. */
static uint64_t usable(const struct py_census *census, uint32_t table)
{
	const struct py_dict_layout *layout = &census->runtime.layout->dict;
	struct py_keys shape;
	tm_addr keys = table ? census->tables[table - 1].at : 0;

	/* dk_usable stands before dk_nentries. */
	if (!keys || !py_keys_read(census->mem, layout, keys, &shape))
		return 0;
	return shape.n + word(census, keys + layout->keys_nentries - WORD);
}

/* And what is before them: `at` is where the dict points to. */
static uint64_t values_size(const struct py_census *census, tm_addr at, uint32_t table,
			    uint32_t *ret_before)
{
	uint64_t n;

	switch (census->layout->values) {
	case PY_VALUES_NONE:
		return times(usable(census, table), WORD);
	case PY_VALUES_POINTER:
	case PY_VALUES_TAGGED:
		*ret_before = (uint32_t)(word(census, at - WORD) >> 56);
		n = usable(census, table);
		return *ret_before >= n + 2 && *ret_before % 8 == 0
			? *ret_before + n * WORD : 0;
	case PY_VALUES_INLINE:
		n = word(census, at);
		return n >> 8 * INLINE_EMBEDDED & 0xff ? 0 : inline_values(n & 0xff);
	}
	return 0;
}

static uint64_t str_memory(const struct py_census *census, tm_addr object, tm_addr at)
{
	const struct py_str_layout *str = &census->runtime.str;
	const uint32_t state = (uint32_t)word(census, object + str->state);
	const uint32_t utf8 = census->layout->str_size;
	uint64_t length = word(census, object + str->length), size = 0;

	if (!(state & STR_COMPACT) && word(census, object + str->pointer) == at)
		size = times(length + 1, char_size(census, state));
	if (size == 0 && !(state & STR_COMPACT && state & STR_ASCII) &&
	    word(census, object + utf8 + WORD) == at)
		size = word(census, object + utf8) + 1;
	if (size == 0 && census->runtime.layout->str_has_wstr &&
	    word(census, object + STR_WSTR) == at) {
		if (!(state & STR_ASCII))
			length = word(census, object + utf8 + 2 * WORD);
		size = times(length + 1, WCHAR);
	}
	return size;
}

/* Owners of an ndarray's data have it in one piece: the outermost dimension spans it. */
static uint64_t ndarray_size(const struct py_census *census, tm_addr object)
{
	const uint32_t nd = (uint32_t)word(census, object + NDARRAY_ND);
	const tm_addr dims = word(census, object + NDARRAY_DIMS);
	const tm_addr strides = word(census, object + NDARRAY_STRIDES);
	uint64_t size = 0;

	for (uint32_t i = 0; i < nd && nd <= MAX_DIMS; i++) {
		uint64_t span = times(word(census, dims + i * WORD),
				      magnitude(word(census, strides + i * WORD)));

		if (span > size)
			size = span;
	}
	return size;
}

static uint64_t text_size(const struct py_census *census, tm_addr at)
{
	char text[MAX_DOC];
	struct tm_err ignored;

	return tm_mem_cstr(census->mem, at, text, sizeof(text), &ignored) ? strlen(text) + 1 : 0;
}

static uint64_t bytes_size(const struct py_census *census, tm_addr object,
			   const struct py_type *type, tm_addr at)
{
	switch (type->kind) {
	case PY_KIND_STR:
		return str_memory(census, object, at);
	case PY_KIND_BYTEARRAY:
		return word(census, object + BYTEARRAY_ALLOC);
	case PY_KIND_TYPE:
		return text_size(census, at);
	case PY_KIND_ARRAY:
		return times(word(census, object + ARRAY_ALLOCATED),
			     (uint32_t)word(census, word(census, object + ARRAY_DESCR) +
						    DESCR_ITEMSIZE));
	case PY_KIND_NDARRAY:
		return times((uint32_t)word(census, object + NDARRAY_ND), 2 * WORD);
	case PY_KIND_DECIMAL:
		return times(word(census, object + DECIMAL_ALLOC), WORD);
	case PY_KIND_ODICT:
		return times(word(census, object + ODICT_NFAST), WORD);
	case PY_KIND_DEQUE:
		return DEQUE_BLOCK;
	default:
		return 0;
	}
}

static uint64_t words_size(const struct py_census *census, tm_addr object,
			   const struct py_type *type, tm_addr at)
{
	const struct py_object_layout *layout = census->layout;
	tm_addr def;

	if (type->kind == PY_KIND_NDARRAY)
		return ndarray_size(census, object);
	if (type->kind == PY_KIND_CODE && layout->refs != PY_REFS_PLAIN &&
	    word(census, object + layout->code_cached) == at)
		return CODE_CACHED;
	if (type->kind != PY_KIND_MODULE || layout->md_state == MD_STATE_3_15)
		return 0;
	def = word(census, object + layout->md_state - WORD);
	return def ? word(census, def + DEF_SIZE) : 0;
}

uint64_t py_typed_buffer_size(const struct py_census *census, tm_addr object,
			      const struct py_type *type, tm_addr at, enum py_use use,
			      uint32_t aux, uint32_t *ret_before)
{
	uint64_t size = 0;

	*ret_before = 0;
	switch (use) {
	case PY_USE_BYTES: size = bytes_size(census, object, type, at); break;
	case PY_USE_ITEMS: size = times(word(census, object + LIST_ALLOCATED), WORD); break;
	case PY_USE_KEYS: size = keys_size(census, at); break;
	case PY_USE_VALUES:
		size = values_size(census, at, aux >> PY_VALUES_TABLE &
				   (PY_VALUES_ATTRIBUTES - 1), ret_before);
		break;
	case PY_USE_SET: size = times(aux, 2 * WORD); break;
	case PY_USE_DEQUE: size = DEQUE_BLOCK; break;
	case PY_USE_NODE: size = ODICT_NODE; break;
	case PY_USE_WORDS: size = words_size(census, object, type, at); break;
	}
	return size < MAX_SIZE ? size : 0;
}
