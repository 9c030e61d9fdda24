#include "py/pystack.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/guard.h"
#include "base/load.h"
#include "base/map.h"
#include "py/lines.h"
#include "py/str.h"

enum {
	MAX_INTERPRETERS = 4096,
	MAX_THREADS = 65536,
	MAX_FRAMES = 100000,
	MAX_LINE_TABLE = 16 << 20,
	MAX_TOTAL = 256 << 20,
	MAX_OFFSET = 65535,
	/* Low bits of a _PyStackRef that are not the address (3.14+). */
	TAG_BITS = 7,
};

/* A PyCodeObject that was seen in this sample. */
struct code {
	const char *filename, *function;
	uint32_t firstlineno;
	tm_addr instrs;       /* 0 before 3.11 */
	const uint8_t *lines;
	size_t lines_len;
};

struct thread {
	uint64_t id;
	tm_addr state;        /* PyThreadState */
};

struct py_stack_reader {
	struct tm_mem *mem;
	const struct py_runtime *runtime;
	const struct py_stack_layout *layout;
	struct py_stack_fields fields; /* offsets, whatever the kind */
	struct thread *threads;        /* newest interpreter first */
	size_t nthreads, cap_threads;
	struct tm_map code_of;         /* address -> index into codes */
	struct code *codes;
	size_t ncodes, cap_codes;
	struct tm_arena strings;
};

void py_stack_free(struct py_stack *stack)
{
	free(stack->frames);
	*stack = (struct py_stack){ 0 };
}

static bool refuse(const struct py_stack_reader *reader, struct tm_err *err,
		   const char *what, tm_addr at)
{
	return tm_err_set(err, TM_ERR_UNSUPPORTED, reader->runtime->name,
			  "unknown layout of frames: no %s at 0x%" PRIx64,
			  what, at);
}

/* Replace positions in _Py_DebugOffsets by the offsets found there. */
static bool resolve(struct py_stack_reader *reader, struct tm_err *err)
{
	uint16_t fields[sizeof(struct py_stack_fields) / sizeof(uint16_t)];
	tm_addr base = reader->runtime->runtime;

	_Static_assert(sizeof(fields) == sizeof(struct py_stack_fields),
		       "nothing but offsets");
	memcpy(fields, &reader->layout->fields, sizeof(fields));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		uint64_t offset;

		if (fields[i] == PY_ABSENT)
			continue;
		if (!tm_mem_u64(reader->mem, base + fields[i], &offset, err))
			return false;
		if (offset >= MAX_OFFSET)
			return refuse(reader, err, "offset", base + fields[i]);
		fields[i] = (uint16_t)offset;
	}
	memcpy(&reader->fields, fields, sizeof(fields));
	return true;
}

static bool check_offsets(struct py_stack_reader *reader, struct tm_err *err)
{
	char cookie[8];
	uint64_t version;
	tm_addr base = reader->runtime->runtime;

	if (!tm_mem_read(reader->mem, base, cookie, sizeof(cookie), err) ||
	    !tm_mem_u64(reader->mem, base + 8, &version, err))
		return false;
	if (memcmp(cookie, "xdebugpy", 8) != 0 ||
	    (uint32_t)version >> 16 != reader->runtime->hexversion >> 16)
		return refuse(reader, err, "_Py_DebugOffsets", base);
	return resolve(reader, err);
}

struct py_stack_reader *py_stack_reader_create(struct tm_mem *mem,
					       const struct py_runtime *runtime,
					       struct tm_err *err)
{
	struct py_stack_reader *reader = tm_calloc(1, sizeof(*reader));
	bool ok;

	reader->mem = mem;
	reader->runtime = runtime;
	reader->layout = runtime->layout->stack;
	reader->fields = reader->layout->fields;
	if (!runtime->code_type)
		ok = refuse(reader, err, "PyCode_Type", 0);
	else if (reader->layout->kind == PY_STACK_DEBUG_OFFSETS)
		ok = check_offsets(reader, err);
	else if (runtime->str.ob_type != reader->fields.object_type)
		ok = refuse(reader, err, "known object header",
			    runtime->str.type); /* Py_TRACE_REFS */
	else
		ok = true;
	if (ok)
		return reader;
	py_stack_reader_destroy(reader);
	return NULL;
}

static void forget(struct py_stack_reader *reader)
{
	tm_map_free(&reader->code_of);
	tm_arena_free(&reader->strings);
	reader->ncodes = 0;
	reader->nthreads = 0;
}

void py_stack_reader_destroy(struct py_stack_reader *reader)
{
	if (!reader)
		return;
	forget(reader);
	free(reader->codes);
	free(reader->threads);
	free(reader);
}

