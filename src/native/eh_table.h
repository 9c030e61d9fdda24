/*
 * A search table for images that have .eh_frame but no .eh_frame_hdr (static
 * programs: the linker is not asked for one).
 */
#ifndef TM_NATIVE_EH_TABLE_H
#define TM_NATIVE_EH_TABLE_H

#include <libelf.h>
#include <stdint.h>

#include "mem/mem.h"

/* As in .eh_frame_hdr: offsets from `base`, sorted by start. */
struct native_eh_entry {
	int32_t start; /* of the function */
	int32_t fde;
};

struct native_eh_table {
	tm_addr base;  /* where .eh_frame is in the target */
	struct native_eh_entry *entries;
	size_t n;
};

/* From the section of the image's file; an empty table if there is none. */
void native_eh_table_build(Elf *elf, uint64_t bias, struct native_eh_table *ret);
void native_eh_table_free(struct native_eh_table *table);

#endif
