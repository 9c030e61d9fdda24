#include "py/frames.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/guard.h"
#include "py/interpreters.h"
#include "py/lines.h"
#include "py/str.h"

enum {
	MAX_FRAMES = 100000,
	MAX_LINE_TABLE = 16 << 20,
	MAX_TOTAL = 256 << 20,
	/* Low bits of a _PyStackRef that are not the address (3.14+). */
	TAG_BITS = 7,
	/* FRAME_OWNED_BY_GENERATOR (pycore_frame.h, 3.11 to 3.15). */
	OWNED_BY_GENERATOR = 1,
};

bool py_frames_begin(struct py_frames *ret, struct tm_mem *mem,
		     const struct py_runtime *runtime, struct tm_err *err)
{
	*ret = (struct py_frames){
		.mem = mem, .runtime = runtime, .layout = &runtime->layout->stack,
	};
	if (!runtime->code_type)
		return py_stack_refuse(runtime, err, "PyCode_Type", 0);
	if (!py_stack_fields_read(mem, runtime, &ret->fields, err))
		return false;
	return ret->layout->kind != PY_STACK_FIXED ||
	       runtime->str.ob_type == ret->fields.object_type ||
	       py_stack_refuse(runtime, err, "known object header",
			       runtime->str.type); /* Py_TRACE_REFS */
}

void py_stack_free(struct py_stack *stack)
{
	free(stack->frames);
	*stack = (struct py_stack){ 0 };
}

void py_frames_forget(struct py_frames *self)
{
	tm_map_free(&self->code_of);
	tm_arena_free(&self->strings);
	self->ncodes = 0;
}

void py_frames_free(struct py_frames *self)
{
	py_frames_forget(self);
	free(self->codes);
}

/* *ret is NULL if the version has no such string. */
static bool read_name(struct py_frames *self, tm_addr code,
		      uint16_t field, const char **ret, struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	tm_addr at;

	*ret = NULL;
	if (field == PY_ABSENT)
		return true;
	if (!tm_mem_u64(self->mem, code + field, &at, err) ||
	    !py_str_read(self->mem, &self->runtime->str, at, &text, err))
		return false;
	*ret = tm_arena_bytes(&self->strings, text.data, text.len + 1);
	return true;
}

static bool read_lines(struct py_frames *self, tm_addr code,
		       struct py_code *ret, struct tm_err *err)
{
	const struct py_stack_fields *f = &self->fields;
	tm_addr bytes;
	uint64_t len;
	uint8_t *table;

	if (!tm_mem_u64(self->mem, code + f->code_lines, &bytes, err) ||
	    !tm_mem_u64(self->mem, bytes + f->bytes_size, &len, err))
		return false;
	if (len > MAX_LINE_TABLE || self->strings.total > MAX_TOTAL)
		return py_stack_refuse(self->runtime, err, "line table", bytes);
	table = tm_arena_alloc(&self->strings, len ? len : 1);
	ret->lines = table;
	ret->lines_len = len;
	return tm_mem_read(self->mem, bytes + f->bytes_data, table, len, err);
}

uint16_t py_frames_traceable(const struct py_frames *self)
{
	const struct py_stack_fields *f = &self->fields;
	bool copies = self->runtime->free_threaded && f->code_tlbc != PY_ABSENT;

	if (self->layout->code_traceable == PY_ABSENT)
		return PY_ABSENT;
	return (uint16_t)((copies ? f->code_tlbc : f->code_instrs) -
			  self->layout->code_traceable);
}

/* _co_firsttraceable counts words. */
static bool read_traceable(struct py_frames *self, tm_addr code, int64_t *ret,
			   struct tm_err *err)
{
	uint16_t field = py_frames_traceable(self);
	uint32_t words;

	*ret = INT64_MIN;
	if (field == PY_ABSENT)
		return true;
	if (!tm_mem_u32(self->mem, code + field, &words, err))
		return false;
	*ret = (int64_t)(int32_t)words * 2;
	return true;
}

