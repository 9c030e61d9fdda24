#include "py/waiting.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/guard.h"
#include "mem/paged.h"
#include "py/dict.h"
#include "py/module.h"
#include "py/tracked.h"

enum { MAX_WAITERS = 1 << 20 };

struct waiting {
	struct py_frames frames;
	struct py_type_names names;
	struct py_tasks tasks;
	struct py_greenlets greenlets;
	struct py_stack stack;
	struct tm_buf name, waits_for;
	py_waiter_fn *fn;
	void *ctx;
};

static void waiting_free(struct waiting *self)
{
	py_frames_free(&self->frames);
	py_type_names_free(&self->names);
	py_tasks_free(&self->tasks);
	py_greenlets_free(&self->greenlets);
	py_stack_free(&self->stack);
	tm_buf_free(&self->name);
	tm_buf_free(&self->waits_for);
}

static bool is_mapped(const struct tm_maps *maps)
{
	return tm_maps_have(maps, "_asyncio") || tm_maps_have(maps, "greenlet");
}

static bool is_imported(struct tm_mem *mem, const struct py_runtime *runtime)
{
	TM_GUARD(py_interpreters_free) struct py_interpreters all = { 0 };
	struct py_stack_fields fields;
	tm_addr modules, module;
	struct tm_err err;

	if (!py_stack_fields_read(mem, runtime, &fields, &err) ||
	    !py_interpreters_read(mem, runtime, &fields, &all, &err))
		return false;
	for (size_t i = 0; i < all.n; i++)
		if (py_modules(mem, runtime, &fields, all.items[i], &modules) &&
		    (py_dict_find(mem, runtime, modules, "_asyncio", &module) ||
		     py_dict_find(mem, runtime, modules, "greenlet", &module)))
			return true;
	return false;
}

bool py_waiting_may_be(struct tm_mem *mem, const struct py_runtime *runtime,
		       const struct tm_maps *maps)
{
	return is_mapped(maps) || is_imported(mem, runtime);
}

/* ---- finding them ------------------------------------------------------------ */

static bool keep(struct waiting *self, struct py_addrs *to, tm_addr at,
		 struct tm_err *err)
{
	if (to->n == MAX_WAITERS)
		return tm_err_set(err, TM_ERR_LIMIT, self->names.runtime->name,
				  "more than %d tasks or greenlets", MAX_WAITERS);
	to->items = tm_grow(to->items, &to->cap, to->n + 1, sizeof(*to->items));
	to->items[to->n++] = at;
	return true;
}

static bool take_tracked(void *ctx, tm_addr object, struct tm_err *err)
{
	struct waiting *self = ctx;

	if (py_tasks_is(&self->names, object))
		return keep(self, &self->tasks.found, object, err);
	return !py_greenlets_is(&self->names, object) ||
	       keep(self, &self->greenlets.found, object, err);
}

static bool find_all(struct waiting *self, struct tm_err *err)
{
	struct py_interpreters all = { 0 };
	struct py_frames *frames = &self->frames;
	bool ok = py_interpreters_read(frames->mem, frames->runtime,
				       &frames->fields, &all, err) &&
		  py_tracked_each(frames->mem, frames->runtime, &all, take_tracked,
				  self, err);

	py_interpreters_free(&all);
	return ok;
}

bool py_waiting_at_rest(struct tm_mem *mem, const struct py_runtime *runtime,
			bool *ret, struct tm_err *err)
{
	TM_GUARD(py_interpreters_free) struct py_interpreters all = { 0 };
	struct py_stack_fields fields;

	return py_stack_fields_read(mem, runtime, &fields, err) &&
	       py_interpreters_read(mem, runtime, &fields, &all, err) &&
	       py_collector_at_rest(mem, runtime, &all, ret, err);
}

/* ---- tasks --------------------------------------------------------------------- */

static void describe_waiter(struct waiting *self, tm_addr waiter)
{
	struct py_task task;
	struct tm_err err;

	tm_buf_clear(&self->waits_for);
	tm_buf_adds(&self->waits_for, "");
	if (!waiter)
		return;
	if (!py_tasks_is(&self->names, waiter)) {
		tm_buf_adds(&self->waits_for, py_type_of(&self->names, waiter)->name);
		return;
	}
	tm_buf_adds(&self->waits_for, "task ");
	if (py_task_read(&self->tasks, &self->names, waiter, &task, &err))
		py_task_name(&self->names, task.name, &self->waits_for);
}

