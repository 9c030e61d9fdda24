/*
 * The machine that runs a pickle of any shape, protocols 0 to 5, and calls
 * nothing: of values that are not part of a snapshot it keeps the kind, of
 * objects the name of the class.
 *
 * Memory follows the file: a byte of input can add one value (16 bytes) to
 * the stack, whose size is bounded, or to the memo, or one empty container.
 */
#ifndef TM_CODEC_PICKLE_MACHINE_H
#define TM_CODEC_PICKLE_MACHINE_H

#include "codec/pickle_shape.h"

struct pickle_machine {
	struct pickle_in *in;
	struct shape shape;
	struct value *stack;
	size_t n, cap;
	struct value *memo;
	size_t nmemo, memo_cap;
	struct tm_buf text, module;
};

/* On a broken rule these remember the failure; what they return is then NULL
 * where it is a pointer. Pointers are good until the next push. */
void pickle_push(struct pickle_machine *m, struct value value);
/* The topmost n values, taken off. */
struct value *pickle_pop(struct pickle_machine *m, size_t n);
/* The values above the topmost mark, taken off with it. */
struct value *pickle_pop_mark(struct pickle_machine *m, size_t *ret_n);
struct value *pickle_top(struct pickle_machine *m);
void pickle_put_memo(struct pickle_machine *m, uint64_t place);
void pickle_get_memo(struct pickle_machine *m, uint64_t place);

/* The operations; what `arg` is says the table in pickle_read.c. */
void pickle_op_kind(struct pickle_machine *m, unsigned arg);
void pickle_op_other(struct pickle_machine *m, unsigned arg);
void pickle_op_int(struct pickle_machine *m, unsigned arg);
void pickle_op_long(struct pickle_machine *m, unsigned arg);
void pickle_op_decimal(struct pickle_machine *m, unsigned arg);
void pickle_op_float(struct pickle_machine *m, unsigned arg);
void pickle_op_line(struct pickle_machine *m, unsigned arg);
void pickle_op_bytes(struct pickle_machine *m, unsigned arg);
void pickle_op_extension(struct pickle_machine *m, unsigned arg);
void pickle_op_string(struct pickle_machine *m, unsigned arg);
void pickle_op_unicode(struct pickle_machine *m, unsigned arg);
void pickle_op_get(struct pickle_machine *m, unsigned arg);
void pickle_op_put(struct pickle_machine *m, unsigned arg);
void pickle_op_get_line(struct pickle_machine *m, unsigned arg);
void pickle_op_put_line(struct pickle_machine *m, unsigned arg);
void pickle_op_tuple(struct pickle_machine *m, unsigned arg);
void pickle_op_empty(struct pickle_machine *m, unsigned arg);
void pickle_op_marked(struct pickle_machine *m, unsigned arg);
void pickle_op_add(struct pickle_machine *m, unsigned arg);
void pickle_op_add_marked(struct pickle_machine *m, unsigned arg);
void pickle_op_pop(struct pickle_machine *m, unsigned arg);
void pickle_op_pop_mark(struct pickle_machine *m, unsigned arg);
void pickle_op_dup(struct pickle_machine *m, unsigned arg);
void pickle_op_global(struct pickle_machine *m, unsigned arg);
void pickle_op_stack_global(struct pickle_machine *m, unsigned arg);
void pickle_op_new(struct pickle_machine *m, unsigned arg);
void pickle_op_reduce(struct pickle_machine *m, unsigned arg);
void pickle_op_inst(struct pickle_machine *m, unsigned arg);
void pickle_op_obj(struct pickle_machine *m, unsigned arg);
void pickle_op_build(struct pickle_machine *m, unsigned arg);

#endif
