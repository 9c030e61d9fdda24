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
};

#include "unit/made_memory.h"

struct fixture {
	struct py_runtime runtime;
	struct py_stack_fields fields; /* offsets */
	struct tm_mem *mem;
	struct tm_intern files;
};

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

/* As 3.13 has them. */
static void tell_all(const struct py_stack_fields *at, const struct py_stack_fields *fields)
{
	memcpy(bytes + RUNTIME, "xdebugpy", 8);
	put64(RUNTIME + 8, 0x030d0000);
	tell(at->object_type, fields->object_type);
	tell(at->bytes_size, fields->bytes_size);
	tell(at->bytes_data, fields->bytes_data);
	tell(at->code_filename, fields->code_filename);
	tell(at->code_name, fields->code_name);
	tell(at->code_qualname, fields->code_qualname);
	tell(at->code_firstlineno, fields->code_firstlineno);
	tell(at->code_lines, fields->code_lines);
	tell(at->code_instrs, fields->code_instrs);
}

/* shop.py, line 7: a method. The table is that of 3.13, one entry: the first line. */
static void put_code(const struct fixture *f, size_t at)
{
	put64(at + 8, BASE + CODE_TYPE);
	put64(at + f->fields.code_filename, put_text(0, "shop.py"));
	put64(at + f->fields.code_name, put_text(1, "buy"));
	if (f->fields.code_qualname != PY_ABSENT)
		put64(at + f->fields.code_qualname, put_text(2, "Shop.buy"));
	bytes[at + f->fields.code_firstlineno] = 7;
	put64(at + f->fields.code_lines, BASE + TABLE);
	put64(TABLE + f->fields.bytes_size, 2);
	bytes[TABLE + f->fields.bytes_data] = 0x80 | 10 << 3;
}

static void begin(struct fixture *f, unsigned minor)
{
	*f = (struct fixture){ .mem = made_memory() };
	f->runtime = (struct py_runtime){
		.layout = py_layout_find(minor), .hexversion = 0x03000000 | minor << 16,
		.runtime = BASE + RUNTIME, .code_type = BASE + CODE_TYPE,
		.str = { .type = BASE + STR_TYPE, .ob_type = 8, .length = 16, .state = 32,
			 .ascii = 40, .compact = 56, .pointer = 56 },
	};
	f->fields = f->runtime.layout->stack.fields;
	if (f->runtime.layout->stack.kind == PY_STACK_DEBUG_OFFSETS) {
		f->fields = (struct py_stack_fields){
			.code_filename = 112, .code_name = 120, .code_qualname = 128,
			.code_firstlineno = 68, .code_lines = 136, .code_instrs = 200,
			.object_type = 8, .bytes_size = 16, .bytes_data = 32,
		};
		tell_all(&f->runtime.layout->stack.fields, &f->fields);
	}
	tm_intern(&f->files, "shop.py", strlen("shop.py"));
}

static struct py_functions *read_all(struct fixture *f)
{
	const struct tm_maps none = { 0 };
	struct py_functions *ret;
	struct heap_heads heads;
	struct tm_err err;

	ret = py_functions_begin(f->mem, &f->runtime, &f->files, &err);
	assert_non_null(ret);
	heads = py_functions_heads(ret);
	for (size_t at = HEAP; at < SIZE; at += BLOCK)
		if (heads.wants(heads.ctx, (const char *)bytes + at))
			heads.take(heads.ctx, BASE + at);
	py_functions_finish(ret, &none);
	return ret;
}

static void end(struct fixture *f, struct py_functions *functions)
{
	py_functions_destroy(functions);
	tm_intern_free(&f->files);
	tm_mem_destroy(f->mem);
}

static void test_named(void **state)
{
	struct py_functions *functions;
	struct fixture f;

	(void)state;
	begin(&f, 13);
	put_code(&f, HEAP + BLOCK);
	functions = read_all(&f);
	assert_string_equal(py_functions_at(functions, 0, 7), "Shop.buy");
	assert_null(py_functions_at(functions, 0, 8));
	end(&f, functions);
}

/* A file name that is said to be beyond the memory there is: in part, or wholly. */
static void test_far_field(void **state)
{
	static const uint16_t far[] = { SIZE - HEAP - 4, SIZE - HEAP, 65534 };

	(void)state;
	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		struct py_functions *functions;
		struct fixture f;

		begin(&f, 13);
		put_code(&f, HEAP);
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

/* What looks like a code object and is none has no number: the function that has it as
 * its code gives its name to no other. */
static void test_dropped(void **state)
{
	enum { FALSE_ONE = HEAP, TRUE_ONE = HEAP + BLOCK, FUNCTION = HEAP + 2 * BLOCK + 16 };
	struct py_functions *functions;
	struct fixture f;

	(void)state;
	begin(&f, 8);
	f.runtime.function_type = BASE + FUNCTION_TYPE;
	put_code(&f, TRUE_ONE);
	put_code(&f, FALSE_ONE);
	put64(FALSE_ONE + f.fields.code_lines, 0);
	put64(FUNCTION + 8, BASE + FUNCTION_TYPE);
	put64(FUNCTION + f.runtime.layout->names.func_code, BASE + FALSE_ONE);
	put64(FUNCTION + f.runtime.layout->names.func_qualname, put_text(2, "Other.buy"));
	functions = read_all(&f);
	assert_int_equal(functions->n, 1);
	assert_string_equal(py_functions_at(functions, 0, 7), "buy");
	end(&f, functions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_far_field),
		cmocka_unit_test(test_blank),
		cmocka_unit_test(test_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