static bool list_threads(struct py_stack_reader *reader, tm_addr interp,
			 struct tm_err *err)
{
	const struct py_stack_fields *f = &reader->fields;
	struct thread thread;
	tm_addr owner;

	if (!tm_mem_u64(reader->mem, interp + f->threads, &thread.state, err))
		return false;
	while (thread.state) {
		if (!tm_mem_u64(reader->mem, thread.state + f->thread_interp,
				&owner, err) ||
		    !tm_mem_u64(reader->mem, thread.state + f->thread_id,
				&thread.id, err))
			return false;
		/* The surest sign that these are thread states. */
		if (owner != interp || reader->nthreads == MAX_THREADS)
			return refuse(reader, err, "thread state", thread.state);
		reader->threads = tm_grow(reader->threads, &reader->cap_threads,
					  reader->nthreads + 1,
					  sizeof(*reader->threads));
		reader->threads[reader->nthreads++] = thread;
		if (!tm_mem_u64(reader->mem, thread.state + f->thread_next,
				&thread.state, err))
			return false;
	}
	return true;
}

bool py_stack_begin(struct py_stack_reader *reader, struct tm_err *err)
{
	const struct py_stack_fields *f = &reader->fields;
	tm_addr interp;

	forget(reader);
	if (!tm_mem_u64(reader->mem, reader->runtime->runtime + f->interpreters,
			&interp, err))
		return false;
	for (int n = 0; interp; n++) {
		if (n == MAX_INTERPRETERS)
			return refuse(reader, err, "end of interpreters", interp);
		if (!list_threads(reader, interp, err) ||
		    !tm_mem_u64(reader->mem, interp + f->interp_next, &interp, err))
			return false;
	}
	return true;
}

/* *ret is NULL where the version has no such string. */
static bool read_name(struct py_stack_reader *reader, tm_addr code,
		      uint16_t field, const char **ret, struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	tm_addr at;

	*ret = NULL;
	if (field == PY_ABSENT)
		return true;
	if (!tm_mem_u64(reader->mem, code + field, &at, err) ||
	    !py_str_read(reader->mem, &reader->runtime->str, at, &text, err))
		return false;
	*ret = tm_arena_bytes(&reader->strings, text.data, text.len + 1);
	return true;
}

static bool read_lines(struct py_stack_reader *reader, tm_addr code,
		       struct code *ret, struct tm_err *err)
{
	const struct py_stack_fields *f = &reader->fields;
	tm_addr bytes;
	uint64_t len;
	uint8_t *table;

	if (!tm_mem_u64(reader->mem, code + f->code_lines, &bytes, err) ||
	    !tm_mem_u64(reader->mem, bytes + f->bytes_size, &len, err))
		return false;
	if (len > MAX_LINE_TABLE || reader->strings.total > MAX_TOTAL)
		return refuse(reader, err, "line table", bytes);
	table = tm_arena_alloc(&reader->strings, len ? len : 1);
	ret->lines = table;
	ret->lines_len = len;
	return tm_mem_read(reader->mem, bytes + f->bytes_data, table, len, err);
}

static bool read_code(struct py_stack_reader *reader, tm_addr at,
		      struct code *ret, struct tm_err *err)
{
	const struct py_stack_fields *f = &reader->fields;
	const char *name;
	tm_addr type;

	*ret = (struct code){ 0 };
	if (!tm_mem_u64(reader->mem, at + f->object_type, &type, err))
		return false;
	if (type != reader->runtime->code_type)
		return refuse(reader, err, "code object", at);
	if (f->code_instrs != PY_ABSENT)
		ret->instrs = at + f->code_instrs;
	if (!read_name(reader, at, f->code_filename, &ret->filename, err) ||
	    !read_name(reader, at, f->code_name, &name, err) ||
	    !read_name(reader, at, f->code_qualname, &ret->function, err) ||
	    !tm_mem_u32(reader->mem, at + f->code_firstlineno,
			&ret->firstlineno, err))
		return false;
	if (!ret->function)
		ret->function = name;
	return read_lines(reader, at, ret, err);
}

static const struct code *code_at(struct py_stack_reader *reader, tm_addr at,
				  struct tm_err *err)
{
	uint32_t i = tm_map_get(&reader->code_of, at);
	struct code code;

	if (i == TM_MAP_NONE) {
		if (!read_code(reader, at, &code, err))
			return NULL;
		i = (uint32_t)reader->ncodes;
		*tm_map_put(&reader->code_of, at) = i;
		reader->codes = tm_grow(reader->codes, &reader->cap_codes,
					reader->ncodes + 1, sizeof(code));
		reader->codes[reader->ncodes++] = code;
	}
	return &reader->codes[i];
}