static const char *state_word(enum py_chain_state state, tm_addr waiter)
{
	switch (state) {
	case PY_CHAIN_CREATED: return "not started";
	case PY_CHAIN_RUNS: return "running";
	case PY_CHAIN_WAITS: return waiter ? "waiting" : "ready";
	case PY_CHAIN_FOREIGN: return waiter ? "waiting" : NULL;
	case PY_CHAIN_FINISHED: break;
	}
	return NULL;
}

static void hand_out(struct waiting *self, enum py_waiter_kind kind, tm_addr at,
		     const char *state, bool complete)
{
	const struct py_waiter waiter = {
		.kind = kind, .at = at, .state = state,
		.type = py_type_of(&self->names, at)->name,
		.name = self->name.data, .waits_for = self->waits_for.data,
		.stack = &self->stack, .complete = complete,
	};

	self->fn(self->ctx, &waiter);
}

static bool read_task(struct waiting *self, tm_addr at, struct tm_err *err)
{
	enum py_chain_state state;
	struct py_task task;
	const char *word;
	struct tm_err cut;
	bool complete;

	if (!py_task_read(&self->tasks, &self->names, at, &task, err))
		return false;
	complete = py_chain_read(&self->frames, &self->names, task.coroutine,
				 &self->stack, &state, &cut);
	word = state_word(state, task.waiter);
	if (!word)
		return true;
	/* Outermost first in the chain; a stack is newest first. */
	for (size_t i = 0, k = self->stack.n; i + 1 < k; i++) {
		struct py_stack_frame swap = self->stack.frames[i];

		self->stack.frames[i] = self->stack.frames[--k];
		self->stack.frames[k] = swap;
	}
	tm_buf_clear(&self->name);
	tm_buf_adds(&self->name, "");
	py_task_name(&self->names, task.name, &self->name);
	describe_waiter(self, task.waiter);
	hand_out(self, PY_WAITER_TASK, at, word, complete);
	return true;
}

static bool read_greenlet(struct waiting *self, tm_addr at, struct tm_err *err)
{
	bool waits, complete = py_greenlet_read(&self->greenlets, &self->frames, at,
						&waits, &self->stack, err);

	tm_buf_clear(&self->name);
	tm_buf_adds(&self->name, "");
	describe_waiter(self, 0);
	if (waits)
		hand_out(self, PY_WAITER_GREENLET, at, "waiting", complete);
	return true;
}

static bool read_all(struct waiting *self, struct tm_err *err)
{
	if (!py_tasks_learn(&self->tasks, &self->names, err))
		return false;
	for (size_t i = 0; i < self->tasks.found.n; i++)
		if (!read_task(self, self->tasks.found.items[i], err))
			return false;
	if (!py_greenlets_learn(&self->greenlets, &self->names, err))
		return false;
	for (size_t i = 0; i < self->greenlets.found.n; i++)
		if (!read_greenlet(self, self->greenlets.found.items[i], err))
			return false;
	return true;
}

bool py_waiting_each(struct tm_mem *mem, const struct py_runtime *runtime,
		     py_waiter_fn *fn, void *ctx, struct tm_err *err)
{
	TM_GUARD(tm_mem_guard) struct tm_mem *paged = tm_mem_paged(mem, 4096);
	TM_GUARD(waiting_free) struct waiting self = { .fn = fn, .ctx = ctx };

	self.frames.mem = self.names.mem = paged;
	self.frames.runtime = self.names.runtime = runtime;
	self.frames.layout = &runtime->layout->stack;
	if (!runtime->code_type)
		return py_stack_refuse(runtime, err, "PyCode_Type", 0);
	if (!self.frames.layout->waiting.gen)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, runtime->name,
				  "coroutines of this version are not known");
	return py_stack_fields_read(paged, runtime, &self.frames.fields, err) &&
	       find_all(&self, err) && read_all(&self, err);
}
