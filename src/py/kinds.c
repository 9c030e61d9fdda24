#include "py/plan.h"
#include "py/str.h"

enum {
	LIST_ITEMS = 24, ARRAY_ITEMS = 24,
	DICT_KEYS = 32, DICT_VALUES = 40, DICT_USED = 16,
	SET_MASK = 32, SET_TABLE = 40, SET_SMALL = 64,
	STR_COMPACT = 1 << 3, STR_ASCII = 1 << 4, STR_WSTR = 40,
	BYTEARRAY_BYTES = 32, BYTEARRAY_OBJECT = 56,
	WEAKREF_CALLBACK = 24,
	TYPE_DOC = 176, TYPE_DICT = 264,
	NDARRAY_DATA = 16, NDARRAY_DIMS = 32, NDARRAY_FLAGS = 64, NDARRAY_OWNS = 4,
	DECIMAL_DATA = 64,
	/* PyMemoryViewObject.mbuf; its view's obj is borrowed. Objects/memoryobject.c:
	 * _PyManagedBufferObject.master.obj. Python/context.c: var_name, var_default;
	 * the cached value is borrowed. */
	VIEW_BUFFER = 24, BUFFER_OWNER = 40, VARIABLE_NAME = 16, VARIABLE_CACHED = 32,
	/* Modules/_datetimemodule.c: hastzinfo; without it the object ends before tzinfo. */
	DATETIME_FLAG = 24,
	/* partialobject, Modules/_functoolsmodule.c: fn, args, kw; its placeholder (3.14)
	 * is borrowed. */
	PARTIAL_FN = 16, PARTIAL_END = 40,
	LINK_NEXT = 24, LINK_KEY = 32,
	ODICT_FAST = 64, ODICT_DICT = 96,
	MAX_VALUES_OFF = 256,        /* in their block */
	INLINE_HEAD = 8,             /* struct _dictvalues: capacity, ..., valid */
	INLINE_CAPACITY = 0, INLINE_EMBEDDED = 2, INLINE_VALID = 3,
};

/* ---- one kind each ----------------------------------------------------------------- */

static void plan_list(struct py_census *census, const struct py_object *object)
{
	uint64_t n = plan_word(object, OB_SIZE);

	plan_claim(census, object, plan_word(object, LIST_ITEMS), PY_USE_ITEMS,
		   (uint32_t)at_most(n, UINT32_MAX));
}

static void plan_tuple(struct py_census *census, const struct py_object *object,
		       struct py_plan *plan)
{
	const uint32_t items = py_tuple_items(census);
	uint64_t n = at_most(plan_word(object, OB_SIZE), words_left(object, items));

	plan_add(plan, items, n, 1, HEAP_EDGE_INDEX, 0);
}

/* Are the values of a dict or an instance in a block of their own? Those inside of an
 * instance belong to that. */
static bool has_values(const struct py_census *census, const struct py_object *object,
		       tm_addr values, uint32_t *ret_off)
{
	uint64_t off;

	if (!census->collecting || values == 0 || is_inside(object, values))
		return false;
	if (!heap_blocks_find(&census->blocks, values, &off)) {
		*ret_off = 0;
		return census->outside != NULL;
	}
	*ret_off = (uint32_t)off;
	return off <= MAX_VALUES_OFF;
}

/* `table` has their keys. */
static void claim_values(struct py_census *census, const struct py_object *object,
			 tm_addr values, uint32_t off, uint32_t table)
{
	if (census->layout->values == PY_VALUES_INLINE)
		off += INLINE_HEAD;
	py_claim(census, object->node, values, PY_USE_VALUES, off | table << PY_VALUES_TABLE);
}

static void plan_dict(struct py_census *census, const struct py_object *object)
{
	const tm_addr keys = plan_word(object, DICT_KEYS);
	const tm_addr values = plan_word(object, DICT_VALUES);
	uint32_t off;

	if (!census->collecting)
		return;
	/* Interpreters that share an allocator share the dict of interned strings. */
	py_claim_keys(census, object->node, keys,
		      plan_word(object, DICT_USED) >= 256 &&
		      census->refs[object->node] <= census->ninterpreters);
	if (has_values(census, object, values, &off))
		claim_values(census, object, values, off, py_shared(census, keys));
}

