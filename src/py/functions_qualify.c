/*
 * Qualified names until 3.10, as the compiler makes them (Python/compile.c,
 * compiler_set_qualname()): it leaves them among the constants of the code that
 * makes the function, and of a class's own code. That code may be gone when a
 * module has been imported: then the function has its name.
 */
#include <string.h>

#include "base/guard.h"
#include "py/functions_private.h"
#include "py/sequence.h"
#include "py/str.h"

enum { MAX_CONSTS = 1000000, MAX_DEPTH = 64 };

static bool read_consts(const struct py_functions *self, tm_addr code,
			struct py_sequence *ret)
{
	const struct py_runtime *runtime = self->frames.runtime;
	struct tm_err ignored;
	tm_addr tuple;

	return tm_mem_u64(self->frames.mem, code + runtime->layout->names.code_consts, &tuple,
			  &ignored) &&
	       py_sequence_read(self->frames.mem, runtime, tuple, ret) &&
	       ret->n <= MAX_CONSTS;
}

static void find_children(struct py_functions *self, uint32_t parent)
{
	struct py_sequence consts;
	tm_addr item;

	if (!read_consts(self, self->codes[parent].at, &consts))
		return;
	for (uint64_t i = 0; i < consts.n; i++) {
		uint32_t child;

		if (!py_sequence_item(self->frames.mem, &consts, i, &item))
			return;
		child = tm_map_get(&self->code_of, item);
		if (child < self->n)
			self->codes[child].parent = parent;
	}
}

static bool has_const(const struct py_functions *self, tm_addr code, const char *text)
{
	const struct py_runtime *runtime = self->frames.runtime;
	struct py_sequence consts;
	tm_addr item;

	if (!read_consts(self, code, &consts))
		return false;
	for (uint64_t i = 0; i < consts.n; i++)
		if (py_sequence_item(self->frames.mem, &consts, i, &item) &&
		    py_str_equals(self->frames.mem, &runtime->str, item, text, strlen(text)))
			return true;
	return false;
}

/* In a function, in a class, or declared global: one of these names was left
 * behind, in the parent for a function, in its own code for a class. */
static void qualify_in(struct py_functions *self, struct py_function_code *code,
		       const struct py_function_code *parent)
{
	static const char *const between[] = { ".<locals>.", "." };
	TM_GUARD(tm_buf_free) struct tm_buf name = { 0 };

	if (strcmp(parent->name, "<module>") == 0) {
		code->qualified = true;
		return;
	}
	for (size_t i = 0; i < 2 && !code->qualified; i++) {
		tm_buf_clear(&name);
		tm_buf_addf(&name, "%s%s%s", parent->name, between[i], code->name);
		code->qualified = has_const(self, parent->at, name.data) ||
				  has_const(self, code->at, name.data);
	}
	if (code->qualified)
		code->name = tm_arena_bytes(&self->names, name.data, name.len);
	code->qualified = true;
}

/* functools.wraps() gives a function the name of another: it does not end in that of
 * its code. */
static void take_from_object(struct py_functions *self,
			     const struct py_function_object *object)
{
	TM_GUARD(tm_buf_free) struct tm_buf name = { 0 };
	uint32_t i = tm_map_get(&self->code_of, object->code);
	struct py_function_code *code;
	struct tm_err ignored;
	size_t len;

	if (i >= self->n || self->codes[i].qualified)
		return;
	code = &self->codes[i];
	len = strlen(code->name);
	if (!py_str_read(self->frames.mem, &self->frames.runtime->str, object->qualname, &name,
			 &ignored) ||
	    name.len < len || strcmp(name.data + name.len - len, code->name) != 0 ||
	    (name.len > len && name.data[name.len - len - 1] != '.'))
		return;
	code->name = tm_arena_bytes(&self->names, name.data, name.len);
	code->qualified = true;
}

void py_functions_qualify(struct py_functions *self)
{
	bool changed = true;

	for (size_t i = 0; i < self->n; i++)
		find_children(self, (uint32_t)i);
	for (size_t i = 0; i < self->n; i++)
		if (strcmp(self->codes[i].name, "<module>") == 0)
			self->codes[i].qualified = true;
	for (size_t i = 0; i < self->nobjects; i++)
		take_from_object(self, &self->objects[i]);
	for (int depth = 0; changed && depth < MAX_DEPTH; depth++) {
		changed = false;
		for (size_t i = 0; i < self->n; i++) {
			struct py_function_code *code = &self->codes[i];

			if (code->qualified || code->parent >= self->n ||
			    !self->codes[code->parent].qualified)
				continue;
			qualify_in(self, code, &self->codes[code->parent]);
			changed = true;
		}
	}
}
