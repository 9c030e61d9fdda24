/* The test program looks at itself: no ptrace is needed for that. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <dlfcn.h>

#include "base/guard.h"
#include "native/elf_file.h"
#include "native/symbols.h"
#include "native/window.h"

struct self {
	struct tm_mem *mem;
	struct native_modules modules;
	struct tm_symbolizer *symbolizer;
};

static struct self self;
static void *seen;
static unsigned seen_line;

#ifdef __clang__ /* never clones */
#define HERE __attribute__((noinline))
#else
#define HERE __attribute__((noinline, noclone))
#endif

HERE static void note_caller(void)
{
	seen = __builtin_return_address(0);
	__asm__ volatile("" ::: "memory");
}

static inline __attribute__((always_inline)) void inlined_inner(void)
{
	seen_line = __LINE__ + 1;
	note_caller();
	__asm__ volatile("" ::: "memory");
}

static inline __attribute__((always_inline)) void inlined_middle(unsigned *line)
{
	*line = __LINE__ + 1;
	inlined_inner();
}

HERE static unsigned outer_function(unsigned *middle_line)
{
	unsigned line = __LINE__ + 2;

	inlined_middle(middle_line);
	return line;
}

static int open_self(void **state)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct tm_err err;

	(void)state;
	if (!tm_maps_read(getpid(), &maps, &err))
		return -1;
	self.mem = tm_mem_proc(getpid(), &err);
	native_modules_init(&self.modules, getpid(), self.mem);
	native_modules_update(&self.modules, &maps);
	self.symbolizer = tm_symbolizer_create(&self.modules);
	return self.mem ? 0 : -1;
}

static int close_self(void **state)
{
	(void)state;
	tm_symbolizer_destroy(self.symbolizer);
	native_modules_deinit(&self.modules);
	tm_mem_destroy(self.mem);
	return 0;
}

static void assert_ends_with(const char *s, const char *end)
{
	assert_non_null(s);
	assert_true(strlen(s) >= strlen(end));
	assert_string_equal(s + strlen(s) - strlen(end), end);
}

static void a_return_address_names_the_inlined_calls(void **state)
{
	unsigned middle_line, outer_line = outer_function(&middle_line);
	struct tm_code_place place = tm_symbolize(
		self.symbolizer, (tm_addr)(uintptr_t)seen, true);

	(void)state;
	assert_int_equal(place.n, 3);
	assert_string_equal(place.frames[0].function, "outer_function");
	assert_string_equal(place.frames[1].function, "inlined_middle");
	assert_string_equal(place.frames[2].function, "inlined_inner");
	assert_false(place.frames[0].inlined);
	assert_true(place.frames[1].inlined);
	assert_true(place.frames[2].inlined);
	assert_int_equal(place.frames[0].lineno, outer_line);
	assert_int_equal(place.frames[1].lineno, middle_line);
	assert_int_equal(place.frames[2].lineno, seen_line);
	for (size_t i = 0; i < 3; i++)
		assert_ends_with(place.frames[i].filename,
				 "/tests/unit/native_symbols_test.c");
	assert_ptr_equal(tm_symbolize(self.symbolizer, (tm_addr)(uintptr_t)seen,
				      true).frames, place.frames);
}

static void exported_functions_of_libraries_have_names(void **state)
{
	struct tm_code_place place = tm_symbolize(
		self.symbolizer, (tm_addr)(uintptr_t)dlsym(RTLD_DEFAULT, "lfind"), false);

	(void)state;
	assert_non_null(place.module);
	assert_non_null(strstr(place.module->path, "libc"));
	assert_non_null(place.frames[0].function);
	assert_non_null(strstr(place.frames[0].function, "lfind"));
}

static void wild_addresses_have_no_name(void **state)
{
	int local;
	struct tm_code_place place = tm_symbolize(
		self.symbolizer, (tm_addr)(uintptr_t)&local, false);

	(void)state;
	assert_null(place.module);
	assert_int_equal(place.n, 1);
	assert_null(place.frames[0].function);
	assert_int_equal(place.offset, (uintptr_t)&local);
}

static void update(void)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct tm_err err;

	assert_true(tm_maps_read(getpid(), &maps, &err));
	native_modules_update(&self.modules, &maps);
}

static void assert_generated(const char *name)
{
	struct tm_code_place place = tm_symbolize(self.symbolizer, 0x1008, false);

	assert_string_equal(place.frames[0].function, name);
}

static void say_generated(const char *path, const char *line)
{
	TM_GUARD(tm_file_close) FILE *file = fopen(path, "ae");

	assert_non_null(file);
	assert_true(fputs(line, file) >= 0);
}