static void plan_set(struct py_census *census, const struct py_object *object,
		     struct py_plan *plan)
{
	uint64_t n = plan_word(object, SET_MASK) + 1;
	tm_addr table = plan_word(object, SET_TABLE);

	if (table == object->at + SET_SMALL)
		plan_add_words(plan, (struct py_words){
			.off = SET_SMALL, .n = at_most(n, 8), .stride = 16,
			.level = PY_LEVEL_EXACT, .how = HEAP_EDGE_MEMBER,
		});
	else
		plan_claim(census, object, table, PY_USE_SET, (uint32_t)at_most(n, UINT32_MAX));
}

static void plan_str(struct py_census *census, const struct py_object *object)
{
	const struct py_str_layout *str = &census->runtime.str;
	const uint32_t utf8 = census->layout->str_size + 8u;
	const unsigned shift = py_str_kind_shift(str);
	const uint32_t state = (uint32_t)plan_word(object, str->state - census->front) >> shift;
	const uint32_t both = STR_COMPACT | STR_ASCII;

	if (!census->collecting)
		return;
	if (!(state & STR_COMPACT))
		plan_claim(census, object, plan_word(object, str->pointer - census->front),
			   PY_USE_BYTES, 0);
	if ((state & both) != both)
		plan_claim(census, object, plan_word(object, utf8), PY_USE_BYTES, 0);
	if (census->runtime.layout->str_has_wstr)
		plan_claim(census, object, plan_word(object, STR_WSTR), PY_USE_BYTES, 0);
}

static void plan_type(struct py_census *census, const struct py_object *object,
		      struct py_plan *plan)
{
	const struct py_object_layout *layout = census->layout;

	plan_add_fields(plan, 16, TYPE_DICT);
	plan_add(plan, TYPE_DICT, 1, 2, HEAP_EDGE_DICT, 0);
	/* _spec_cache, which follows ht_module, holds nothing. */
	plan_add_fields(plan, TYPE_DICT + 8,
			at_most(at_most(layout->type_size, layout->ht_cached_keys + 16u),
				object->room));
	if (!census->collecting)
		return;
	py_claim_keys(census, object->node, plan_word(object, layout->ht_cached_keys), false);
	plan_claim(census, object, plan_word(object, TYPE_DOC), PY_USE_BYTES, 0);
}

static void plan_code(struct py_census *census, const struct py_type *type,
		      const struct py_object *object, struct py_plan *plan)
{
	const struct py_object_layout *layout = census->layout;
	const uint32_t fields[] = {
		layout->code_extra, layout->code_cached, layout->code_linearray,
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i])
			plan_claim(census, object, plan_word(object, fields[i]), PY_USE_WORDS, 0);
	/* Of what follows the list of weak references, one word in 3.11 is one. */
	plan_add_fields(plan, 16, at_most(type->weaklist ? type->weaklist : type->basicsize,
					  object->room));
	if (layout->code_bytes)
		plan_add_fields(plan, layout->code_bytes, layout->code_bytes + 8u);
}

static void plan_arrays(struct py_census *census, const struct py_type *type,
			const struct py_object *object, struct py_plan *plan)
{
	if (type->kind == PY_KIND_ARRAY)
		plan_claim(census, object, plan_word(object, ARRAY_ITEMS), PY_USE_BYTES, 0);
	if (type->kind == PY_KIND_DECIMAL)
		plan_claim(census, object, plan_word(object, DECIMAL_DATA), PY_USE_BYTES, 0);
	if (type->kind != PY_KIND_NDARRAY)
		return;
	if ((uint32_t)plan_word(object, NDARRAY_FLAGS) & NDARRAY_OWNS)
		plan_claim(census, object, plan_word(object, NDARRAY_DATA), PY_USE_WORDS, 0);
	plan_claim(census, object, plan_word(object, NDARRAY_DIMS), PY_USE_BYTES, 0);
	plan_add_fields(plan, NDARRAY_DIMS + 16, at_most(type->basicsize, object->room));
}

