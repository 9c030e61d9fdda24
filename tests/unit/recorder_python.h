/*
 * CPython's structures, made up by the layout of each kind of version, for what
 * the recorder reads of them: run here instead of there.
 */
#ifndef TM_RECORDER_PYTHON_H
#define TM_RECORDER_PYTHON_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

/* The recorder's own sources, under its own rules but for the head, and for registers:
 * here are others than the general ones. */
#include "arch/recorder.h"
#undef CPU_KEEPS
#define CPU_KEEPS
#include "src/recorder/ages.c"
#include "src/recorder/counters.c"
#include "src/recorder/stack.c"
#include "src/recorder/cfi.c"
#include "src/recorder/cfi_read.c"
#include "src/recorder/loader.c"
#include "src/recorder/loader_keep.c"
#include "src/recorder/rows.c"
#include "src/recorder/bounds.c"
#include "src/recorder/unwind.c"
#include "src/recorder/python_codes.c"
#include "src/recorder/python_state.c"
#include "src/recorder/python_evaluators.c"
#include "src/recorder/python_frames.c"
#include "src/recorder/python_merge.c"

#include "inject/private.h"

#include "unit/recorder_image.h"

enum { LIMIT = 64 << 20, ARENA = 8 << 20, NO = TM_PY_ABSENT, CODE_TYPE = 0x1234560 };

/* Offsets of 3.10.13, 3.11.7 and a free-threaded 3.14, which differ in all that
 * matters here. */
static const struct tm_recorder_python v310 = {
	.thread_id = 176, .thread_frame = 24, .cframe_frame = NO,
	.frame_previous = 24, .frame_code = 32, .frame_instr = 96,
	.frame_owner = NO, .frame_tlbc = NO,
	.code_filename = 104, .code_name = 112, .code_firstlineno = 40,
	.code_lines = 120, .code_instrs = NO, .code_firsttraceable = NO, .code_tlbc = NO,
	.object_type = 8, .bytes_size = 16, .bytes_data = 32,
	.str_length = 16, .str_state = 32, .str_ascii = 48, .str_compact = 72,
	.str_kind_shift = 2, .instr = TM_PY_INSTR_INDEX,
};
static const struct tm_recorder_python v311 = {
	.thread_id = 152, .thread_frame = 56, .cframe_frame = 8,
	.frame_previous = 48, .frame_code = 32, .frame_instr = 56,
	.frame_owner = 69, .frame_tlbc = NO,
	.code_filename = 112, .code_name = 128, .code_firstlineno = 72,
	.code_lines = 136, .code_instrs = 184, .code_firsttraceable = 168, .code_tlbc = NO,
	.object_type = 8, .bytes_size = 16, .bytes_data = 32,
	.str_length = 16, .str_state = 32, .str_ascii = 48, .str_compact = 72,
	.str_kind_shift = 2, .instr = TM_PY_INSTR_ADDRESS,
};
static const struct tm_recorder_python v314t = {
	.thread_id = 168, .thread_frame = 72, .cframe_frame = NO,
	.frame_previous = 8, .frame_code = 0, .frame_instr = 56,
	.frame_owner = 74, .frame_tlbc = 76,
	.code_filename = 128, .code_name = 144, .code_firstlineno = 84,
	.code_lines = 152, .code_instrs = 232, .code_firsttraceable = 208, .code_tlbc = 224,
	.object_type = 24, .bytes_size = 32, .bytes_data = 48,
	.str_length = 32, .str_state = 48, .str_ascii = 56, .str_compact = 72,
	.str_kind_shift = 8, .instr = TM_PY_INSTR_ADDRESS, .foreign_owner = 3,
};

static unsigned char *arena;
static size_t used;
static uint64_t state_word;

static int begin(void **state)
{
	struct tm_recorder_table layout = { 0 };

	inject_layout(&layout, LIMIT);
	layout.nframe = 10;
	image.table = (uint64_t)mmap(NULL, layout.size, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (image.table == (uint64_t)MAP_FAILED)
		return -1;
	*table() = layout;
	arena = calloc(1, ARENA);
	used = 0;
	state_word = 0;
	(void)state;
	return arena ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	free(arena);
	return munmap(table(), table()->size);
}

static uint64_t take(size_t size)
{
	uint64_t at = (uint64_t)(arena + used);

	used += (size + 63) / 64 * 64;
	assert_true(used <= ARENA);
	return at;
}

#define PUT(type, at, value) (*(type *)(at) = (type)(value))

static uint64_t make_str_of(const void *chars, size_t n, unsigned kind, bool ascii)
{
	const struct tm_recorder_python *p = &table()->python;
	uint64_t at = take(p->str_compact + n * kind + 8);

	PUT(uint64_t, at + p->str_length, n);
	PUT(uint32_t, at + p->str_state, (kind | 8 | (ascii ? 16 : 0)) << p->str_kind_shift);
	memcpy((void *)(at + (ascii ? p->str_ascii : p->str_compact)), chars, n * kind);
	return at;
}

static uint64_t make_str(const char *text)
{
	return make_str_of(text, strlen(text), 1, true);
}

static uint64_t make_bytes(const void *bytes, size_t n)
{
	const struct tm_recorder_python *p = &table()->python;
	uint64_t at = take(p->bytes_data + n + 1);

	PUT(uint64_t, at + p->bytes_size, n);
	memcpy((void *)(at + p->bytes_data), bytes, n);
	return at;
}

static void fill_code(uint64_t at, const char *filename, const char *name, int line,
		      const char *lines)
{
	const struct tm_recorder_python *p = &table()->python;

	PUT(uint64_t, at + p->object_type, CODE_TYPE);
	PUT(uint64_t, at + p->code_filename, make_str(filename));
	PUT(uint64_t, at + p->code_name, make_str(name));
	PUT(uint64_t, at + p->code_lines, make_bytes(lines, strlen(lines)));
	PUT(int32_t, at + p->code_firstlineno, line);
	if (p->code_firsttraceable != NO)
		PUT(int32_t, at + p->code_firsttraceable, 2);
}

static uint64_t make_code(const char *filename, const char *name, int line)
{
	uint64_t at = take(512);

	fill_code(at, filename, name, line, name);
	return at;
}

/* The thread's state, in a global word, whose newest frame is this. */
static uint64_t use(const struct tm_recorder_python *version)
{
	struct tm_recorder_python *p = &table()->python;
	uint64_t at;

	*p = *version;
	p->code_type = CODE_TYPE;
	p->attached = (struct tm_recorder_py_access){
		.kind = TM_PY_GLOBAL, .at = (uint64_t)&state_word,
	};
	at = take(256);
	PUT(uint64_t, at + p->thread_id, cpu_thread_pointer());
	state_word = at;
	return at;
}

static const struct tm_recorder_py_record *text_of(uint32_t id)
{
	assert_int_not_equal(id, 0);
	return record_at(id);
}

static inline void assert_text(uint32_t id, const char *text)
{
	assert_int_equal(text_of(id)->size, strlen(text));
	assert_memory_equal(text_of(id)->bytes, text, strlen(text));
}

static inline const struct tm_recorder_py_code *code_of(uint64_t word)
{
	const struct tm_recorder_py_record *record = text_of(tm_py_frame_code(word));

	assert_true(word & TM_PY_FRAME);
	assert_int_equal(record->kind, TM_PY_CODE);
	return (const struct tm_recorder_py_code *)record->bytes;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
