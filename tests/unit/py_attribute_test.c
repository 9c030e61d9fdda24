#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "py/attribute.h"
#include "py/int.h"

/*
 * Numbers and attributes that are not what they should be. True ones of each version are
 * read by tests/live/by_thread.
 */
enum {
	TYPE = 0x100, METATYPE = 0x300, OBJECT = 0x600, KEYS = 0x800, NAME = 0x900,
	STR_TYPE = 0xa00, NUMBER = 0xc00, SIZE = 0x1000,
	FLAGS = 16 + 152, BASICSIZE = 16 + 16, CACHED_KEYS = 880,
	READY = 1 << 12, INLINE = 1 << 2, MANAGED = 1 << 4,
};

#include "unit/made_memory.h"

struct fixture {
	struct py_runtime runtime;
	struct tm_mem *mem;
};

static void begin(struct fixture *f, unsigned minor)
{
	tm_mem_destroy(f->mem);
	*f = (struct fixture){ .mem = made_memory() };
	f->runtime.layout = py_layout_find(minor);
	f->runtime.str = (struct py_str_layout){
		.type = BASE + STR_TYPE, .ob_type = 8, .length = 16, .state = 32, .ascii = 40,
		.compact = 56, .pointer = 56,
	};
}

static bool reads_int(struct fixture *f, uint64_t size, uint64_t digits, int64_t *ret)
{
	put64(NUMBER + 16, size);
	put64(NUMBER + 24, digits);
	return py_int_read(f->mem, &f->runtime, BASE + NUMBER, ret);
}

static void numbers_have_two_digits_at_most(void **state)
{
	struct fixture f = { 0 };
	int64_t value;

	(void)state;
	begin(&f, 11);
	assert_true(reads_int(&f, 0, 7, &value));
	assert_int_equal(value, 0);
	assert_true(reads_int(&f, 1, 7, &value));
	assert_int_equal(value, 7);
	assert_true(reads_int(&f, 2, (uint64_t)3 << 32 | 5, &value));
	assert_int_equal(value, ((int64_t)3 << 30) + 5);
	assert_true(reads_int(&f, (uint64_t)-2, (uint64_t)3 << 32 | 5, &value));
	assert_int_equal(value, -(((int64_t)3 << 30) + 5));
	assert_false(reads_int(&f, 3, 7, &value));
	assert_false(reads_int(&f, (uint64_t)-3, 7, &value));
	assert_false(reads_int(&f, (uint64_t)1 << 63, 7, &value));
	begin(&f, 12);
	assert_true(reads_int(&f, 1, 7, &value));
	assert_int_equal(value, 0);
	assert_true(reads_int(&f, 1 << 3, 7, &value));
	assert_int_equal(value, 7);
	assert_true(reads_int(&f, 2 << 3 | 2, (uint64_t)1 << 32, &value));
	assert_int_equal(value, -((int64_t)1 << 30));
	assert_false(reads_int(&f, UINT64_MAX, 7, &value));
	assert_false(py_int_read(f.mem, &f.runtime, BASE + SIZE - 16, &value));
	tm_mem_destroy(f.mem);
}

/* An object of 3.13 whose type names one attribute, "name", and has it inside. */
static void begin_object(struct fixture *f)
{
	begin(f, 13);
	put64(TYPE + 8, BASE + METATYPE);
	put64(METATYPE + 8, BASE + METATYPE);
	put64(METATYPE + FLAGS, READY);
	put64(TYPE + FLAGS, READY | INLINE | MANAGED);
	put64(TYPE + BASICSIZE, 16);
	put64(TYPE + CACHED_KEYS, BASE + KEYS);
	put64(OBJECT + 8, BASE + TYPE);
	bytes[OBJECT + 16] = 1;
	bytes[OBJECT + 19] = 1;
	put64(OBJECT + 24, 0x777);
	bytes[KEYS + 8] = bytes[KEYS + 9] = 3;
	bytes[KEYS + 10] = 1;
	put64(KEYS + 24, 1);
	put64(KEYS + 40, BASE + NAME);
	put64(NAME + 8, BASE + STR_TYPE);
	put64(NAME + 16, 4);
	bytes[NAME + 32] = 1 << 2 | 1 << 5 | 1 << 6;
	memcpy(bytes + NAME + 40, "name", 4);
}

static bool has(struct fixture *f, const char *name, tm_addr *ret)
{
	return py_attribute(f->mem, &f->runtime, BASE + OBJECT, name, ret);
}

static void values_inside_count_if_they_are_valid(void **state)
{
	struct fixture f = { 0 };
	tm_addr value;

	(void)state;
	begin_object(&f);
	assert_true(has(&f, "name", &value));
	assert_int_equal(value, 0x777);
	assert_false(has(&f, "nam", &value));
	bytes[OBJECT + 19] = 0;
	assert_false(has(&f, "name", &value));
	begin_object(&f);
	put64(OBJECT - 24, BASE + NUMBER); /* what should be its dict */
	assert_false(has(&f, "name", &value));
	begin_object(&f);
	put64(TYPE + BASICSIZE, UINT64_MAX - 100);
	assert_false(has(&f, "name", &value));
	begin_object(&f);
	put64(TYPE + FLAGS, READY | MANAGED);
	assert_false(has(&f, "name", &value));
	put64(TYPE + FLAGS, READY); /* without a dict: by tp_dictoffset, which is 0 */
	assert_false(has(&f, "name", &value));
	put64(TYPE + FLAGS, INLINE | MANAGED);
	assert_false(has(&f, "name", &value));
	tm_mem_destroy(f.mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_have_two_digits_at_most),
		cmocka_unit_test(values_inside_count_if_they_are_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
