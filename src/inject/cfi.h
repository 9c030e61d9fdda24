/*
 * The call frame information of an ELF file: .eh_frame, by its search table or
 * without, and .debug_frame for what .eh_frame leaves out.
 */
#ifndef TM_INJECT_CFI_H
#define TM_INJECT_CFI_H

#include <elfutils/libdw.h>
#include <stddef.h>
#include <stdint.h>

enum { CFI_MAX = 4 << 20 }; /* functions of one file */

struct cfi_function {
	uint64_t start;
	Dwarf_CFI *cfi; /* where it is described */
};

struct cfi {
	struct cfi_function *functions; /* ascending, one of each start */
	size_t n, cap;
	Dwarf_CFI *eh;
	Dwarf *dwarf;
};

/* `debug` is the separate file that has its .debug_frame (NULL: it has it itself). Both must
 * outlive it. Without any CFI there are no functions. */
void cfi_open(Elf *elf, Elf *debug, struct cfi *ret);
void cfi_close(struct cfi *cfi);

#endif
