#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "py/census_private.h"
#include "py/dict.h"
#include "py/frames.h"
#include "py/module.h"

enum {
	MODULE_DICT = 16, MAX_MODULES = 1000000,
	MAX_THREADS = 100000, MAX_LOCALS = 4096,
};

static bool word(const struct py_census *census, tm_addr at, uint64_t *ret)
{
	struct tm_err ignored;

	return tm_mem_u64(census->mem, at, ret, &ignored);
}

/* ---- modules ------------------------------------------------------------------------------ */

static void add_module(struct py_census *census, const struct py_dict_entry *entry)
{
	const char *name = py_text(census, entry->key);
	uint32_t node;
	tm_addr dict;

	if (!name || !word(census, py_body(census, entry->value) + MODULE_DICT, &dict))
		return;
	node = py_object_node(census, dict);
	if (node)
		py_root(census, HEAP_ROOT_MODULE, name, NULL, node, PY_LEVEL_SURE);
}

static void add_modules(struct py_census *census, tm_addr modules)
{
	struct py_dict_entry entry;
	struct py_dict_iter iter;

	if (!py_dict_begin(census->mem, &census->runtime, modules, &iter))
		return;
	for (int i = 0; i < MAX_MODULES && py_dict_next(&iter, &entry); i++)
		add_module(census, &entry);
}

/* Offsets from 3.13 on are in _Py_DebugOffsets. */
static bool field(const struct py_census *census, tm_addr interpreter, uint16_t position,
		  tm_addr *ret)
{
	uint64_t offset = position;

	if (census->runtime.layout->stack.kind == PY_STACK_DEBUG_OFFSETS &&
	    !word(census, census->runtime.runtime + position, &offset))
		return false;
	return word(census, interpreter + offset, ret) && *ret;
}

static void add_state(struct py_census *census, const struct py_stack_fields *offsets,
		      tm_addr interpreter)
{
	const struct py_object_layout *layout = census->layout;
	const struct { uint16_t position; const char *name; } fields[] = {
		{ layout->sysdict, "sys.__dict__" },
		{ layout->builtins, "builtins.__dict__" },
	};
	tm_addr at;

	if (py_modules(census->mem, &census->runtime, offsets, interpreter, &at)) {
		uint32_t modules = py_object_node(census, at);

		add_modules(census, at);
		if (modules)
			py_root(census, HEAP_ROOT_STATE, "sys.modules", NULL, modules,
				PY_LEVEL_SURE);
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		uint32_t node = field(census, interpreter, fields[i].position, &at)
			? py_object_node(census, at) : 0;

		if (node)
			py_root(census, HEAP_ROOT_STATE, fields[i].name, NULL, node,
				PY_LEVEL_SURE);
	}
}

/* ---- locals of frames ---------------------------------------------------------------------- */

static tm_addr code_of(const struct py_census *census, const struct py_frames *frames,
		       tm_addr frame)
{
	tm_addr code;

	return word(census, frame + frames->fields.frame_code, &code)
		? code & ~(tm_addr)7 : 0;
}

static const char *frame_name(struct py_census *census, const struct py_frames *frames,
			      tm_addr code, uint64_t thread)
{
	const struct py_stack_fields *fields = &frames->fields;
	uint16_t at = fields->code_qualname != PY_ABSENT ? fields->code_qualname
							  : fields->code_name;
	TM_GUARD(tm_free_ptr) char *text = NULL;
	const char *function = NULL;
	tm_addr str;

	if (word(census, code + at, &str))
		function = py_text(census, str);
	text = tm_asprintf("thread %llu: %s()", (unsigned long long)thread,
			   function ? function : "?");
	return tm_arena_bytes(&census->base.strings, text, strlen(text));
}

static void add_locals(struct py_census *census, const struct py_frames *frames,
		       tm_addr frame, uint64_t thread)
{
	const tm_addr code = code_of(census, frames, frame);
	const char *name = NULL;

	for (uint64_t i = 0; i < MAX_LOCALS; i++) {
		uint64_t value;
		uint32_t node;
		tm_addr str;

		/* Makes census->locals those of the code. */
		py_local(census, code, i);
		if (i >= census->locals.n ||
		    !word(census, frame + census->layout->frame_locals + i * 8, &value))
			break;
		node = py_object_node(census, value & ~(uint64_t)7);
		if (!node || (value & 3) == 3)
			continue;
		if (!name)
			name = frame_name(census, frames, code, thread);
		if (!word(census, py_body(census, census->locals.names) + py_tuple_items(census) +
				  i * 8,
			  &str))
			str = 0;
		py_root(census, HEAP_ROOT_FRAME, name, py_text(census, str), node,
			PY_LEVEL_SURE);
	}
}

static void add_thread(struct py_census *census, struct py_frames *frames, tm_addr state,
		       unsigned number)
{
	struct py_frame_list list = { 0 };
	struct tm_err ignored;
	tm_addr frame;

	if (py_frames_newest(frames, state, &frame, &ignored) && frame) {
		/* What was read before memory contradicts itself is good. */
		bool whole = py_frames_list(frames, frame, &list, &ignored);

		(void)whole;
		for (size_t i = 0; i < list.n; i++)
			add_locals(census, frames, list.items[i], number);
	}
	free(list.items);
}

static void add_threads(struct py_census *census, struct py_frames *frames,
			tm_addr interpreter, unsigned *number)
{
	tm_addr state;

	if (!word(census, interpreter + frames->fields.threads, &state))
		return;
	for (int i = 0; state && i < MAX_THREADS; i++) {
		add_thread(census, frames, state, ++*number);
		if (!word(census, state + frames->fields.thread_next, &state))
			break;
	}
}

void py_named_roots(struct py_census *census)
{
	TM_GUARD(py_interpreters_free) struct py_interpreters list = { 0 };
	TM_GUARD(py_frames_free) struct py_frames frames = {
		.mem = census->mem, .runtime = &census->runtime,
		.layout = &census->runtime.layout->stack,
	};
	struct tm_err ignored;
	unsigned number = 0;

	if (!py_stack_fields_read(census->mem, &census->runtime, &frames.fields, &ignored) ||
	    !py_interpreters_read(census->mem, &census->runtime, &frames.fields, &list,
				  &ignored))
		return;
	for (size_t i = list.n; i-- > 0;) {
		add_state(census, &frames.fields, list.items[i]);
		add_threads(census, &frames, list.items[i], &number);
	}
}