static bool read_code(struct py_frames *self, tm_addr at,
		      struct py_code *ret, struct tm_err *err)
{
	const struct py_stack_fields *f = &self->fields;
	const char *name;
	tm_addr type;

	*ret = (struct py_code){ 0 };
	if (!tm_mem_u64(self->mem, at + f->object_type, &type, err))
		return false;
	if (type != self->runtime->code_type)
		return py_stack_refuse(self->runtime, err, "code object", at);
	if (f->code_instrs != PY_ABSENT)
		ret->instrs = at + f->code_instrs;
	if (!read_name(self, at, f->code_filename, &ret->filename, err) ||
	    !read_name(self, at, f->code_name, &name, err) ||
	    !read_name(self, at, f->code_qualname, &ret->function, err) ||
	    !tm_mem_u32(self->mem, at + f->code_firstlineno,
			&ret->firstlineno, err) ||
	    !read_traceable(self, at, &ret->traceable, err))
		return false;
	if (!ret->function)
		ret->function = name;
	return read_lines(self, at, ret, err);
}

const struct py_code *py_frames_code(struct py_frames *self, tm_addr at,
				     struct tm_err *err)
{
	uint32_t i = tm_map_get(&self->code_of, at);
	struct py_code code;

	if (i == TM_MAP_NONE) {
		if (!read_code(self, at, &code, err))
			return NULL;
		i = (uint32_t)self->ncodes;
		*tm_map_put(&self->code_of, at) = i;
		self->codes = tm_grow(self->codes, &self->cap_codes,
					self->ncodes + 1, sizeof(code));
		self->codes[self->ncodes++] = code;
	}
	return &self->codes[i];
}

/* Free-threaded 3.14+: threads run copies of the code. */
static bool own_instrs(struct py_frames *self, tm_addr frame,
		       tm_addr code, tm_addr *instrs, struct tm_err *err)
{
	const struct py_stack_fields *f = &self->fields;
	uint32_t index;
	uint64_t size;
	tm_addr array;

	if (!self->runtime->free_threaded || f->frame_tlbc == PY_ABSENT)
		return true;
	if (!tm_mem_u32(self->mem, frame + f->frame_tlbc, &index, err) ||
	    !tm_mem_u64(self->mem, code + f->code_tlbc, &array, err))
		return false;
	if (index == 0 || !array)
		return true;
	/* _PyCodeArray: Py_ssize_t size; char *entries[] */
	if (!tm_mem_u64(self->mem, array, &size, err))
		return false;
	if (index >= size)
		return py_stack_refuse(self->runtime, err, "copy of the code", array);
	return tm_mem_u64(self->mem, array + 8 + (tm_addr)index * 8, instrs, err);
}

/* How many bytes into its code the frame is. */
static bool position(struct py_frames *self, tm_addr frame, tm_addr code,
		     tm_addr instrs, int64_t *ret, struct tm_err *err)
{
	tm_addr at = frame + self->fields.frame_instr;
	uint32_t lasti;
	uint64_t instr;

	if (self->layout->lines != PY_LINES_LOCATIONS) {
		if (!tm_mem_u32(self->mem, at, &lasti, err))
			return false;
		*ret = (int32_t)lasti;
		if (self->layout->lines == PY_LINES_RANGES)
			*ret *= 2;
		return true;
	}
	if (!tm_mem_u64(self->mem, at, &instr, err) ||
	    !own_instrs(self, frame, code, &instrs, err))
		return false;
	*ret = (int64_t)(instr - instrs);
	return true;
}

/* 0, as of a function's frame, where the version does not tell. */
static bool read_owner(struct py_frames *self, tm_addr frame, uint8_t *ret,
		       struct tm_err *err)
{
	*ret = 0;
	return self->fields.frame_owner == PY_ABSENT ||
	       tm_mem_read(self->mem, frame + self->fields.frame_owner, ret, 1, err);
}

