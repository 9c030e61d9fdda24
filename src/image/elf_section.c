#include "image/elf_section.h"

#include <string.h>

Elf_Scn *tm_elf_section(Elf *elf, const char *name, GElf_Shdr *ret)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) != 0)
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		const char *its;

		if (!gelf_getshdr(section, ret) || ret->sh_type == SHT_NOBITS)
			continue;
		its = elf_strptr(elf, names, ret->sh_name);
		if (its && strcmp(its, name) == 0)
			return section;
	}
	return NULL;
}
