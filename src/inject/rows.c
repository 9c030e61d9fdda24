/*
 * Call frame information as a table: one row per range of addresses, the two registers
 * that matter (tm_row_of()), nothing to interpret. Made by libdw from the image's
 * file and its separate debug file, or from its memory where that is the file (the vDSO).
 */
#include <elfutils/libdw.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "base/alloc.h"
#include "base/guard.h"
#include "base/log.h"
#include "base/search.h"
#include "image/elf_section.h"
#include "image/image_file.h"
#include "inject/cfi.h"
#include "inject/private.h"
#include "inject/records.h"
#include "inject/rows_cache.h"
#include "native/elf_file.h"

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

static void rows_of_elf(struct rows *rows, Elf *elf, Elf *debug)
{
	struct cfi cfi;

	cfi_open(elf, debug, &cfi);
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

/* How many sections of it the rows are made of; their sum goes on from *sum. */
static size_t sum_up(Elf *elf, uint64_t *sum)
{
	Elf_Scn *section = NULL;
	size_t names, found = 0;

	if (!elf || elf_getshdrstrndx(elf, &names) != 0)
		return 0;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr shdr;
		const char *name;
		Elf_Data *data;

		if (!gelf_getshdr(section, &shdr) || shdr.sh_type == SHT_NOBITS ||
		    !(name = elf_strptr(elf, names, shdr.sh_name)) ||
		    !has_cfi(name) ||
		    !(data = elf_rawdata(section, NULL)) || !data->d_buf)
			continue;
		*sum = rows_checksum(*sum ^ shdr.sh_addr, data->d_buf, data->d_size);
		found++;
	}
	return found;
}

/* What the rows are made of; false if there is nothing to go by. */
static bool cache_key(Elf *elf, Elf *debug, const struct tm_image *image, struct rows_key *ret)
{
	*ret = (struct rows_key){ .build_id_len = image->build_id_len };
	memcpy(ret->build_id, image->build_id, sizeof(ret->build_id));
	return image->build_id_len > 0 &&
	       sum_up(elf, &ret->source) + sum_up(debug, &ret->source) > 0;
}

static void cached_rows_of_elf(struct rows *rows, Elf *elf, Elf *debug,
			       const struct tm_image *image)
{
	struct rows_key key;
	bool keyed = cache_key(elf, debug, image, &key);

	if (keyed)
		rows->items = rows_cache_get(&key, &rows->n);
	if (rows->items)
		return;
	rows_of_elf(rows, elf, debug);
	if (keyed)
		rows_cache_put(&key, rows->items, rows->n);
}

static bool has_debug_frame(Elf *elf)
{
	GElf_Shdr shdr;

	return tm_elf_section(elf, ".debug_frame", &shdr) && shdr.sh_type != SHT_NOBITS;
}

/* Compilers describe all of it, or hardly anything; debug files of what is large can be
 * very large. */
static bool is_described(Elf *elf)
{
	enum { SMALL = 64 << 10, SHARE = 100 };
	GElf_Shdr text, frames;

	return tm_elf_section(elf, ".text", &text) && text.sh_size > SMALL &&
	       tm_elf_section(elf, ".eh_frame", &frames) && frames.sh_size > text.sh_size / SHARE;
}

/* Code without .eh_frame may be described in what was taken out of its file. */
static void rows_of_file(struct rows *rows, pid_t pid, Elf *elf, const struct tm_image *image)
{
	const struct native_module module = {
		.path = (char *)(uintptr_t)image->path, .image = *image,
	};
	struct native_elf debug = { 0 };
	bool separate = !is_described(elf) && !has_debug_frame(elf) &&
			native_elf_open_debug(&module, pid, elf, &debug);

	cached_rows_of_elf(rows, elf, separate && has_debug_frame(debug.elf) ? debug.elf : NULL,
			   image);
	if (separate)
		native_elf_close(&debug);
}

/* ---- out of C, to a goroutine ------------------------------------------------------- */

/* At `pc` and nowhere else. */
static void put_row(struct rows *rows, uint32_t pc, uint32_t how)
{
	const size_t at = TM_LOWER_BOUND(rows->n, i, rows->items[i].pc < pc);
	const bool is_there = at < rows->n && rows->items[at].pc == pc;
	const bool goes_on = at + is_there >= rows->n || rows->items[at + is_there].pc != pc + 1;
	const uint32_t before = is_there ? rows->items[at].how
					 : at ? rows->items[at - 1].how : TM_ROW_NONE;
	const size_t more = !is_there + goes_on;

	rows->items = tm_grow(rows->items, &rows->cap, rows->n + more, sizeof(*rows->items));
	memmove(&rows->items[at + is_there + more], &rows->items[at + is_there],
		(rows->n - at - is_there) * sizeof(*rows->items));
	rows->items[at] = (struct tm_recorder_row){ pc, how };
	if (goes_on)
		rows->items[at + 1] = (struct tm_recorder_row){ pc + 1, before };
	rows->n += more;
}

/* Where runtime.asmcgocall goes on: known by its code, whatever tables there are. */
static void add_go_returns(struct rows *rows, Elf_Data *text, uint64_t address)
{
	const unsigned char *at = text->d_buf, *end = at + text->d_size, *found;
	unsigned kept;

	while ((found = tm_code_find_go_return(at, (size_t)(end - at), &kept)) &&
	       rows->n + 2 < MAX_ROWS) {
		const uint64_t pc = address + (uint64_t)(found - (unsigned char *)text->d_buf);

		if (pc <= UINT32_MAX)
			put_row(rows, (uint32_t)pc - 1, tm_row_how(TM_ROW_PLT, (int)kept,
								   TM_ROW_TO_GO));
		at = found + 1;
	}
}

/* Is it of Go, and which section is its code? */
static void rows_of_go(struct rows *rows, Elf *elf)
{
	Elf_Scn *section = NULL, *text = NULL;
	bool is_go = false;
	GElf_Shdr shdr;
	Elf_Data *data;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) != 0)
		return;
	while ((section = elf_nextscn(elf, section))) {
		const char *name = gelf_getshdr(section, &shdr)
			? elf_strptr(elf, names, shdr.sh_name) : NULL;

		is_go |= name && strcmp(name, ".go.buildinfo") == 0;
		if (name && strcmp(name, ".text") == 0)
			text = section;
	}
	if (is_go && text && gelf_getshdr(text, &shdr) &&
	    (data = elf_rawdata(text, NULL)) && data->d_buf)
		add_go_returns(rows, data, shdr.sh_addr);
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
	if (elf) {
		rows_of_file(&rows, process->pid, elf, image);
		rows_of_go(&rows, elf);
	}
	elf_end(elf);
	tm_log("%s: %zu unwind rows", image->path, rows.n);
	*ret_n = rows.n;
	return rows.items;
}