static bool owns_foreign(const struct py_frames *self, uint8_t owner)
{
	return self->layout->foreign_owner && owner >= self->layout->foreign_owner;
}

/*
 * The interpreter does not show a frame that it has not finished to make
 * (_PyFrame_IsIncomplete in pycore_frame.h).
 */
static bool is_complete(const struct py_code *code, int64_t instr, uint8_t owner)
{
	return instr >= code->traceable || owner == OWNED_BY_GENERATOR;
}

static bool read_frame(struct py_frames *self, tm_addr at,
		       struct py_stack *ret, struct tm_err *err)
{
	const struct py_code *code;
	tm_addr code_at_addr;
	int64_t instr;
	uint8_t owner;

	if (!read_owner(self, at, &owner, err))
		return false;
	if (owns_foreign(self, owner))
		return true;
	if (!tm_mem_u64(self->mem, at + self->fields.frame_code,
			&code_at_addr, err))
		return false;
	code_at_addr &= ~(tm_addr)TAG_BITS;
	code = py_frames_code(self, code_at_addr, err);
	if (!code || !position(self, at, code_at_addr, code->instrs, &instr, err))
		return false;
	if (!is_complete(code, instr, owner))
		return true;
	ret->frames = tm_grow(ret->frames, &ret->cap, ret->n + 1,
			      sizeof(*ret->frames));
	ret->frames[ret->n++] = (struct py_stack_frame){
		.filename = code->filename,
		.function = code->function,
		.lineno = py_line_at(self->layout->lines, code->lines,
				     code->lines_len, code->firstlineno, instr),
	};
	return true;
}

/* Go outwards from *frame, which becomes 0 after the oldest. */
static bool step(struct py_frames *self, tm_addr *frame, size_t *n,
		 struct tm_err *err)
{
	if (++*n > MAX_FRAMES)
		return tm_err_set(err, TM_ERR_LIMIT, self->runtime->name,
				  "more than %d frames", MAX_FRAMES);
	return tm_mem_u64(self->mem, *frame + self->fields.frame_previous, frame,
			  err);
}

bool py_frames_newest(struct py_frames *self, tm_addr state, tm_addr *ret,
		      struct tm_err *err)
{
	const struct py_stack_fields *f = &self->fields;

	return tm_mem_u64(self->mem, state + f->thread_frame, ret, err) &&
	       (f->cframe_frame == PY_ABSENT || !*ret ||
		tm_mem_u64(self->mem, *ret + f->cframe_frame, ret, err));
}

bool py_frames_read(struct py_frames *self, tm_addr frame, struct py_stack *ret,
		    struct tm_err *err)
{
	size_t n = 0;

	while (frame)
		if (!read_frame(self, frame, ret, err) ||
		    !step(self, &frame, &n, err))
			return false;
	return true;
}

bool py_frames_read_one(struct py_frames *self, tm_addr frame,
			struct py_stack *ret, struct tm_err *err)
{
	return read_frame(self, frame, ret, err);
}

bool py_frames_list(struct py_frames *self, tm_addr frame,
		    struct py_frame_list *ret, struct tm_err *err)
{
	size_t n = 0;

	while (frame) {
		ret->items = tm_grow(ret->items, &ret->cap, ret->n + 1,
				     sizeof(*ret->items));
		ret->items[ret->n++] = frame;
		if (!step(self, &frame, &n, err))
			return false;
	}
	return true;
}

bool py_frames_foreign(struct py_frames *self, tm_addr frame, tm_addr *ret,
		       struct tm_err *err)
{
	size_t n = 0;

	*ret = 0;
	if (!self->layout->foreign_owner)
		return true;
	while (frame && !*ret) {
		uint8_t owner;

		if (!read_owner(self, frame, &owner, err))
			return false;
		if (owns_foreign(self, owner))
			*ret = frame;
		else if (!step(self, &frame, &n, err))
			return false;
	}
	return true;
}
