/*
 * The machine that runs a pickle, as far as a Snapshot needs it: protocols 2
 * to 5, no opcode that calls anything, no class but tracemalloc's two.
 *
 * Memory follows the file: a byte of input can add one value (16 bytes) to
 * the stack, whose size is bounded, or to the memo.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "codec/formats.h"
#include "codec/pickle.h"
#include "codec/pickle_in.h"
#include "codec/pickle_shape.h"

/* The deepest genuine stack: a traceback of 65535 frames, and some. */
enum { MAX_STACK = 1 << 20 };

struct machine {
	struct pickle_in in;
	struct shape shape;
	struct value *stack;
	size_t n, cap;
	struct value *memo;
	size_t nmemo, memo_cap;
	struct tm_buf text, module;
};

static void push(struct machine *m, struct value value)
{
	if (m->n >= MAX_STACK) {
		pickle_in_corrupt(&m->in, "a stack of absurd depth");
		return;
	}
	if (m->n == m->cap)
		m->stack = tm_grow(m->stack, &m->cap, m->n + 1,
				   sizeof(*m->stack));
	m->stack[m->n++] = value;
}

static void push_int(struct machine *m, uint64_t v)
{
	push(m, (struct value){ VALUE_INT, 0, v });
}

static void push_kind(struct machine *m, enum value_kind kind)
{
	push(m, (struct value){ kind, 0, 0 });
}

/* The topmost n values, taken off; NULL if there are not as many. */
static struct value *pop(struct machine *m, size_t n)
{
	if (m->n < n) {
		pickle_in_corrupt(&m->in, "an operation without its operands");
		return NULL;
	}
	m->n -= n;
	return m->stack + m->n;
}

/* The values above the topmost mark, taken off with it. */
static struct value *pop_mark(struct machine *m, size_t *ret_n)
{
	size_t at = m->n;

	while (at && m->stack[at - 1].kind != VALUE_MARK)
		at--;
	*ret_n = m->n - at;
	if (!at) {
		pickle_in_corrupt(&m->in, "an end without its mark");
		return NULL;
	}
	m->n = at - 1;
	return m->stack + at;
}

static struct value *top(struct machine *m)
{
	struct value *value = pop(m, 1);

	if (value)
		m->n++;
	return value;
}

static void put_memo(struct machine *m, uint64_t place)
{
	struct value *value = top(m);

	/* Places are numbered as they come: none can be beyond the bytes read. */
	if (place > pickle_in_offset(&m->in))
		pickle_in_corrupt(&m->in, "a memo place of absurd number");
	if (m->in.failed || !value)
		return;
	if (place >= m->memo_cap)
		m->memo = tm_grow(m->memo, &m->memo_cap, place + 1,
				  sizeof(*m->memo));
	while (m->nmemo <= place)
		m->memo[m->nmemo++] = (struct value){ VALUE_UNSET, 0, 0 };
	m->memo[place] = *value;
}

static void get_memo(struct machine *m, uint64_t place)
{
	if (place >= m->nmemo || m->memo[place].kind == VALUE_UNSET)
		pickle_in_corrupt(&m->in, "a memo place that was never set");
	else
		push(m, m->memo[place]);
}

static void do_string(struct machine *m, unsigned len_bytes)
{
	uint64_t len = pickle_in_le(&m->in, len_bytes);

	if (pickle_in_bytes(&m->in, &m->text, len))
		push(m, shape_string(&m->shape, &m->text));
}

static void do_int(struct machine *m)
{
	uint64_t v = pickle_in_le(&m->in, 4);

	if (v > INT32_MAX)
		pickle_in_corrupt(&m->in, "a negative number");
	push_int(m, v);
}

static void do_tuple(struct machine *m, size_t n)
{
	struct value *items = pop(m, n);

	if (items)
		push(m, shape_tuple(&m->shape, items, n));
}

static void do_mark_tuple(struct machine *m)
{
	size_t n;
	struct value *items = pop_mark(m, &n);

	if (items)
		push(m, shape_tuple(&m->shape, items, n));
}

static void do_appends(struct machine *m)
{
	size_t n;
	struct value *items = pop_mark(m, &n), *list = items ? top(m) : NULL;

	if (list && list->kind != VALUE_LIST)
		pickle_in_corrupt(&m->in, "an append to what is no list");
	else if (list)
		shape_append(&m->shape, items, n);
}

static void do_append(struct machine *m)
{
	struct value *item = pop(m, 1), *list = item ? top(m) : NULL;

	if (list && list->kind != VALUE_LIST)
		pickle_in_corrupt(&m->in, "an append to what is no list");
	else if (list)
		shape_append(&m->shape, item, 1);
}

static void set_items(struct machine *m, const struct value *items, size_t n)
{
	struct value *dict = items ? top(m) : NULL;

	if (!dict)
		return;
	if (dict->kind != VALUE_DICT || n % 2) {
		pickle_in_corrupt(&m->in, "items for what is no dictionary");
		return;
	}
	for (size_t i = 0; i < n; i += 2)
		shape_set(&m->shape, &items[i], &items[i + 1]);
}

static void do_setitems(struct machine *m)
{
	size_t n;
	struct value *items = pop_mark(m, &n);

	set_items(m, items, n);
}

static void do_build(struct machine *m)
{
	struct value *state = pop(m, 1), *object = state ? top(m) : NULL;

	if (object)
		shape_build(&m->shape, object, state);
}

