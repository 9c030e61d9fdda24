/*
 * .eh_frame as a table: one row per range of addresses, the two registers
 * that matter, nothing to interpret. Made by libdw from the image's file, or
 * from its memory where that is the file (the vDSO).
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "base/log.h"
#include "image/image_file.h"
#include "inject/private.h"
#include "inject/rows_cache.h"

enum { MAX_ROWS = ROWS_CACHE_MAX, MAX_VDSO = 64 << 10, RBP = 6, RSP = 7, RIP = 16,
       SAVED_AT_RBP = 16383 };

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

/* The PLT's entries: CFA = rsp + 8 + ((rip & 15) >= 11) * 8. */
static bool is_plt(const Dwarf_Op *ops, size_t n)
{
	static const uint8_t plt[] = { DW_OP_breg7, DW_OP_breg16, DW_OP_lit15,
				       DW_OP_and };

	for (size_t i = 0; i < sizeof(plt); i++)
		if (i >= n || ops[i].atom != plt[i])
			return false;
	return true;
}

static bool words(int64_t bytes, int64_t lo, int64_t hi)
{
	return bytes % 8 == 0 && bytes / 8 >= lo && bytes / 8 <= hi;
}

/* CFA = register + offset, or what stands there. */
static uint32_t cfa_how(const Dwarf_Op *ops, size_t n, bool deref, unsigned rbp)
{
	int64_t offset = (int64_t)ops[0].number;
	unsigned reg = ops[0].atom - DW_OP_breg0;

	if (ops[0].atom == DW_OP_bregx) {
		reg = (unsigned)ops[0].number;
		offset = (int64_t)ops[0].number2;
	}
	if (n == 2 && ops[1].atom == DW_OP_plus_uconst && !deref) {
		offset += (int64_t)ops[1].number;
		n = 1;
	}
	if (n != 1 || !words(offset, -16384, 16383) ||
	    (rbp == SAVED_AT_RBP) != (deref && reg == RBP))
		return TM_ROW_NONE;
	if (reg == RBP)
		return tm_row_how(deref ? TM_ROW_RBP_DEREF : TM_ROW_RBP,
				  (int)(offset / 8), rbp);
	if (reg == RSP)
		return tm_row_how(deref ? TM_ROW_RSP_DEREF : TM_ROW_RSP,
				  (int)(offset / 8), rbp);
	return TM_ROW_NONE;
}

/* Where the caller's rbp is saved, in words below the CFA; false if in some
 * way that rows cannot say. libdw gives DW_OP_call_frame_cfa and an offset. */
static bool saved_rbp(Dwarf_Frame *frame, unsigned *ret)
{
	Dwarf_Op mem[3], *ops;
	size_t n;

	*ret = 0;
	if (dwarf_frame_register(frame, RBP, mem, &ops, &n) != 0)
		return false;
	if (n == 0)
		return true; /* the same value, or undefined */
	if (n == 2 && ops[0].atom == DW_OP_call_frame_cfa &&
	    ops[1].atom == DW_OP_plus_uconst &&
	    words(-(int64_t)ops[1].number, 1, SAVED_AT_RBP - 1)) {
		*ret = (unsigned)(-(int64_t)ops[1].number / 8);
		return true;
	}
	/* Realigned stacks: saved where rbp itself points, and the CFA is
	 * reached through memory (TM_ROW_RBP_DEREF). */
	*ret = SAVED_AT_RBP;
	return n == 1 && ops[0].atom == DW_OP_breg6 && (int64_t)ops[0].number == 0;
}

static bool returns_nowhere(Dwarf_Frame *frame)
{
	Dwarf_Op mem[3], *ops;
	size_t n;

	return dwarf_frame_register(frame, RIP, mem, &ops, &n) == 0 && n == 0 &&
	       ops == mem;
}

