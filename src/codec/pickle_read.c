/*
 * Which operation each opcode is, and what becomes of the value under STOP.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "codec/codec.h"
#include "codec/formats.h"
#include "codec/pickle.h"
#include "codec/pickle_find.h"
#include "codec/pickle_machine.h"

static void pickle_op_proto(struct pickle_machine *m, unsigned arg)
{
	int version = pickle_in_byte(m->in);

	(void)arg;
	if (version <= PICKLE_PROTO_MAX || m->in->failed)
		return;
	m->in->failed = true;
	tm_err_set(m->in->err, TM_ERR_UNSUPPORTED, NULL,
		   "pickle protocol %d (before byte %" PRIu64 "); 0 to %d are read",
		   version, pickle_in_offset(m->in), PICKLE_PROTO_MAX);
}

static void pickle_op_frame(struct pickle_machine *m, unsigned arg)
{
	(void)arg;
	pickle_in_le(m->in, 8);
}

static void pickle_op_none(struct pickle_machine *m, unsigned arg)
{
	(void)m;
	(void)arg;
}

static const struct op {
	void (*run)(struct pickle_machine *m, unsigned arg);
	unsigned arg;
} ops[256] = {
	[OP_MARK] = { pickle_op_kind, VALUE_MARK },
	[OP_NONE] = { pickle_op_kind, VALUE_NONE },
	[OP_POP] = { pickle_op_pop, 1 },
	[OP_POP_MARK] = { pickle_op_pop_mark, 0 },
	[OP_DUP] = { pickle_op_dup, 0 },
	[OP_INT] = { pickle_op_decimal, 0 },
	[OP_LONG] = { pickle_op_decimal, 0 },
	[OP_BININT1] = { pickle_op_int, 1 },
	[OP_BININT2] = { pickle_op_int, 2 },
	[OP_BININT] = { pickle_op_int, 4 },
	[OP_LONG1] = { pickle_op_long, 1 },
	[OP_LONG4] = { pickle_op_long, 4 },
	[OP_NEWTRUE] = { pickle_op_other, OTHER_BOOL },
	[OP_NEWFALSE] = { pickle_op_other, OTHER_BOOL },
	[OP_FLOAT] = { pickle_op_line, OTHER_FLOAT },
	[OP_BINFLOAT] = { pickle_op_float, 0 },
	[OP_STRING] = { pickle_op_line, OTHER_BYTES },
	[OP_BINSTRING] = { pickle_op_bytes, 4 },
	[OP_SHORT_BINSTRING] = { pickle_op_bytes, 1 },
	[OP_BINBYTES] = { pickle_op_bytes, 4 },
	[OP_SHORT_BINBYTES] = { pickle_op_bytes, 1 },
	[OP_BINBYTES8] = { pickle_op_bytes, 8 },
	[OP_BYTEARRAY8] = { pickle_op_bytes, 8 },
	[OP_UNICODE] = { pickle_op_unicode, 0 },
	[OP_SHORT_BINUNICODE] = { pickle_op_string, 1 },
	[OP_BINUNICODE] = { pickle_op_string, 4 },
	[OP_BINUNICODE8] = { pickle_op_string, 8 },
	[OP_PERSID] = { pickle_op_line, OTHER_EXTERNAL },
	[OP_BINPERSID] = { pickle_op_new, 0 },
	[OP_EXT1] = { pickle_op_extension, 1 },
	[OP_EXT2] = { pickle_op_extension, 2 },
	[OP_EXT4] = { pickle_op_extension, 4 },
	[OP_NEXT_BUFFER] = { pickle_op_other, OTHER_EXTERNAL },
	[OP_READONLY_BUFFER] = { pickle_op_none, 0 },
	[OP_GET] = { pickle_op_get_line, 0 },
	[OP_BINGET] = { pickle_op_get, 1 },
	[OP_LONG_BINGET] = { pickle_op_get, 4 },
	[OP_PUT] = { pickle_op_put_line, 0 },
	[OP_BINPUT] = { pickle_op_put, 1 },
	[OP_LONG_BINPUT] = { pickle_op_put, 4 },
	[OP_MEMOIZE] = { pickle_op_put, 0 },
	[OP_EMPTY_TUPLE] = { pickle_op_empty, NODE_TUPLE },
	[OP_TUPLE1] = { pickle_op_tuple, 1 },
	[OP_TUPLE2] = { pickle_op_tuple, 2 },
	[OP_TUPLE3] = { pickle_op_tuple, 3 },
	[OP_TUPLE] = { pickle_op_marked, NODE_TUPLE },
	[OP_EMPTY_LIST] = { pickle_op_empty, NODE_LIST },
	[OP_LIST] = { pickle_op_marked, NODE_LIST },
	[OP_EMPTY_DICT] = { pickle_op_empty, NODE_DICT },
	[OP_DICT] = { pickle_op_marked, NODE_DICT },
	[OP_EMPTY_SET] = { pickle_op_empty, NODE_SET },
	[OP_FROZENSET] = { pickle_op_marked, NODE_SET },
	[OP_APPEND] = { pickle_op_add, 1 },
	[OP_SETITEM] = { pickle_op_add, 2 },
	[OP_APPENDS] = { pickle_op_add_marked, false },
	[OP_ADDITEMS] = { pickle_op_add_marked, false },
	[OP_SETITEMS] = { pickle_op_add_marked, true },
	[OP_GLOBAL] = { pickle_op_global, 0 },
	[OP_STACK_GLOBAL] = { pickle_op_stack_global, 0 },
	[OP_INST] = { pickle_op_inst, 0 },
	[OP_OBJ] = { pickle_op_obj, 0 },
	[OP_NEWOBJ] = { pickle_op_new, 1 },
	[OP_NEWOBJ_EX] = { pickle_op_new, 2 },
	[OP_REDUCE] = { pickle_op_reduce, 0 },
	[OP_BUILD] = { pickle_op_build, 0 },
	[OP_PROTO] = { pickle_op_proto, 0 },
	[OP_FRAME] = { pickle_op_frame, 0 },
};

static void unknown_op(struct pickle_machine *m, int op)
{
	if (m->in->failed)
		return;
	m->in->failed = true;
	tm_err_set(m->in->err, TM_ERR_CORRUPT, NULL,
		   "damaged, or not a pickle: opcode 0x%02x at byte %" PRIu64,
		   op, pickle_in_offset(m->in) - 1);
}

/* What is under STOP, NULL on failure. */
static struct value *run(struct pickle_machine *m)
{
	for (;;) {
		int op = pickle_in_byte(m->in);

		if (m->in->failed)
			return NULL;
		if (op == OP_STOP)
			return pickle_pop(m, 1);
		if (ops[op].run)
			ops[op].run(m, ops[op].arg);
		else
			unknown_op(m, op);
	}
}

