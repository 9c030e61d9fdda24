#include "native/eh_table.h"

#include <elfutils/libdw.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/load.h"
#include "image/elf_section.h"

/* DW_EH_PE_*: how a function's start is written. */
enum { PE_ABSPTR = 0x00, PE_UDATA4 = 0x03, PE_SDATA4 = 0x0b, PE_PCREL = 0x10 };

struct section {
	const unsigned char *bytes;
	size_t len;
	uint64_t addr; /* in the image */
};

static bool find_section(Elf *elf, struct section *ret)
{
	GElf_Shdr shdr;
	Elf_Scn *scn = tm_elf_section(elf, ".eh_frame", &shdr);
	Elf_Data *data = scn ? elf_rawdata(scn, NULL) : NULL;

	if (!data || !data->d_buf)
		return false;
	*ret = (struct section){ data->d_buf, data->d_size, shdr.sh_addr };
	return true;
}

/* The encoding of pointers in the FDEs of a CIE: its 'R' augmentation. */
static int encoding_of(const struct section *section, uint64_t cie,
		       const unsigned char *ident)
{
	Dwarf_CFI_Entry entry;
	Dwarf_Off next;
	Elf_Data data = {
		.d_buf = (void *)(uintptr_t)section->bytes,
		.d_size = section->len, .d_type = ELF_T_BYTE,
		.d_version = EV_CURRENT,
	};
	const uint8_t *at, *end;

	if (dwarf_next_cfi(ident, &data, true, cie, &next, &entry) != 0 ||
	    !dwarf_cfi_cie_p(&entry) || entry.cie.augmentation[0] != 'z')
		return PE_ABSPTR;
	at = entry.cie.augmentation_data;
	end = at + entry.cie.augmentation_data_size;
	for (const char *a = entry.cie.augmentation + 1; *a && at < end; a++) {
		if (*a == 'R')
			return *at;
		if (*a == 'L')
			at++;
		else if (*a == 'P') /* an encoding and a pointer of that size */
			at += 1 + ((*at & 7) == 3 ? 4 : 8);
	}
	return PE_ABSPTR;
}

static bool start_of(const struct section *section, const Dwarf_FDE *fde,
		     int encoding, uint64_t *ret)
{
	size_t off = (size_t)(fde->start - section->bytes);
	size_t left = (size_t)(fde->end - fde->start);
	uint64_t value;

	switch (encoding & 0x0f) {
	case PE_ABSPTR:
		if (left < 8)
			return false;
		value = tm_load_u64(fde->start, 0);
		break;
	case PE_UDATA4:
		if (left < 4)
			return false;
		value = tm_load_u32(fde->start, 0);
		break;
	case PE_SDATA4:
		if (left < 4)
			return false;
		value = (uint64_t)(int64_t)(int32_t)tm_load_u32(fde->start, 0);
		break;
	default:
		return false;
	}
	if ((encoding & 0x70) == PE_PCREL)
		value += section->addr + off;
	else if (encoding & 0x70)
		return false;
	*ret = value;
	return value != 0;
}

static int compare(const void *left, const void *right)
{
	const struct native_eh_entry *a = left, *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

static void add(struct native_eh_table *table, size_t *cap, int64_t start,
		uint64_t fde)
{
	if (start < INT32_MIN || start > INT32_MAX || fde > INT32_MAX)
		return;
	table->entries = tm_grow(table->entries, cap, table->n + 1,
				 sizeof(*table->entries));
	table->entries[table->n++] = (struct native_eh_entry){
		(int32_t)start, (int32_t)fde,
	};
}

void native_eh_table_build(Elf *elf, uint64_t bias, struct native_eh_table *ret)
{
	const unsigned char *ident = (unsigned char *)elf_getident(elf, NULL);
	struct section section = { 0 };
	Elf_Data data = { .d_type = ELF_T_BYTE, .d_version = EV_CURRENT };
	Dwarf_Off at = 0, next = 0, last_cie = UINT64_MAX;
	Dwarf_CFI_Entry entry;
	int encoding = PE_ABSPTR;
	size_t cap = 0;

	*ret = (struct native_eh_table){ 0 };
	if (!ident || !find_section(elf, &section))
		return;
	ret->base = bias + section.addr;
	data.d_buf = (void *)(uintptr_t)section.bytes;
	data.d_size = section.len;
	for (; at < section.len; at = next) {
		uint64_t start;
		int status = dwarf_next_cfi(ident, &data, true, at, &next, &entry);

		if (status > 0 || next <= at)
			break;
		if (status < 0 || dwarf_cfi_cie_p(&entry))
			continue;
		if (entry.fde.CIE_pointer != last_cie) {
			last_cie = entry.fde.CIE_pointer;
			encoding = encoding_of(&section, last_cie, ident);
		}
		if (start_of(&section, &entry.fde, encoding, &start))
			add(ret, &cap, (int64_t)(start - section.addr), at);
	}
	if (ret->n > 0)
		qsort(ret->entries, ret->n, sizeof(*ret->entries), compare);
}

void native_eh_table_free(struct native_eh_table *table)
{
	free(table->entries);
	*table = (struct native_eh_table){ 0 };
}
