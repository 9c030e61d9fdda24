#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "py/dict.h"
#include "py/sequence.h"

/*
 * Dicts that lie about themselves. What true ones look like in each version is
 * tried on processes, tests/live/dicts.
 */
enum {
	TYPE = 0x100, METATYPE = 0x200, DICT = 0x400, KEYS = 0x500,
	VALUES = 0x900, LIST = 0xa00, SIZE = 0x1000,
	FLAGS = 16 + 152, READY = 1 << 12,
};

#include "unit/made_memory.h"

struct fixture {
	struct py_runtime runtime;
	struct tm_mem *mem;
	struct py_dict_iter iter;
};

/* A dict of two entries, in the form of 3.13. */
static void begin(struct fixture *f, unsigned minor)
{
	tm_mem_destroy(f->mem);
	*f = (struct fixture){ .mem = made_memory() };
	f->runtime.layout = py_layout_find(minor);
	f->runtime.str.ob_type = 8;
	put64(TYPE + 8, BASE + METATYPE);
	put64(METATYPE + 8, BASE + METATYPE);
	put64(TYPE + FLAGS, READY | 1 << 29);
	put64(DICT + 8, BASE + TYPE);
	put64(DICT + 32, BASE + KEYS);
	bytes[KEYS + 8] = bytes[KEYS + 9] = 3;
	bytes[KEYS + 10] = 1;
	put64(KEYS + 24, 2);
	for (unsigned i = 0; i < 4; i++)
		put64(KEYS + 32 + 8 + i * 8, 0x111 * (i + 1));
}

static bool opens(struct fixture *f)
{
	return py_dict_begin(f->mem, &f->runtime, BASE + DICT, &f->iter);
}

static size_t count(struct fixture *f)
{
	struct py_dict_entry entry;
	size_t n = 0;

	while (py_dict_next(&f->iter, &entry))
		n++;
	return n;
}

static void entries_come_in_order(void **state)
{
	struct py_dict_entry entry;
	struct fixture f = { 0 };

	(void)state;
	begin(&f, 13);
	assert_true(opens(&f));
	assert_true(py_dict_next(&f.iter, &entry));
	assert_int_equal(entry.key, 0x111);
	assert_int_equal(entry.value, 0x222);
	assert_int_equal(count(&f), 1);
	assert_false(f.iter.faulted);
	tm_mem_destroy(f.mem);
}

static void deleted_entries_are_left_out(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	begin(&f, 13);
	put64(KEYS + 32 + 8, 0);
	assert_true(opens(&f));
	assert_int_equal(count(&f), 1);
	tm_mem_destroy(f.mem);
}

static void counts_are_held_against_each_other(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	begin(&f, 13);
	put64(KEYS + 24, 9); /* entries in 8 slots */
	assert_false(opens(&f));
	begin(&f, 13);
	bytes[KEYS + 8] = 63;
	assert_false(opens(&f));
	begin(&f, 13);
	bytes[KEYS + 9] = 2; /* less than a byte for a slot */
	assert_false(opens(&f));
	begin(&f, 8);
	put64(KEYS + 8, 7); /* no power of two */
	assert_false(opens(&f));
	put64(KEYS + 8, 0);
	assert_false(opens(&f));
	put64(KEYS + 8, (uint64_t)1 << 63);
	assert_false(opens(&f));
	tm_mem_destroy(f.mem);
}

static void a_huge_table_ends_with_its_memory(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	begin(&f, 13);
	bytes[KEYS + 8] = bytes[KEYS + 9] = 40;
	put64(KEYS + 24, (uint64_t)1 << 40);
	assert_true(opens(&f));
	assert_int_equal(count(&f), 0);
	assert_true(f.iter.faulted);
	begin(&f, 7);
	put64(KEYS + 8, 64);
	put64(KEYS + 32, 64);
	memset(bytes + KEYS + 40, 1, SIZE - KEYS - 40);
	put64(DICT + 40, 0);
	put64(DICT + 32, BASE + SIZE - 200);
	memcpy(bytes + SIZE - 200, bytes + KEYS, 40);
	assert_true(opens(&f));
	assert_int_equal(count(&f), (200 - 40 - 64) / 24);
	assert_true(f.iter.faulted);
	tm_mem_destroy(f.mem);
}

static void split_values_are_no_more_than_there_is_room_for(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	begin(&f, 13);
	put64(DICT + 40, BASE + VALUES);
	bytes[VALUES] = 1;
	put64(VALUES + 8, 0x999);
	put64(VALUES + 16, 0x888);
	assert_true(opens(&f));
	assert_int_equal(count(&f), 1);
	tm_mem_destroy(f.mem);
}

static void other_objects_are_none(void **state)
{
	struct py_sequence list;
	struct fixture f = { 0 };

	(void)state;
	begin(&f, 13);
	assert_false(py_sequence_read(f.mem, &f.runtime, BASE + DICT, &list));
	put64(TYPE + FLAGS, READY | 1 << 25);
	assert_false(opens(&f));
	put64(TYPE + FLAGS, 1 << 29); /* a type that is not ready */
	assert_false(opens(&f));
	put64(DICT + 8, 12345);
	assert_false(opens(&f));
	tm_mem_destroy(f.mem);
}

static void lists_hold_what_they_can(void **state)
{
	struct py_sequence list;
	struct fixture f = { 0 };
	tm_addr item;

	(void)state;
	begin(&f, 13);
	put64(TYPE + FLAGS, READY | 1 << 25);
	put64(LIST + 8, BASE + TYPE);
	put64(LIST + 16, 3);
	put64(LIST + 24, BASE + SIZE - 16);
	assert_true(py_sequence_read(f.mem, &f.runtime, BASE + LIST, &list));
	assert_true(py_sequence_item(f.mem, &list, 1, &item));
	assert_false(py_sequence_item(f.mem, &list, 2, &item));
	assert_false(py_sequence_item(f.mem, &list, 3, &item));
	put64(LIST + 16, UINT64_MAX);
	assert_false(py_sequence_read(f.mem, &f.runtime, BASE + LIST, &list));
	tm_mem_destroy(f.mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_come_in_order),
		cmocka_unit_test(deleted_entries_are_left_out),
		cmocka_unit_test(counts_are_held_against_each_other),
		cmocka_unit_test(a_huge_table_ends_with_its_memory),
		cmocka_unit_test(split_values_are_no_more_than_there_is_room_for),
		cmocka_unit_test(other_objects_are_none),
		cmocka_unit_test(lists_hold_what_they_can),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