/* Programs write one pickle after the other, not all of them snapshots. */
static bool another_follows(struct pickle_in *in)
{
	return pickle_in_peek(in) == OP_PROTO;
}

static bool choose(struct pickle_machine *m, struct codec_part *part,
		   const struct value *top, size_t n, struct value *found)
{
	if (!part->nth && n == 1) {
		part->more = another_follows(m->in);
		return shape_take(&m->shape, found);
	}
	if (!part->nth && n)
		return pickle_has_many(&m->shape, top, n);
	if (part->nth && part->nth <= part->seen + n)
		return shape_take(&m->shape, found);
	part->seen += n;
	if (another_follows(m->in))
		return true;
	if (!part->seen)
		return pickle_has_none(&m->shape, top);
	m->in->failed = true;
	return tm_err_set(m->in->err, TM_ERR_USAGE, NULL, "holds no snapshot "
			  "number %zu: %s", part->nth, part->seen == 1 ?
			  "there is one" : "there are fewer");
}

/* One pickle; *ret_done: the snapshot is found and taken. */
static bool read_one(struct pickle_in *in, struct codec_part *part,
		     struct tm_builder *builder, struct tm_meta *meta,
		     bool *ret_done)
{
	struct pickle_machine *m = tm_calloc(1, sizeof(*m));
	struct value found = { VALUE_UNSET, 0, 0 }, *top;
	bool ok = false;

	m->in = in;
	shape_init(&m->shape, in, builder, meta);
	top = run(m);
	if (top) {
		size_t want = part->nth ? part->nth - part->seen : 1;
		size_t n = pickle_find(&m->shape, top, want, &found);

		ok = choose(m, part, top, n, &found);
		*ret_done = found.kind != VALUE_UNSET;
	}
	shape_deinit(&m->shape);
	free(m->stack);
	free(m->memo);
	tm_buf_free(&m->text);
	tm_buf_free(&m->module);
	free(m);
	return ok;
}

bool pickle_read_part(FILE *file, struct codec_part *part,
		      struct tm_builder *builder, struct tm_meta *meta,
		      struct tm_err *err)
{
	struct pickle_in in;
	bool done = false, ok = true;

	pickle_in_init(&in, file, err);
	while (ok && !done)
		ok = read_one(&in, part, builder, meta, &done);
	pickle_in_deinit(&in);
	return ok;
}

bool pickle_read(FILE *file, struct tm_builder *builder, struct tm_meta *meta,
		 struct tm_err *err)
{
	struct codec_part part = { 0 };

	return pickle_read_part(file, &part, builder, meta, err);
}
