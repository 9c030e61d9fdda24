/* Core files made by hand: what is read from where, and hostile counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <unistd.h>

#include "mem/core_file.h"

enum { NOTES_AT = 0x400, PAGES_AT = 0x1000, SIZE = 0x3000 };

/* Two pages of heap of which one was written, a file's text between. */
struct image {
	unsigned char bytes[SIZE];
	char path[64];
	size_t notes;
};

static void add_phdr(struct image *image, uint32_t type, uint32_t flags,
		     uint64_t offset, uint64_t start, uint64_t filesz,
		     uint64_t memsz)
{
	Elf64_Ehdr *ehdr = (Elf64_Ehdr *)(void *)image->bytes;
	Elf64_Phdr *phdr = (Elf64_Phdr *)(void *)(image->bytes + sizeof(*ehdr));

	phdr[ehdr->e_phnum++] = (Elf64_Phdr){
		.p_type = type, .p_flags = flags, .p_offset = offset,
		.p_vaddr = start, .p_filesz = filesz, .p_memsz = memsz,
	};
}

static void add_note(struct image *image, uint32_t type, const void *desc,
		     uint32_t size)
{
	Elf64_Nhdr note = { 5, size, type };
	unsigned char *to = image->bytes + NOTES_AT + image->notes;

	memcpy(to, &note, sizeof(note));
	memcpy(to + sizeof(note), "CORE", 5);
	memcpy(to + sizeof(note) + 8, desc, size);
	image->notes += sizeof(note) + 8 + (size + 3) / 4 * 4;
}

/* An NT_FILE note: `n` is what it claims, two mappings are what it has. */
static void add_files(struct image *image, uint64_t n)
{
	struct {
		uint64_t n, page, words[6];
		char paths[16];
	} files = { n, 4096, { 0x20000, 0x21000, 1, 0x30000, 0x32000, 0 },
		    "/bin/a\0/bin/bb" };

	add_note(image, NT_FILE, &files, sizeof(files));
}

static void start(struct image *image)
{
	Elf64_Ehdr *ehdr = (Elf64_Ehdr *)(void *)image->bytes;

	memset(image, 0, sizeof(*image));
	memcpy(ehdr->e_ident, ELFMAG, SELFMAG);
	ehdr->e_ident[EI_CLASS] = ELFCLASS64;
	ehdr->e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr->e_ident[EI_VERSION] = EV_CURRENT;
	ehdr->e_type = ET_CORE;
	ehdr->e_machine = EM_X86_64;
	ehdr->e_version = EV_CURRENT;
	ehdr->e_phoff = sizeof(*ehdr);
	ehdr->e_ehsize = sizeof(*ehdr);
	ehdr->e_phentsize = sizeof(Elf64_Phdr);
	memset(image->bytes + PAGES_AT, 'h', 0x1000);
	memset(image->bytes + PAGES_AT + 0x1000, 'd', 0x1000);
}

static void add_memory(struct image *image)
{
	add_phdr(image, PT_LOAD, PF_R | PF_W, PAGES_AT, 0x10000, 0x1000, 0x2000);
	add_phdr(image, PT_LOAD, PF_R | PF_W, PAGES_AT + 0x1000, 0x30000, 0x800,
		 0x1000);
}

static bool open_it(struct image *image, struct tm_core_file *ret,
		    struct tm_err *err)
{
	int fd;
	bool ok;

	add_phdr(image, PT_NOTE, 0, NOTES_AT, 0, image->notes, 0);
	snprintf(image->path, sizeof(image->path), "/tmp/tm-core-XXXXXX");
	fd = mkstemp(image->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, image->bytes, SIZE), SIZE);
	close(fd);
	ok = tm_core_file_open(image->path, ret, err);
	unlink(image->path);
	return ok;
}