static void generated_code_is_as_it_was_when_the_process_was_looked_at(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	unlink(path);
	update();
	say_generated(path, "1000 20 first\n");
	assert_generated("first");
	say_generated(path, "1000 20 second\n");
	assert_generated("first");
	update();
	assert_generated("second");
	unlink(path);
}

static struct native_module *own_module(void)
{
	return native_modules_find(&self.modules,
				   (tm_addr)(uintptr_t)&outer_function);
}

static void each_way_leads_to_the_file_or_to_nothing(void **state)
{
	struct native_module *module = own_module();
	struct native_module other = *module;
	struct native_elf file;

	(void)state;
	assert_true(native_elf_open_module(module, getpid(), self.mem,
					   NATIVE_VIA_ROOT, &file));
	native_elf_close(&file);
	if (native_elf_open_module(module, getpid(), self.mem,
				   NATIVE_VIA_MAP_FILES, &file))
		native_elf_close(&file);
	else
		print_message("/proc/PID/map_files is not for us\n");
	/* The right path with other content is not the file. */
	assert_true(other.image.build_id_len > 0);
	other.image.build_id[0] ^= 1;
	assert_false(native_elf_open_module(&other, getpid(), self.mem,
					    NATIVE_VIA_ALL, &file));
	/* Without a build-id, device and inode decide. */
	other.image.build_id_len = 0;
	assert_true(native_elf_open_module(&other, getpid(), self.mem,
					   NATIVE_VIA_ROOT, &file));
	native_elf_close(&file);
	other.inode++;
	assert_false(native_elf_open_module(&other, getpid(), self.mem,
					    NATIVE_VIA_ALL, &file));
}

static void the_vdso_is_read_from_memory(void **state)
{
	struct native_elf file;

	(void)state;
	for (size_t i = 0; i < self.modules.nnow; i++) {
		struct native_module *module = self.modules.now[i];

		if (strcmp(module->path, "[vdso]") != 0)
			continue;
		assert_true(native_module_read(&self.modules, module));
		assert_false(native_elf_open_module(module, getpid(), self.mem,
						    NATIVE_VIA_ROOT, &file));
		assert_true(native_elf_open_module(module, getpid(), self.mem,
						   NATIVE_VIA_ALL, &file));
		native_elf_close(&file);
		return;
	}
	skip();
}

static void modules_keep_their_identity_across_updates(void **state)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct native_module *before = own_module();
	struct tm_err err;
	size_t total;

	(void)state;
	assert_true(tm_maps_read(getpid(), &maps, &err));
	native_modules_update(&self.modules, &maps);
	total = self.modules.nall;
	assert_false(native_modules_update(&self.modules, &maps));
	assert_ptr_equal(own_module(), before);
	assert_int_equal(self.modules.nall, total);
	maps.n = 0;
	assert_true(native_modules_update(&self.modules, &maps));
	assert_null(own_module());
}

static void a_window_reads_stack_and_pages_alike(void **state)
{
	static struct native_window window;
	static unsigned char bytes[5 * TM_PAGE];
	struct tm_mem *mem;
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 7 + i / 251);
	mem = tm_mem_bytes(0x10000, bytes, sizeof(bytes));
	native_window_clear(&window);
	native_window_stack(&window, mem, 0x10000 + 3 * TM_PAGE + 200);
	/* Across a page border, in pages; across the window's start; behind. */
	for (size_t at = TM_PAGE - 4; at + 8 <= sizeof(bytes); at += 61) {
		assert_true(native_window_read(&window, 0x10000 + at, &value, 8));
		assert_memory_equal(&value, bytes + at, 8);
	}
	assert_false(native_window_read(&window, 0x10000 + sizeof(bytes) - 4,
					&value, 8));
	assert_false(native_window_read(&window, 8, &value, 8));
	tm_mem_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_return_address_names_the_inlined_calls),
		cmocka_unit_test(exported_functions_of_libraries_have_names),
		cmocka_unit_test(wild_addresses_have_no_name),
		cmocka_unit_test(generated_code_is_as_it_was_when_the_process_was_looked_at),
		cmocka_unit_test(each_way_leads_to_the_file_or_to_nothing),
		cmocka_unit_test(the_vdso_is_read_from_memory),
		cmocka_unit_test(a_window_reads_stack_and_pages_alike),
		cmocka_unit_test(modules_keep_their_identity_across_updates),
	};

	return cmocka_run_group_tests(tests, open_self, close_self);
}