static uint32_t frame_how(Dwarf_Frame *frame, bool is_signal)
{
	Dwarf_Op *ops;
	size_t n;
	unsigned rbp;

	if (is_signal)
		return tm_row_how(TM_ROW_SIGNAL, 0, 0);
	if (returns_nowhere(frame))
		return tm_row_how(TM_ROW_END, 0, 0);
	if (dwarf_frame_cfa(frame, &ops, &n) != 0 || n == 0)
		return TM_ROW_NONE;
	if (is_plt(ops, n))
		return tm_row_how(TM_ROW_PLT, 0, 0);
	if (!saved_rbp(frame, &rbp))
		return TM_ROW_NONE;
	if (n == 2 && ops[1].atom == DW_OP_deref)
		return cfa_how(ops, 1, true, rbp);
	return cfa_how(ops, n, false, rbp);
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
		add_row(rows, lo, frame_how(frame, is_signal));
		free(frame);
		if (end <= lo)
			break;
		lo = end;
	}
	/* Behind it is a gap, unless the next function starts there. */
	add_row(rows, lo, TM_ROW_NONE);
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool is_usual_table(const Elf_Data *data)
{
	enum { PCREL_SDATA4 = 0x1b, UDATA4 = 0x03, DATAREL_SDATA4 = 0x3b };
	const char *head = data->d_buf;

	return head && data->d_size >= 12 &&
	       tm_load_u8(head, 1) == PCREL_SDATA4 && tm_load_u8(head, 2) == UDATA4 &&
	       tm_load_u8(head, 3) == DATAREL_SDATA4;
}

/* Not elf_rawfile(): behind its back, libelf forgets the sections it has read. */
static Elf_Data *find_table(Elf *elf, GElf_Phdr *ret_phdr)
{
	size_t nphdrs;

	if (elf_getphdrnum(elf, &nphdrs) != 0)
		return NULL;
	for (size_t i = 0; i < nphdrs; i++) {
		Elf_Data *data;

		if (gelf_getphdr(elf, (int)i, ret_phdr) &&
		    ret_phdr->p_type == PT_GNU_EH_FRAME &&
		    (data = elf_getdata_rawchunk(elf, (int64_t)ret_phdr->p_offset,
						 ret_phdr->p_filesz, ELF_T_BYTE)) &&
		    is_usual_table(data))
			return data;
	}
	return NULL;
}

/* Where functions with an FDE start: the sorted table of .eh_frame_hdr in its
 * usual encoding, pairs of 32-bit offsets from its own start. */
static uint64_t *function_starts(Elf *elf, size_t *ret_n)
{
	GElf_Phdr phdr;
	Elf_Data *data = find_table(elf, &phdr);
	uint64_t *starts;
	size_t n;

	*ret_n = 0;
	if (!data)
		return NULL;
	n = tm_load_u32(data->d_buf, 8);
	if (n > MAX_ROWS || n * 8 > data->d_size - 12)
		return NULL;
	starts = tm_reallocarray(NULL, n + 1, sizeof(*starts));
	for (size_t k = 0; k < n; k++)
		starts[k] = phdr.p_vaddr + (uint64_t)(int64_t)
			(int32_t)tm_load_u32(data->d_buf, 12 + k * 8);
	qsort(starts, n, sizeof(*starts), by_address);
	starts[n] = UINT64_MAX;
	*ret_n = n;
	return starts;
}

static void rows_of_elf(struct rows *rows, Elf *elf)
{
	size_t n;
	TM_GUARD(tm_free_ptr) uint64_t *starts = function_starts(elf, &n);
	Dwarf_CFI *cfi = n ? dwarf_getcfi_elf(elf) : NULL;

	for (size_t i = 0; cfi && i < n; i++)
		if (starts[i] <= UINT32_MAX)
			add_function(rows, cfi, starts[i], starts[i + 1]);
	if (cfi)
		dwarf_cfi_end(cfi);
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
		    strncmp(name, ".eh_frame", 9) != 0 ||
		    !(data = elf_rawdata(section, NULL)) || !data->d_buf)
			continue;
		ret->source = rows_checksum(ret->source ^ shdr.sh_addr, data->d_buf,
					    data->d_size);
		found++;
	}
	return found == 2; /* the table and what it refers to */
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
