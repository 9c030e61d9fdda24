/* Sections of ELF files by name. */
#ifndef TM_IMAGE_ELF_SECTION_H
#define TM_IMAGE_ELF_SECTION_H

#include <gelf.h>

/* The first section of this name that has bytes in the file, and its header. NULL: there
 * is none, or the file is damaged. */
Elf_Scn *tm_elf_section(Elf *elf, const char *name, GElf_Shdr *ret);

#endif
