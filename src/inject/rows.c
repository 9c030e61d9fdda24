/*
 * Call frame information as a table: one row per range of addresses, the two registers
 * that matter (tm_row_of()), nothing to interpret. Made by libdw from the image's
 * file, or from its memory where that is the file (the vDSO).
 */
#include <elfutils/libdw.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"
#include "image/image_file.h"
#include "inject/cfi.h"
#include "inject/private.h"
#include "inject/rows_cache.h"

enum { MAX_ROWS = ROWS_CACHE_MAX, MAX_VDSO = 64 << 10 };

struct rows {
	struct tm_recorder_row *items;
	size_t n, cap;
};

static void add_row(struct rows *rows, uint64_t pc, uint32_t how)
{
	if (rows->n && rows->items[rows->n - 1].pc == (uint32_t)pc)
		rows->n--;
	if (rows->n && rows->items[rows->n - 1].how == how)
		return;
	rows->items = tm_grow(rows->items, &rows->cap, rows->n + 1, sizeof(*rows->items));
	rows->items[rows->n++] = (struct tm_recorder_row){ (uint32_t)pc, how };
}

/* The rows of [lo, hi), which one FDE covers from its start. */
static void add_function(struct rows *rows, Dwarf_CFI *cfi, uint64_t lo, uint64_t hi)
{
	while (lo < hi && rows->n < MAX_ROWS) {
		Dwarf_Frame *frame;
		Dwarf_Addr start, end;
		bool is_signal;

		if (dwarf_cfi_addrframe(cfi, lo, &frame) != 0)
			break;
		dwarf_frame_info(frame, &start, &end, &is_signal);
		add_row(rows, lo, tm_row_of(frame, is_signal));
		free(frame);
		if (end <= lo)
			break;
		lo = end;
	}
	/* After it is a gap, unless the next function starts there. */
	add_row(rows, lo, TM_ROW_NONE);
}

static void rows_of_elf(struct rows *rows, Elf *elf)
{
	struct cfi cfi;

	cfi_open(elf, &cfi);
	for (size_t i = 0; i < cfi.n; i++)
		add_function(rows, cfi.functions[i].cfi, cfi.functions[i].start,
			     i + 1 < cfi.n ? cfi.functions[i + 1].start : UINT64_MAX);
	cfi_close(&cfi);
}

/* .eh_frame, its table, .debug_frame. */
static bool has_cfi(const char *section)
{
	return strncmp(section, ".eh_frame", 9) == 0 || strcmp(section, ".debug_frame") == 0;
}

/* What the rows are made of; false if there is nothing to go by. */
static bool cache_key(Elf *elf, const struct tm_image *image, struct rows_key *ret)
{
	Elf_Scn *section = NULL;
	size_t names, found = 0;

	*ret = (struct rows_key){ .build_id_len = image->build_id_len };
	memcpy(ret->build_id, image->build_id, sizeof(ret->build_id));
	if (image->build_id_len == 0 || elf_getshdrstrndx(elf, &names) != 0)
		return false;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr shdr;
		const char *name;
		Elf_Data *data;

		if (!gelf_getshdr(section, &shdr) ||
		    !(name = elf_strptr(elf, names, shdr.sh_name)) ||
		    !has_cfi(name) ||
		    !(data = elf_rawdata(section, NULL)) || !data->d_buf)
			continue;
		ret->source = rows_checksum(ret->source ^ shdr.sh_addr, data->d_buf,
					    data->d_size);
		found++;
	}
	return found > 0;
}

static void cached_rows_of_elf(struct rows *rows, Elf *elf,
			       const struct tm_image *image)
{
	struct rows_key key;
	bool keyed = cache_key(elf, image, &key);

	if (keyed)
		rows->items = rows_cache_get(&key, &rows->n);
	if (rows->items)
		return;
	rows_of_elf(rows, elf);
	if (keyed)
		rows_cache_put(&key, rows->items, rows->n);
}

static Elf *open_vdso(struct tm_mem *mem, const struct tm_image *image, char *bytes)
{
	size_t len = tm_mem_read_some(mem, image->first->start, bytes, MAX_VDSO);

	return len > sizeof(Elf64_Ehdr) ? elf_memory(bytes, len) : NULL;
}

struct tm_recorder_row *inject_rows(const struct tm_process *process,
				    struct tm_mem *mem, const struct tm_image *image,
				    size_t *ret_n)
{
	TM_GUARD(tm_fd_close) int fd = -1;
	TM_GUARD(tm_free_ptr) char *bytes = NULL;
	struct rows rows = { 0 };
	Elf *elf;

	elf_version(EV_CURRENT);
	if (strcmp(image->path, "[vdso]") == 0) {
		bytes = tm_malloc(MAX_VDSO);
		elf = open_vdso(mem, image, bytes);
	} else {
		fd = tm_image_file_open(process->pid, image);
		elf = fd >= 0 ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
	}
	if (elf)
		cached_rows_of_elf(&rows, elf, image);
	elf_end(elf);
	tm_log("%s: %zu unwind rows", image->path, rows.n);
	*ret_n = rows.n;
	return rows.items;
}
