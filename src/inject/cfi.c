#include "inject/cfi.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/load.h"
#include "image/elf_section.h"
#include "native/eh_table.h"

static void add(struct cfi *cfi, uint64_t start, Dwarf_CFI *where)
{
	if (cfi->n == CFI_MAX || start > UINT32_MAX)
		return;
	cfi->functions = tm_grow(cfi->functions, &cfi->cap, cfi->n + 1,
				 sizeof(*cfi->functions));
	cfi->functions[cfi->n++] = (struct cfi_function){ start, where };
}

/* ---- .eh_frame ----------------------------------------------------------------- */

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

/* By the sorted table of .eh_frame_hdr in its usual encoding: pairs of 32-bit
 * offsets from its own start. */
static void add_by_table(struct cfi *cfi, Elf *elf)
{
	GElf_Phdr phdr;
	Elf_Data *data = find_table(elf, &phdr);
	size_t n = data ? tm_load_u32(data->d_buf, 8) : 0;

	if (n > CFI_MAX || (data && n * 8 > data->d_size - 12))
		return;
	for (size_t k = 0; k < n; k++)
		add(cfi, phdr.p_vaddr + (uint64_t)(int64_t)
		    (int32_t)tm_load_u32(data->d_buf, 12 + k * 8), cfi->eh);
}

/* Linkers make no table in static programs, and may be told not to. */
static void add_by_section(struct cfi *cfi, Elf *elf)
{
	struct native_eh_table table;

	native_eh_table_build(elf, 0, &table);
	for (size_t i = 0; i < table.n; i++)
		add(cfi, table.base + (uint64_t)(int64_t)table.entries[i].start, cfi->eh);
	native_eh_table_free(&table);
}

/* ---- .debug_frame -------------------------------------------------------------- */

/* libdw unpacks what is compressed: all of the debug information, so it is asked
 * only where there is such a section. */
static Elf_Data *open_debug_frame(struct cfi *cfi, Elf *elf, Dwarf_CFI **ret)
{
	GElf_Shdr shdr;
	Elf_Scn *section = tm_elf_section(elf, ".debug_frame", &shdr);

	cfi->dwarf = section ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
	*ret = cfi->dwarf ? dwarf_getcfi(cfi->dwarf) : NULL;
	return *ret ? elf_getdata(section, NULL) : NULL;
}

static void add_debug_frame(struct cfi *cfi, Elf *elf)
{
	const unsigned char *ident = (const unsigned char *)elf_getident(elf, NULL);
	Dwarf_CFI *where;
	Elf_Data *data = open_debug_frame(cfi, elf, &where);
	Dwarf_Off at = 0, next = 0;
	Dwarf_CFI_Entry entry;

	for (; data && ident && at < data->d_size; at = next) {
		int status = dwarf_next_cfi(ident, data, false, at, &next, &entry);

		if (status > 0 || next <= at)
			break;
		if (status == 0 && !dwarf_cfi_cie_p(&entry) &&
		    entry.fde.end - entry.fde.start >= 8 && tm_load_u64(entry.fde.start, 0))
			add(cfi, tm_load_u64(entry.fde.start, 0), where);
	}
}

/* ---- both ---------------------------------------------------------------------- */

static int by_start(const void *left, const void *right)
{
	const struct cfi_function *a = left, *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

/* One of each start: .eh_frame's, if it has one. */
static void sort(struct cfi *cfi)
{
	size_t kept = 0;

	if (cfi->n > 0)
		qsort(cfi->functions, cfi->n, sizeof(*cfi->functions), by_start);
	for (size_t i = 0; i < cfi->n; i++) {
		if (kept == 0 || cfi->functions[kept - 1].start != cfi->functions[i].start)
			cfi->functions[kept++] = cfi->functions[i];
		else if (cfi->functions[i].cfi == cfi->eh)
			cfi->functions[kept - 1].cfi = cfi->eh;
	}
	cfi->n = kept;
}

void cfi_open(Elf *elf, Elf *debug, struct cfi *ret)
{
	*ret = (struct cfi){ .eh = dwarf_getcfi_elf(elf) };
	if (ret->eh)
		add_by_table(ret, elf);
	if (ret->eh && ret->n == 0)
		add_by_section(ret, elf);
	add_debug_frame(ret, debug ? debug : elf);
	sort(ret);
}

void cfi_close(struct cfi *cfi)
{
	free(cfi->functions);
	if (cfi->eh)
		dwarf_cfi_end(cfi->eh);
	dwarf_end(cfi->dwarf);
	*cfi = (struct cfi){ 0 };
}