static void test_reads(void **state)
{
	struct tm_core_file core;
	struct image image;
	struct tm_mem *mem;
	struct tm_err err;
	char buf[0x3000];
	FILE *file = tmpfile();

	(void)state;
	start(&image);
	add_files(&image, 2);
	add_memory(&image);
	assert_true(tm_core_sniff(image.bytes, sizeof(image.bytes)));
	assert_true(open_it(&image, &core, &err));
	assert_int_equal(core.nmappings, 2);
	assert_string_equal(core.mappings[1].path, "/bin/bb");
	assert_int_equal(core.mappings[0].offset, 4096);
	mem = tm_mem_core(&core);
	assert_int_equal(tm_mem_read_some(mem, 0x10010, buf, 0x2000), 0xff0);
	assert_int_equal(buf[0], 'h');
	/* Unwritten is unreadable, not zero. */
	assert_int_equal(tm_mem_read_some(mem, 0x11000, buf, 1), 0);
	assert_int_equal(tm_mem_read_some(mem, 0x20000, buf, 1), 0);
	/* A file of a page and a half: the rest of its page is zeros. */
	for (int i = 0; i < 0x1800; i++)
		fputc('f', file);
	fflush(file);
	tm_core_back(&core, "/bin/a", fileno(file));
	tm_core_back(&core, "/bin/bb", fileno(file));
	assert_int_equal(tm_mem_read_some(mem, 0x20000, buf, 0x2000), 0x1000);
	assert_int_equal(buf[0x7ff], 'f');
	assert_int_equal(buf[0x800], 0);
	/* Writable: what the core lacks of it is not in the file. */
	assert_int_equal(tm_mem_read_some(mem, 0x30000, buf, 0x1000), 0x800);
	assert_int_equal(buf[0], 'd');
	/* Behind the segment the same mapping is clean. */
	assert_int_equal(tm_mem_read_some(mem, 0x31000, buf, 0x10), 0x10);
	assert_int_equal(buf[0], 'f');
	assert_true(tm_core_holds(&core, 0x30000));
	assert_false(tm_core_holds(&core, 0x30800));
	assert_false(tm_core_holds(&core, 0x31000));
	tm_mem_destroy(mem);
	tm_core_file_close(&core);
	fclose(file);
}

static void refused(struct image *image)
{
	struct tm_core_file core;
	struct tm_err err;

	assert_false(open_it(image, &core, &err));
	assert_int_equal(err.kind, TM_ERR_CORRUPT);
	tm_core_file_close(&core);
}

static void test_hostile(void **state)
{
	static const uint64_t counts[] = { 5, 1u << 20, UINT64_MAX / 24, UINT64_MAX };
	struct image image;

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		start(&image);
		add_files(&image, counts[i]);
		add_memory(&image);
		refused(&image);
	}
	start(&image);
	add_memory(&image);
	add_phdr(&image, PT_LOAD, PF_R, PAGES_AT, 0x10fff, 0, 0x1000);
	refused(&image);
	start(&image);
	add_phdr(&image, PT_LOAD, PF_R, PAGES_AT, UINT64_MAX - 10, 0, 0x1000);
	refused(&image);
	start(&image);
	add_phdr(&image, PT_LOAD, PF_R, PAGES_AT, 0x1000, 0x2000, 0x1000);
	refused(&image);
	start(&image);
	refused(&image);
}

static void test_truncated(void **state)
{
	struct tm_core_file core;
	struct image image;
	struct tm_mem *mem;
	struct tm_err err;
	char c;

	(void)state;
	start(&image);
	add_phdr(&image, PT_LOAD, PF_R, SIZE + 0x1000, 0x1000, 0x1000, 0x1000);
	assert_true(open_it(&image, &core, &err));
	assert_true(core.truncated);
	mem = tm_mem_core(&core);
	assert_int_equal(tm_mem_read_some(mem, 0x1000, &c, 1), 0);
	tm_mem_destroy(mem);
	tm_core_file_close(&core);
}

/* Registers are those of the threads in the order of the notes; a note too short
 * for them is none. */
static void test_threads(void **state)
{
	struct elf_prstatus status = { .pr_pid = 77 };
	uint64_t auxv[] = { AT_PHDR, 0x1040, AT_SYSINFO_EHDR, 0x7000, AT_NULL, 0 };
	struct tm_core_file core;
	struct image image;
	struct tm_err err;

	(void)state;
	start(&image);
	add_memory(&image);
	status.pr_reg[0] = 0x1515;
	add_note(&image, NT_PRSTATUS, &status, sizeof(status));
	status.pr_pid = 78;
	status.pr_reg[26] = 0x9595;
	add_note(&image, NT_PRSTATUS, &status, sizeof(status));
	add_note(&image, NT_PRSTATUS, &status, sizeof(status) / 2);
	add_note(&image, NT_AUXV, auxv, sizeof(auxv));
	assert_true(open_it(&image, &core, &err));
	assert_int_equal(core.nthreads, 2);
	assert_int_equal(core.threads[0].tid, 77);
	assert_int_equal(core.threads[1].tid, 78);
	assert_memory_equal(&core.threads[1].regs, status.pr_reg, sizeof(status.pr_reg));
	assert_int_equal(core.exe_phdr, 0x1040);
	assert_int_equal(core.vdso, 0x7000);
	tm_core_file_close(&core);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