static void do_newobj(struct machine *m)
{
	struct value *items = pop(m, 2);

	if (items)
		push(m, shape_object(&m->shape, &items[0], &items[1]));
}

static void do_global(struct machine *m)
{
	if (pickle_in_line(&m->in, &m->module) &&
	    pickle_in_line(&m->in, &m->text))
		push(m, shape_class(&m->shape, m->module.data, m->text.data));
}

static void do_stack_global(struct machine *m)
{
	struct value *items = pop(m, 2);
	const struct tm_intern_item *strings = m->shape.strings.items;

	if (!items)
		return;
	if (items[0].kind != VALUE_STRING || items[1].kind != VALUE_STRING)
		pickle_in_corrupt(&m->in, "a class without a name");
	else
		push(m, shape_class(&m->shape, strings[items[0].id].bytes,
				    strings[items[1].id].bytes));
}

static void unknown_op(struct machine *m, int op)
{
	if (m->in.failed)
		return;
	m->in.failed = true;
	tm_err_set(m->in.err, TM_ERR_CORRUPT, NULL,
		   "damaged, or not a tracemalloc snapshot: opcode 0x%02x at byte %"
		   PRIu64, op, pickle_in_offset(&m->in) - 1);
}

static void step(struct machine *m, int op)
{
	struct pickle_in *in = &m->in;

	switch (op) {
	case OP_MARK: push_kind(m, VALUE_MARK); break;
	case OP_NONE: push_kind(m, VALUE_NONE); break;
	case OP_BININT1: push_int(m, pickle_in_le(in, 1)); break;
	case OP_BININT2: push_int(m, pickle_in_le(in, 2)); break;
	case OP_BININT: do_int(m); break;
	case OP_LONG1: push_int(m, pickle_in_long(in, pickle_in_le(in, 1))); break;
	case OP_LONG4: push_int(m, pickle_in_long(in, pickle_in_le(in, 4))); break;
	case OP_SHORT_BINUNICODE: do_string(m, 1); break;
	case OP_BINUNICODE: do_string(m, 4); break;
	case OP_BINUNICODE8: do_string(m, 8); break;
	case OP_BINGET: get_memo(m, pickle_in_le(in, 1)); break;
	case OP_LONG_BINGET: get_memo(m, pickle_in_le(in, 4)); break;
	case OP_BINPUT: put_memo(m, pickle_in_le(in, 1)); break;
	case OP_LONG_BINPUT: put_memo(m, pickle_in_le(in, 4)); break;
	case OP_MEMOIZE: put_memo(m, m->nmemo); break;
	case OP_TUPLE: do_mark_tuple(m); break;
	case OP_EMPTY_TUPLE: push_kind(m, VALUE_EMPTY); break;
	case OP_TUPLE1: do_tuple(m, 1); break;
	case OP_TUPLE2: do_tuple(m, 2); break;
	case OP_TUPLE3: do_tuple(m, 3); break;
	case OP_EMPTY_LIST: push(m, shape_list(&m->shape)); break;
	case OP_APPEND: do_append(m); break;
	case OP_APPENDS: do_appends(m); break;
	case OP_EMPTY_DICT: push_kind(m, VALUE_DICT); break;
	case OP_SETITEM: set_items(m, pop(m, 2), 2); break;
	case OP_SETITEMS: do_setitems(m); break;
	case OP_GLOBAL: do_global(m); break;
	case OP_STACK_GLOBAL: do_stack_global(m); break;
	case OP_NEWOBJ: do_newobj(m); break;
	case OP_BUILD: do_build(m); break;
	case OP_FRAME: pickle_in_le(in, 8); break;
	default: unknown_op(m, op); break;
	}
}

static bool check_protocol(struct machine *m)
{
	int op = pickle_in_byte(&m->in), version = pickle_in_byte(&m->in);

	if (m->in.failed)
		return false;
	if (op != OP_PROTO)
		return pickle_in_corrupt(&m->in, "not the beginning of a pickle");
	if (version >= PICKLE_PROTO_MIN && version <= PICKLE_PROTO_MAX)
		return true;
	return tm_err_set(m->in.err, TM_ERR_UNSUPPORTED, NULL,
			  "pickle protocol %d (at byte 1); %d to %d are read",
			  version, PICKLE_PROTO_MIN, PICKLE_PROTO_MAX);
}

static bool run(struct machine *m)
{
	struct value *result;

	if (!check_protocol(m))
		return false;
	for (;;) {
		int op = pickle_in_byte(&m->in);

		if (op == OP_STOP && !m->in.failed)
			break;
		step(m, op);
		if (m->in.failed)
			return false;
	}
	result = pop(m, 1);
	return result && shape_finish(&m->shape, result);
}

bool pickle_read(FILE *file, struct tm_builder *builder, struct tm_meta *meta,
		 struct tm_err *err)
{
	struct machine *m = tm_calloc(1, sizeof(*m));
	bool ok;

	pickle_in_init(&m->in, file, err);
	m->shape.in = &m->in;
	m->shape.builder = builder;
	m->shape.sites.builder = builder;
	m->shape.meta = meta;
	ok = run(m);
	shape_deinit(&m->shape);
	pickle_in_deinit(&m->in);
	free(m->stack);
	free(m->memo);
	tm_buf_free(&m->text);
	tm_buf_free(&m->module);
	free(m);
	return ok;
}