/* The list of an lru_cache holds each link once, which is told by the one before
 * it; the last leads to the cache, which it does not hold. */
static void plan_link(const struct py_type *type, const struct py_object *object,
		      struct py_plan *plan)
{
	plan_add_words(plan, (struct py_words){
		.off = LINK_NEXT, .n = 1, .stride = 8, .level = PY_LEVEL_EXACT,
		.how = HEAP_EDGE_FIELD, .value = LINK_NEXT / 8, .kin = true,
	});
	plan_add_fields(plan, LINK_KEY, at_most(type->basicsize, object->room));
}

static void plan_words(enum py_kind kind, const struct py_type *type,
		       const struct py_object *object, struct py_plan *plan)
{
	const uint64_t end = at_most(type->own, object->room);

	if (kind == PY_KIND_FUNCTION)
		plan_add(plan, 16, (end - 16) / 8, 1, HEAP_EDGE_FIELD, 2);
	else if (kind == PY_KIND_MEMORYVIEW)
		plan_add(plan, VIEW_BUFFER, 1, 1, HEAP_EDGE_FIELD, VIEW_BUFFER / 8);
	else if (kind == PY_KIND_MANAGEDBUFFER)
		plan_add(plan, BUFFER_OWNER, 1, 1, HEAP_EDGE_FIELD, BUFFER_OWNER / 8);
	else if (kind == PY_KIND_CONTEXTVAR)
		plan_add_fields(plan, VARIABLE_NAME, VARIABLE_CACHED);
	else if (plan_word(object, DATETIME_FLAG) & 0xff)
		plan_add(plan, end - 8, 1, PY_LEVEL_EXACT, HEAP_EDGE_FIELD,
			 (uint32_t)end / 8 - 1);
}

static void plan_kind(struct py_census *census, const struct py_type *type,
		      const struct py_object *object, struct py_plan *plan)
{
	switch ((enum py_kind)type->kind) {
	case PY_KIND_LIST: plan_list(census, object); break;
	case PY_KIND_TUPLE: plan_tuple(census, object, plan); break;
	case PY_KIND_DICT: plan_dict(census, object); break;
	case PY_KIND_SET: plan_set(census, object, plan); break;
	case PY_KIND_STR: plan_str(census, object); break;
	case PY_KIND_TYPE: plan_type(census, object, plan); break;
	case PY_KIND_FRAME: py_plan_frame(census, type, object, plan); break;
	case PY_KIND_GENERATOR:
	case PY_KIND_COROUTINE: py_plan_generator(census, object, type, plan); break;
	case PY_KIND_CODE: plan_code(census, type, object, plan); break;
	case PY_KIND_BYTEARRAY:
		/* Since 3.15 the bytes are those of an object. */
		if (type->own > BYTEARRAY_OBJECT)
			plan_add(plan, BYTEARRAY_OBJECT, 1, 1, HEAP_EDGE_FIELD,
				 BYTEARRAY_OBJECT / 8);
		else
			plan_claim(census, object, plan_word(object, BYTEARRAY_BYTES),
				   PY_USE_BYTES, 0);
		break;
	case PY_KIND_WEAKREF:
		plan_add(plan, WEAKREF_CALLBACK, 1, 2, HEAP_EDGE_FIELD, WEAKREF_CALLBACK / 8);
		break;
	case PY_KIND_DEQUE:
		if (census->collecting)
			py_claim_deque(census, object);
		plan_add_fields(plan, 64, at_most(type->own, object->room));
		break;
	case PY_KIND_ODICT:
		plan_dict(census, object);
		plan_claim(census, object, plan_word(object, ODICT_FAST), PY_USE_BYTES, 0);
		if (census->collecting)
			py_claim_nodes(census, object);
		plan_add_fields(plan, ODICT_DICT, ODICT_DICT + 8);
		break;
	case PY_KIND_LINK:
		plan_link(type, object, plan);
		break;
	case PY_KIND_PARTIAL:
		plan_add_fields(plan, PARTIAL_FN, PARTIAL_END);
		if (type->dict > 0)
			plan_add(plan, (uint64_t)type->dict, 1, 2, HEAP_EDGE_DICT, 0);
		break;
	case PY_KIND_ARRAY:
	case PY_KIND_NDARRAY:
	case PY_KIND_DECIMAL: plan_arrays(census, type, object, plan); break;
	case PY_KIND_MODULE:
		plan_claim(census, object, plan_word(object, census->layout->md_state),
			   PY_USE_WORDS, 0);
		plan_add_fields(plan, 16, at_most(type->own, object->room));
		break;
	case PY_KIND_FUNCTION:
	case PY_KIND_MEMORYVIEW:
	case PY_KIND_MANAGEDBUFFER:
	case PY_KIND_CONTEXTVAR:
	case PY_KIND_DATETIME:
		plan_words((enum py_kind)type->kind, type, object, plan);
		break;
	case PY_KIND_OPAQUE:
		if (type->memory)
			plan_claim(census, object, plan_word(object, type->memory),
				   PY_USE_BYTES, 0);
		break;
	case PY_KIND_PLAIN: break;
	}
}

