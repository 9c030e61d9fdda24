#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "py/functions_private.h"

/*
 * Code objects in a made heap, and what a process may say of them. True ones are read
 * in tests/live/functions.
 */
enum {
	RUNTIME = 0, STR_TYPE = 0x800, CODE_TYPE = 0x900, FUNCTION_TYPE = 0xa00,
	TEXTS = 0xb00, TABLE = 0xf00, HEAP = 0x1000, BLOCK = 0x200, SIZE = 0x2000,
	/* Of a code object. */
	FILENAME = 112, NAME = 120, QUALNAME = 128, FIRST = 68, LINES = 136, INSTRS = 200,
	HEAD = 256,              /* what is read of a block */
};

#define BASE ((tm_addr)0x10000)

static unsigned char bytes[SIZE];

struct fixture {
	struct py_runtime runtime;
	struct heap_blocks blocks;
	struct tm_mem *mem;
	struct tm_intern files;
};

static void put64(size_t at, uint64_t value)
{
	memcpy(bytes + at, &value, sizeof(value));
}

/* A compact ASCII str, the i-th. */
static tm_addr put_text(unsigned i, const char *text)
{
	const size_t at = TEXTS + i * 0x100;

	put64(at + 8, BASE + STR_TYPE);
	put64(at + 16, strlen(text));
	put64(at + 32, 1 << 2 | 1 << 5 | 1 << 6);
	memcpy(bytes + at + 40, text, strlen(text));
	return BASE + at;
}

/* What struct _Py_DebugOffsets says of one field. */
static void tell(uint16_t position, uint64_t offset)
{
	put64(RUNTIME + position, offset);
}

static void tell_all(const struct py_stack_fields *at)
{
	memcpy(bytes + RUNTIME, "xdebugpy", 8);
	put64(RUNTIME + 8, 0x030d0000);
	tell(at->object_type, 8);
	tell(at->bytes_size, 16);
	tell(at->bytes_data, 32);
	tell(at->code_filename, FILENAME);
	tell(at->code_name, NAME);
	tell(at->code_qualname, QUALNAME);
	tell(at->code_firstlineno, FIRST);
	tell(at->code_lines, LINES);
	tell(at->code_instrs, INSTRS);
}

/* shop.py, line 7: a method. One entry of 3.13's table: the first line. */
static void put_code(size_t at)
{
	put64(at + 8, BASE + CODE_TYPE);
	put64(at + FILENAME, put_text(0, "shop.py"));
	put64(at + NAME, put_text(1, "buy"));
	put64(at + QUALNAME, put_text(2, "Shop.buy"));
	bytes[at + FIRST] = 7;
	put64(at + LINES, BASE + TABLE);
	put64(TABLE + 16, 2);
	bytes[TABLE + 32] = 0x80 | 10 << 3;
}

static void begin(struct fixture *f, unsigned minor)
{
	memset(bytes, 0, sizeof(bytes));
	*f = (struct fixture){ .mem = tm_mem_bytes(BASE, bytes, SIZE) };
	f->runtime = (struct py_runtime){
		.layout = py_layout_find(minor), .hexversion = 0x03000000 | minor << 16,
		.runtime = BASE + RUNTIME, .code_type = BASE + CODE_TYPE,
		.str = { .type = BASE + STR_TYPE, .ob_type = 8, .length = 16, .state = 32,
			 .ascii = 40, .compact = 56, .pointer = 56 },
	};
	if (f->runtime.layout->stack.kind == PY_STACK_DEBUG_OFFSETS)
		tell_all(&f->runtime.layout->stack.fields);
	tm_intern(&f->files, "shop.py", strlen("shop.py"));
	assert_true(heap_blocks_add_span(&f->blocks, BASE + HEAP, BASE + SIZE));
	for (size_t at = HEAP; at < SIZE; at += BLOCK)
		assert_true(heap_blocks_add_chunk(&f->blocks, BASE + at, BLOCK));
	heap_blocks_settle(&f->blocks);
	assert_true(heap_blocks_finish(&f->blocks));
}

static struct py_functions *read_all(struct fixture *f)
{
	const struct tm_maps none = { 0 };
	struct py_functions *ret;
	struct tm_err err;

	ret = py_functions_read(f->mem, &none, &f->runtime, &f->blocks, &f->files, &err);
	assert_non_null(ret);
	return ret;
}

static void end(struct fixture *f, struct py_functions *functions)
{
	py_functions_destroy(functions);
	heap_blocks_free(&f->blocks);
	tm_intern_free(&f->files);
	tm_mem_destroy(f->mem);
}

static void test_named(void **state)
{
	struct py_functions *functions;
	struct fixture f;

	(void)state;
	begin(&f, 13);
	put_code(HEAP + BLOCK);
	functions = read_all(&f);
	assert_string_equal(py_functions_at(functions, 0, 7), "Shop.buy");
	assert_null(py_functions_at(functions, 0, 8));
	end(&f, functions);
}

/* A file name that is said to be beyond what is read of a block: in part, or wholly. */
static void test_far_field(void **state)
{
	static const uint16_t far[] = { HEAD - 4, HEAD, 65534 };

	(void)state;
	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		struct py_functions *functions;
		struct fixture f;

		begin(&f, 13);
		put_code(HEAP);
		tell(f.runtime.layout->stack.fields.code_filename, far[i]);
		functions = read_all(&f);
		assert_int_equal(functions->n, 0);
		end(&f, functions);
	}
}

/* Where PyFunction_Type is not exported, blank memory is no function. */
static void test_blank(void **state)
{
	struct py_functions *functions;
	struct fixture f;

	(void)state;
	begin(&f, 8);
	functions = read_all(&f);
	assert_int_equal(functions->nobjects, 0);
	end(&f, functions);
	begin(&f, 8);
	f.runtime.function_type = BASE + FUNCTION_TYPE;
	put64(HEAP + 16 + 8, BASE + FUNCTION_TYPE);
	functions = read_all(&f);
	assert_int_equal(functions->nobjects, 1);
	end(&f, functions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_far_field),
		cmocka_unit_test(test_blank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
