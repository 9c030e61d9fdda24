/*
 * ELF from hostile hands. First byte 0: a core file (headers, notes), read at
 * the edges of its segments; else an image in a target's memory (headers, notes,
 * dynamic symbols).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <stdio.h>

#include "image/image.h"
#include "mem/core_file.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void must_have_cause(const struct tm_err *err)
{
	if (err->kind == TM_ERR_NONE || !err->cause[0])
		abort();
}

static void read_edges(struct tm_mem *mem, tm_addr start, tm_addr end)
{
	const tm_addr at[] = { start, start - 8, end - 8, end, start + (end - start) / 2 };
	char bytes[64];

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		tm_mem_read_some(mem, at[i], bytes, sizeof(bytes));
}

static void walk_core(const struct tm_core_file *core)
{
	struct tm_mem *mem = tm_mem_core(core);

	for (size_t i = 0; i < core->nsegments; i++)
		read_edges(mem, core->segments[i].start, core->segments[i].end);
	for (size_t i = 0; i < core->nmappings; i++) {
		read_edges(mem, core->mappings[i].start, core->mappings[i].end);
		if (strlen(core->mappings[i].path) > 1 << 20)
			abort();
	}
	tm_mem_destroy(mem);
}

static void fuzz_core(const void *data, size_t size)
{
	int fd = memfd_create("core", MFD_CLOEXEC);
	struct tm_core_file core;
	struct tm_err err = { 0 };
	char path[64];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (tm_core_file_open(path, &core, &err)) {
		walk_core(&core);
		tm_core_file_close(&core);
	} else {
		must_have_cause(&err);
	}
	close(fd);
}

static void fuzz_image(const void *data, size_t size)
{
	enum { BASE = 0x400000 };
	const struct tm_region region = {
		.start = BASE, .end = BASE + ((size + 4095) & ~(size_t)4095),
		.readable = true, .path = "/image",
	};
	struct tm_mem *mem = tm_mem_bytes(BASE, data, size);
	struct tm_image image = { 0 };
	struct tm_symbol symbol;
	struct tm_err err = { 0 };

	if (tm_image_read(mem, &region, &image, &err)) {
		tm_image_dynsym(&image, "main", &symbol);
		tm_image_dynsym(&image, "", &symbol);
		tm_image_holds(&image, image.eh_frame_hdr, 0);
	} else {
		must_have_cause(&err);
	}
	tm_image_free(&image);
	tm_mem_destroy(mem);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	if (size < 2)
		return 0;
	(data[0] ? fuzz_image : fuzz_core)(data + 1, size - 1);
	return 0;
}