/* ---- what any instance may have ------------------------------------------------------- */

/* Values that stand behind the object itself. */
static void plan_inline(const struct py_type *type, const struct py_object *object,
			struct py_plan *plan)
{
	const uint64_t off = type->basicsize;
	uint64_t n;

	if (!(type->flags & PY_TYPE_INLINE_VALUES) || off + INLINE_HEAD > object->len ||
	    !tm_load_u8(object->bytes, off + INLINE_VALID))
		return;
	n = tm_load_u8(object->bytes, off + INLINE_CAPACITY);
	plan_add(plan, off + INLINE_HEAD, at_most(n, words_left(object, off + INLINE_HEAD)),
		 1, HEAP_EDGE_ATTRIBUTE, 0);
}

/* Of the attributes of its instances. */
static uint32_t shared_table(struct py_census *census, const struct py_type *type)
{
	struct tm_err ignored;
	tm_addr keys;

	if (!tm_mem_u64(census->mem, py_body(census, type->at) + census->layout->ht_cached_keys, &keys,
			&ignored))
		return 0;
	return py_shared(census, keys);
}

static void plan_attributes(struct py_census *census, const struct py_type *type,
			    const struct py_object *object, tm_addr values)
{
	uint32_t off;

	if (has_values(census, object, values, &off))
		claim_values(census, object, values, off,
			     PY_VALUES_ATTRIBUTES | shared_table(census, type));
}

/* The words before the GC head, if there is one; `off` wraps around: the object begins later. */
static void plan_before(struct py_census *census, const struct py_type *type,
			const struct py_object *object, struct py_plan *plan)
{
	const enum py_values_kind values = census->layout->values;
	const uint32_t dict = census->gc_head + 8;
	uint64_t word3, word4;

	if (values == PY_VALUES_NONE || !(type->flags & PY_TYPE_MANAGED_DICT) ||
	    object->head < dict + 8)
		return;
	word3 = tm_load_u64(object->before, object->head - dict);
	word4 = tm_load_u64(object->before, object->head - dict - 8);
	if (values == PY_VALUES_POINTER)
		plan_attributes(census, type, object, word4);
	if (values == PY_VALUES_TAGGED && word3 & 1)
		plan_attributes(census, type, object, word3 + 1);
	else if (word3)
		plan_add(plan, -(uint64_t)(dict + census->front), 1, 1, HEAP_EDGE_DICT, 0);
	if (values == PY_VALUES_INLINE)
		plan_inline(type, object, plan);
}

void py_plan_object(struct py_census *census, const struct py_type *type,
		    const struct py_object *object, struct py_plan *ret)
{
	ret->nwords = ret->nskip = 0;
	ret->code = 0;
	census->planned = object->at;
	census->planned_type = type;
	plan_before(census, type, object, ret);
	plan_kind(census, type, object, ret);
	py_plan_body(type, object, ret);
}
