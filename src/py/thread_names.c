#include "py/thread_names.h"

#include "base/guard.h"
#include "py/attribute.h"
#include "py/dict.h"
#include "py/int.h"
#include "py/module.h"
#include "py/object.h"
#include "py/str.h"

enum { MAX_THREADS = 1 << 16 };

struct reading {
	struct tm_mem *mem;
	const struct py_runtime *runtime;
	py_thread_name_fn *fn;
	void *ctx;
	struct tm_buf name;
};

/* What stands in the thread has to agree: an entry may be one of a table that was freed. */
static bool is_of(const struct reading *self, tm_addr thread, int64_t ident)
{
	tm_addr number;
	int64_t own;

	return py_attribute(self->mem, self->runtime, thread, "_ident", &number) &&
	       py_object_is(self->mem, self->runtime, number, PY_IS_INT) &&
	       py_int_read(self->mem, self->runtime, number, &own) && own == ident;
}

static void read_one(struct reading *self, const struct py_dict_entry *entry)
{
	struct tm_err ignored;
	int64_t ident;
	tm_addr name;

	tm_buf_clear(&self->name);
	if (py_object_is(self->mem, self->runtime, entry->key, PY_IS_INT) &&
	    py_int_read(self->mem, self->runtime, entry->key, &ident) && ident > 0 &&
	    is_of(self, entry->value, ident) &&
	    py_attribute(self->mem, self->runtime, entry->value, "_name", &name) &&
	    py_object_is(self->mem, self->runtime, name, PY_IS_STR) &&
	    py_str_read(self->mem, &self->runtime->str, name, &self->name, &ignored) &&
	    self->name.len)
		self->fn(self->ctx, (uint64_t)ident, &self->name);
}

/* threading._active, 3.7 to 3.15: a dict of idents and threads. */
static void read_interpreter(struct reading *self, tm_addr modules)
{
	struct py_dict_entry entry;
	struct py_dict_iter iter;
	tm_addr module, active;

	if (!py_module_dict(self->mem, self->runtime, modules, "threading", &module) ||
	    !py_dict_find(self->mem, self->runtime, module, "_active", &active) ||
	    !py_dict_begin(self->mem, self->runtime, active, &iter))
		return;
	for (unsigned i = 0; i < MAX_THREADS && py_dict_next(&iter, &entry); i++)
		read_one(self, &entry);
}

bool py_thread_names_each(struct tm_mem *mem, const struct py_runtime *runtime,
			  py_thread_name_fn *fn, void *ctx, struct tm_err *err)
{
	TM_GUARD(py_interpreters_free) struct py_interpreters all = { 0 };
	struct reading self = { .mem = mem, .runtime = runtime, .fn = fn, .ctx = ctx };
	struct py_stack_fields fields;
	tm_addr modules;

	if (!py_stack_fields_read(mem, runtime, &fields, err) ||
	    !py_interpreters_read(mem, runtime, &fields, &all, err))
		return false;
	for (size_t i = 0; i < all.n; i++)
		if (py_modules(mem, runtime, &fields, all.items[i], &modules))
			read_interpreter(&self, modules);
	tm_buf_free(&self.name);
	return true;
}
