#include "py/functions.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "mem/paged.h"
#include "mem/scan.h"
#include "py/functions_private.h"
#include "py/lines.h"
#include "py/str.h"

enum {
	MAX_CODES = 4000000, /* and functions */
	HOOK = 16,           /* what a debug hook puts before a block; there may be two */
};

/* ---- which code objects there are ---------------------------------------------------- */

/* The number of the file that this str names; files->n: none of them. */
static uint32_t file_at(struct py_functions *self, tm_addr name)
{
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	uint32_t *file = tm_map_put(&self->file_of, name);
	struct tm_err ignored;

	if (*file != TM_MAP_NONE)
		return *file;
	*file = TM_MAP_NONE - 1;
	if (py_str_read(self->frames.mem, &self->frames.runtime->str, name, &text, &ignored))
		*file = tm_intern_find(self->files, text.data ? text.data : "", text.len);
	if (*file >= self->files->n)
		*file = (uint32_t)self->files->n;
	return *file;
}

static void add_code(struct py_functions *self, tm_addr at, tm_addr filename)
{
	uint32_t file = file_at(self, filename), *known;

	if (file == self->files->n || self->n == MAX_CODES)
		return;
	known = tm_map_put(&self->code_of, at);
	if (*known != TM_MAP_NONE)
		return;
	*known = (uint32_t)self->n;
	self->codes = tm_grow(self->codes, &self->cap, self->n + 1, sizeof(*self->codes));
	self->codes[self->n++] = (struct py_function_code){
		.at = at, .file = file, .parent = TM_MAP_NONE,
	};
}

static void add_object(struct py_functions *self, tm_addr at)
{
	const struct py_names_layout *layout = &self->frames.runtime->layout->names;
	struct py_function_object object;
	struct tm_err ignored;

	if (!layout->func_qualname || self->nobjects == MAX_CODES ||
	    !tm_mem_u64(self->mem, at + layout->func_code, &object.code, &ignored) ||
	    !tm_mem_u64(self->mem, at + layout->func_qualname, &object.qualname, &ignored))
		return;
	self->objects = tm_grow(self->objects, &self->objects_cap, self->nobjects + 1,
				sizeof(*self->objects));
	self->objects[self->nobjects++] = object;
}

/* Code objects stand at the start of their blocks, functions behind the collector's
 * head; both behind what debug hooks have put there. */
static bool wants(void *ctx, const char head[HEAP_HEAD])
{
	const struct py_functions *self = ctx;
	const struct py_runtime *runtime = self->frames.runtime;
	const tm_addr function = runtime->function_type;
	const uint32_t gc = runtime->layout->gc_head, type = runtime->str.ob_type;

	for (uint32_t hook = 0; hook <= 2 * HOOK; hook += HOOK)
		if (tm_load_u64(head, hook + type) == runtime->code_type ||
		    (function && tm_load_u64(head, hook + gc + type) == function))
			return true;
	return false;
}

static void take(void *ctx, tm_addr block)
{
	struct py_functions *self = ctx;
	const struct py_runtime *runtime = self->frames.runtime;
	const uint32_t gc = runtime->layout->gc_head, type = runtime->str.ob_type;
	tm_addr word;
	struct tm_err ignored;

	for (tm_addr at = block; at <= block + 2 * HOOK; at += HOOK) {
		if (tm_mem_u64(self->mem, at + type, &word, &ignored) &&
		    word == runtime->code_type &&
		    tm_mem_u64(self->mem, at + self->frames.fields.code_filename, &word,
			       &ignored))
			add_code(self, at, word);
		if (runtime->function_type &&
		    tm_mem_u64(self->mem, at + gc + type, &word, &ignored) &&
		    word == runtime->function_type)
			add_object(self, at + gc);
	}
}

/* Where their fields end that are looked at. */
static uint64_t smallest(const struct py_functions *self)
{
	const struct py_stack_fields *fields = &self->frames.fields;
	const struct py_layout *layout = self->frames.runtime->layout;
	uint64_t code = fields->code_filename < fields->code_lines ? fields->code_lines
								    : fields->code_filename;
	uint64_t function = layout->gc_head + layout->names.func_qualname;

	if (layout->names.func_qualname && function < code)
		code = function;
	return code + sizeof(tm_addr);
}

struct heap_heads py_functions_heads(struct py_functions *self)
{
	return (struct heap_heads){ smallest(self), wants, take, self };
}

/* Modules that are frozen into the interpreter: 3.11, 3.12. */
static void look_at_static(struct py_functions *self, const struct tm_maps *maps)
{
	const tm_addr type = self->frames.runtime->code_type;
	const uint16_t before = self->frames.runtime->str.ob_type;
	const struct tm_region *data = tm_maps_find(maps, type);
	tm_addr *at = tm_calloc(MAX_CODES / 64, sizeof(*at));
	struct tm_err ignored;
	tm_addr filename;
	size_t n = 0;

	if (data && self->frames.fields.code_instrs != PY_ABSENT)
		n = tm_mem_scan(self->from, (struct tm_range){ data->start, data->end },
				&type, sizeof(type), at, MAX_CODES / 64);
	for (size_t i = 0; i < n; i++)
		if (at[i] % 8 == 0 &&
		    tm_mem_u64(self->frames.mem, at[i] - before +
			       self->frames.fields.code_filename, &filename, &ignored))
			add_code(self, at[i] - before, filename);
	free(at);
}