/* Free-threaded 3.14+: threads run copies of the code. */
static bool own_instrs(struct py_stack_reader *reader, tm_addr frame,
		       tm_addr code, tm_addr *instrs, struct tm_err *err)
{
	const struct py_stack_fields *f = &reader->fields;
	uint32_t index;
	uint64_t size;
	tm_addr array;

	if (!reader->runtime->free_threaded || f->frame_tlbc == PY_ABSENT)
		return true;
	if (!tm_mem_u32(reader->mem, frame + f->frame_tlbc, &index, err) ||
	    !tm_mem_u64(reader->mem, code + f->code_tlbc, &array, err))
		return false;
	if (index == 0 || !array)
		return true;
	/* _PyCodeArray: Py_ssize_t size; char *entries[] */
	if (!tm_mem_u64(reader->mem, array, &size, err))
		return false;
	if (index >= size)
		return refuse(reader, err, "copy of the code", array);
	return tm_mem_u64(reader->mem, array + 8 + (tm_addr)index * 8, instrs, err);
}

/* How many bytes into its code the frame is. */
static bool position(struct py_stack_reader *reader, tm_addr frame, tm_addr code,
		     tm_addr instrs, int64_t *ret, struct tm_err *err)
{
	tm_addr at = frame + reader->fields.frame_instr;
	uint32_t lasti;
	uint64_t instr;

	if (reader->layout->lines != PY_LINES_LOCATIONS) {
		if (!tm_mem_u32(reader->mem, at, &lasti, err))
			return false;
		*ret = (int32_t)lasti;
		if (reader->layout->lines == PY_LINES_RANGES)
			*ret *= 2;
		return true;
	}
	if (!tm_mem_u64(reader->mem, at, &instr, err) ||
	    !own_instrs(reader, frame, code, &instrs, err))
		return false;
	*ret = (int64_t)(instr - instrs);
	return true;
}

static bool is_foreign(struct py_stack_reader *reader, tm_addr frame,
		       bool *ret, struct tm_err *err)
{
	uint8_t owner = 0;

	*ret = false;
	if (!reader->layout->foreign_owner)
		return true;
	if (!tm_mem_read(reader->mem, frame + reader->fields.frame_owner, &owner,
			 1, err))
		return false;
	*ret = owner >= reader->layout->foreign_owner;
	return true;
}

static bool read_frame(struct py_stack_reader *reader, tm_addr at,
		       struct py_stack *ret, struct tm_err *err)
{
	const struct code *code;
	tm_addr code_at_addr;
	int64_t instr;
	bool foreign;

	if (!is_foreign(reader, at, &foreign, err))
		return false;
	if (foreign)
		return true;
	if (!tm_mem_u64(reader->mem, at + reader->fields.frame_code,
			&code_at_addr, err))
		return false;
	code_at_addr &= ~(tm_addr)TAG_BITS;
	code = code_at(reader, code_at_addr, err);
	if (!code || !position(reader, at, code_at_addr, code->instrs, &instr, err))
		return false;
	ret->frames = tm_grow(ret->frames, &ret->cap, ret->n + 1,
			      sizeof(*ret->frames));
	ret->frames[ret->n++] = (struct py_stack_frame){
		.filename = code->filename,
		.function = code->function,
		.lineno = py_line_at(reader->layout->lines, code->lines,
				     code->lines_len, code->firstlineno, instr),
	};
	return true;
}

static bool read_thread(struct py_stack_reader *reader, tm_addr state,
			struct py_stack *ret, struct tm_err *err)
{
	const struct py_stack_fields *f = &reader->fields;
	tm_addr frame;

	if (!tm_mem_u64(reader->mem, state + f->thread_frame, &frame, err))
		return false;
	if (f->cframe_frame != PY_ABSENT && frame &&
	    !tm_mem_u64(reader->mem, frame + f->cframe_frame, &frame, err))
		return false;
	while (frame) {
		if (ret->n == MAX_FRAMES)
			return tm_err_set(err, TM_ERR_LIMIT, reader->runtime->name,
					  "more than %d frames", MAX_FRAMES);
		if (!read_frame(reader, frame, ret, err) ||
		    !tm_mem_u64(reader->mem, frame + f->frame_previous, &frame, err))
			return false;
	}
	return true;
}

bool py_stack_read(struct py_stack_reader *reader, uint64_t self,
		   struct py_stack *ret, struct tm_err *err)
{
	ret->n = 0;
	/* A thread may have a state in several interpreters; the newest
	 * interpreter's is what it is running. */
	for (size_t i = 0; i < reader->nthreads; i++)
		if (reader->threads[i].id == self &&
		    !read_thread(reader, reader->threads[i].state, ret, err))
			return false;
	return true;
}
