/*
 * The recorder's list of modules and the rows that it makes of their unwind tables, in
 * this process: its loader calls nothing, so the hook is called after each change.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/recorder/cfi.c"
#include "src/recorder/cfi_read.c"
#include "src/recorder/loader.c"
#include "src/recorder/loader_keep.c"

#include "base/guard.h"
#include "inject/private.h"
#include "inject/records.h"

#include "unit/recorder_image.h"

enum { LIMIT = 256 << 20 };

/* As the recorder finds it in any process: the place that holds what <link.h> says of
 * each. */
static int find_headers(struct dl_phdr_info *info, size_t size, void *ctx)
{
	const struct link_map *map = ctx;
	const char *at = ctx;

	(void)size;
	if (info->dlpi_addr != map->l_addr || !info->dlpi_phdr)
		return 0;
	for (uint32_t i = sizeof(*map); i < 1024; i += 8)
		if (memcmp(at + i, &info->dlpi_phdr, 8) == 0 &&
		    memcmp(at + i + 16, &info->dlpi_phnum, 2) == 0) {
			loader()->phdr_at = i;
			loader()->phnum_at = i + 16;
			return 1;
		}
	return 0;
}

static int begin(void **state)
{
	static struct tm_recorder_gate gate = { .enabled = 1 };
	struct tm_recorder_table layout = { 0 };

	(void)state;
	inject_layout(&layout, LIMIT);
	image.gate = (uint64_t)&gate;
	image.table = (uint64_t)mmap(NULL, layout.size, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (image.table == (uint64_t)MAP_FAILED)
		return -1;
	*table() = layout;
	loader()->debug = (uint64_t)&_r_debug;
	loader()->area = layout.loader + sizeof(struct tm_recorder_loader);
	loader()->area_size = layout.unwind - loader()->area;
	return !dl_iterate_phdr(find_headers, _r_debug.r_map->l_next->l_next);
}

static int end(void **state)
{
	(void)state;
	return munmap(table(), table()->size);
}

static const struct tm_recorder_loaded *module_of_function(const void *function)
{
	return loader_find(loader(), (uint64_t)function);
}

static void the_list_is_noted(void **state)
{
	const struct tm_recorder_loaded *libc;
	uint32_t changes;

	(void)state;
	loader_look();
	changes = loader_changes();
	libc = module_of_function(&gnu_get_libc_version);
	assert_non_null(libc);
	assert_int_equal(libc->state, TM_LOADED_HERE);
	assert_non_null(strstr(table_at(libc->name), "libc.so"));
	assert_true(libc->build_id_len == 20 && libc->nfunctions > 1000);
	assert_int_equal(tm_pc_module(loader_word(loader(), (uint64_t)&gnu_get_libc_version + 1)),
			 libc - loader()->modules);
	assert_true(loader_asks(loader(), (uint64_t)&gnu_get_libc_version));
	loader_look();
	assert_int_equal(loader_changes(), changes);
	assert_int_equal(loader()->missed, 0);
}

/* A library that nothing here uses. */
static const char spare[] = "libthread_db.so.1";

static void what_goes_is_marked_and_found_again(void **state)
{
	const struct tm_recorder_loaded *found;
	void *library, *function;
	uint32_t changes;
	size_t number;

	(void)state;
	loader_look();
	library = dlopen(spare, RTLD_LAZY);
	assert_non_null(library);
	function = dlsym(library, "td_init");
	assert_non_null(function);
	loader_look();
	found = module_of_function(function);
	assert_non_null(found);
	number = (size_t)(found - loader()->modules);
	changes = loader_changes();
	dlclose(library);
	loader_look();
	assert_true(loader_changes() > changes);
	assert_null(module_of_function(function));
	assert_int_equal(loader()->modules[number].state, TM_LOADED_GONE);
	assert_int_equal(tm_pc_module(loader_word(loader(), (uint64_t)function + 1)),
			 TM_PC_NOWHERE);
	library = dlopen(spare, RTLD_LAZY);
	loader_look();
	found = module_of_function(dlsym(library, "td_init"));
	assert_non_null(found);
	/* It has the same number if it has come to the same place. */
	assert_true(dlsym(library, "td_init") != function ||
		    found == &loader()->modules[number]);
	dlclose(library);
}

/* Another one there is another module, also if the loader says nothing in between. */
static void displaces(int64_t by)
{
	struct tm_recorder_loaded *m;
	size_t number;

	loader_look();
	m = &loader()->modules[module_of_function(&malloc) - loader()->modules];
	number = (size_t)(m - loader()->modules);
	m->listed = 0;
	m->start += (uint64_t)by;
	m->end += (uint64_t)by;
	loader_look();
	assert_int_equal(m->state, TM_LOADED_GONE);
	assert_int_not_equal(module_of_function(&malloc) - loader()->modules, number);
}

static void what_is_in_another_place_displaces_it(void **state)
{
	(void)state;
	displaces(-4096);
	displaces(4096);
}

/* ---- rows -------------------------------------------------------------------------- */

static size_t nrows, nwrong, nknown;

static void compare_rows(struct tm_mem *mem, const struct tm_process *process,
			 const struct tm_image *of)
{
	size_t n;
	TM_GUARD(tm_free_ptr) struct tm_recorder_row *rows = inject_rows(process, mem, of, &n);
	const struct tm_recorder_loaded *m;

	for (size_t i = 0; i < n; i++) {
		uint64_t pc = of->bias + rows[i].pc;
		uint32_t how;

		m = loader_find(loader(), pc);
		if (!m || rows[i].how == TM_ROW_NONE)
			continue;
		how = cfi_row(m, pc);
		nrows++;
		nknown += how != TM_ROW_NONE;
		if (how != rows[i].how && nwrong++ < 10)
			print_message("%s+%#x: %#x, not %#x\n", of->path, rows[i].pc, how,
				      rows[i].how);
	}
}

static void rows_are_those_of_whole_modules(void **state)
{
	static const char *const more[] = { "libstdc++.so.6", "libcrypto.so.3", "libm.so.6",
					    "libgcc_s.so.1", "libsqlite3.so.0" };
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct tm_process process;
	struct tm_mem *mem;
	struct tm_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		dlopen(more[i], RTLD_NOW);
	loader_look();
	assert_true(tm_process_open(getpid(), &process, &err));
	mem = tm_mem_proc(getpid(), &err);
	assert_true(mem && tm_maps_read(getpid(), &maps, &err));
	for (size_t i = 0; i < maps.n; i++) {
		TM_GUARD(tm_image_free) struct tm_image of = { 0 };

		/* The program itself has code that only .debug_frame knows. */
		if (inject_may_be_image(&maps.regions[i]) &&
		    tm_image_read(mem, &maps.regions[i], &of, &err) &&
		    tm_image_is_executable(&of, &maps) &&
		    !tm_image_holds(&of, (tm_addr)&compare_rows, PF_X))
			compare_rows(mem, &process, &of);
	}
	tm_mem_destroy(mem);
	print_message("%zu rows, %zu known\n", nrows, nknown);
	assert_true(nrows > 20000);
	assert_int_equal(nwrong, 0);
}

/* Whatever the bytes are, what is read is in the copy. */
static void damaged_tables_give_no_row_or_a_wrong_one(void **state)
{
	struct tm_recorder_loaded *m;
	uint8_t *frames;
	uint64_t random = 1;

	(void)state;
	loader_look();
	m = &loader()->modules[module_of_function(&malloc) - loader()->modules];
	frames = table_at(m->frames);
	for (int round = 0; round < 2000; round++) {
		for (int i = 0; i < 64; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			frames[(random >> 20) % m->frames_size] = (uint8_t)(random >> 56);
		}
		for (uint64_t i = 0; i < 50; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			cfi_row(m, m->start + (random >> 20) % (m->end - m->start));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_list_is_noted, begin, end),
		cmocka_unit_test_setup_teardown(what_goes_is_marked_and_found_again, begin, end),
		cmocka_unit_test_setup_teardown(what_is_in_another_place_displaces_it, begin, end),
		cmocka_unit_test_setup_teardown(rows_are_those_of_whole_modules, begin, end),
		cmocka_unit_test_setup_teardown(damaged_tables_give_no_row_or_a_wrong_one, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