/* ---- which lines they have ----------------------------------------------------------- */

struct span {
	uint32_t last;
};

static void find_last(void *ctx, uint32_t line)
{
	struct span *span = ctx;

	if (line > span->last)
		span->last = line;
}

struct claim {
	struct py_functions *self;
	uint32_t code;
};

static bool is_within(const struct py_function_code *inner,
		      const struct py_function_code *outer)
{
	size_t len = strlen(outer->name);

	return strncmp(inner->name, outer->name, len) == 0 && inner->name[len] == '.';
}

/* Which is the inner one? > 0: a, < 0: b; 0: neither, or both are alike. */
static int compare(const struct py_function_code *a, const struct py_function_code *b)
{
	if (a->first != b->first)
		return a->first > b->first ? 1 : -1;
	if (a->last != b->last)
		return a->last < b->last ? 1 : -1;
	return is_within(a, b) - is_within(b, a);
}

/* A line may be claimed by several: the innermost gets it. */
static void claim_line(void *ctx, uint32_t line)
{
	const struct claim *claim = ctx;
	struct py_functions *self = claim->self;
	const struct py_function_code *code = &self->codes[claim->code], *other;
	uint32_t *owner = tm_map_put(&self->lines, (uint64_t)code->file << 32 | line);
	int order;

	if (*owner == TM_MAP_NONE) {
		*owner = claim->code;
		return;
	}
	other = &self->codes[*owner & INT32_MAX];
	order = compare(code, other);
	if (order > 0)
		*owner = claim->code;
	else if (order == 0 && strcmp(code->name, other->name) != 0)
		*owner |= (uint32_t)INT32_MAX + 1; /* as good as another */
}

/* Those that are none are dropped, and the others numbered anew. */
static void read_codes(struct py_functions *self)
{
	size_t kept = 0;

	tm_map_free(&self->code_of);
	for (size_t i = 0; i < self->n; i++) {
		struct py_function_code *code = &self->codes[i];
		const struct py_code *read;
		struct span span;
		struct tm_err ignored;

		read = py_frames_code(&self->frames, code->at, &ignored);
		if (!read)
			continue; /* other bytes that look like one */
		span.last = read->firstlineno;
		py_lines_each(self->frames.layout->lines, read->lines, read->lines_len,
			      read->firstlineno, find_last, &span);
		code->first = read->firstlineno;
		code->last = span.last;
		code->name = read->function;
		code->qualified = self->frames.fields.code_qualname != PY_ABSENT;
		*tm_map_put(&self->code_of, code->at) = (uint32_t)kept;
		self->codes[kept++] = *code;
	}
	self->n = kept;
}

static void claim_lines(struct py_functions *self)
{
	struct tm_err ignored;

	for (size_t i = 0; i < self->n; i++) {
		struct claim claim = { self, (uint32_t)i };
		const struct py_code *read =
			py_frames_code(&self->frames, self->codes[i].at, &ignored);

		if (read)
			py_lines_each(self->frames.layout->lines, read->lines,
				      read->lines_len, read->firstlineno, claim_line,
				      &claim);
	}
}

/* ---- all of it ------------------------------------------------------------------------- */

struct py_functions *py_functions_begin(struct tm_mem *mem,
					const struct py_runtime *runtime,
					const struct tm_intern *files, struct tm_err *err)
{
	struct py_functions *self = tm_calloc(1, sizeof(*self));

	self->files = files;
	self->from = mem;
	self->mem = tm_mem_paged(mem, 512);
	if (py_frames_begin(&self->frames, self->mem, runtime, err))
		return self;
	py_functions_destroy(self);
	return NULL;
}

void py_functions_finish(struct py_functions *self, const struct tm_maps *maps)
{
	look_at_static(self, maps);
	read_codes(self);
	if (self->frames.runtime->layout->names.code_consts)
		py_functions_qualify(self);
	claim_lines(self);
	tm_mem_destroy(self->mem);
	self->mem = NULL;
}

void py_functions_destroy(struct py_functions *self)
{
	if (!self)
		return;
	tm_mem_destroy(self->mem);
	py_frames_free(&self->frames);
	tm_map_free(&self->file_of);
	tm_map_free(&self->code_of);
	tm_map_free(&self->lines);
	tm_arena_free(&self->names);
	free(self->codes);
	free(self->objects);
	free(self);
}

const char *py_functions_at(const struct py_functions *self, uint32_t file,
			    uint32_t lineno)
{
	uint32_t code = tm_map_get(&self->lines, (uint64_t)file << 32 | lineno);

	return code < self->n ? self->codes[code].name : NULL;
}
