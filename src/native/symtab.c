#include "native/symtab.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Global before weak before local, then names that are not internal aliases. */
static uint8_t rank_of(const Elf64_Sym *sym, const char *name)
{
	static const uint8_t binding[] = {
		[STB_GLOBAL] = 0, [STB_WEAK] = 4, [STB_LOCAL] = 8,
	};
	unsigned bind = ELF64_ST_BIND(sym->st_info);
	uint8_t rank = bind < sizeof(binding) ? binding[bind] : 0;

	/* An alias like __libc_malloc of malloc; mangled names are not aliases. */
	if (name[0] == '_' && name[1] != 'Z' && name[1] != 'R')
		rank += name[1] == '_' ? 2 : 1;
	return rank;
}

/*
 * Among exported symbols alone, one without a size says nothing about where it
 * ends: the functions after it may not be exported.
 */
static bool is_function(const Elf64_Sym *sym, bool exported_only)
{
	unsigned type = ELF64_ST_TYPE(sym->st_info);

	if (exported_only && !sym->st_size)
		return false;
	return sym->st_shndx != SHN_UNDEF && sym->st_shndx != SHN_ABS &&
	       (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE);
}

/* "memcpy@@GLIBC_2.14" is memcpy. */
static const char *without_version(struct native_symtab *symtab,
				   const char *name)
{
	const char *version = strchr(name + 1, '@');
	char *copy;

	if (!version)
		return name;
	copy = tm_arena_bytes(&symtab->names, name, (size_t)(version - name) + 1);
	copy[version - name] = '\0';
	return copy;
}

static void append(struct native_symtab *symtab, const Elf64_Sym *sym,
		   uint64_t limit, const char *name)
{
	uint64_t size = sym->st_size;

	if (sym->st_value >= limit)
		return;
	if (size > limit - sym->st_value)
		size = limit - sym->st_value;
	symtab->symbols = tm_grow(symtab->symbols, &symtab->cap, symtab->n + 1,
				  sizeof(*symtab->symbols));
	symtab->symbols[symtab->n++] = (struct native_symbol){
		.value = sym->st_value,
		.size = size,
		.limit = limit,
		.name = name,
		.rank = rank_of(sym, name),
	};
}

void native_symtab_add(struct native_symtab *symtab, const Elf64_Sym *sym,
		       uint64_t limit, const char *name)
{
	if (is_function(sym, true) && name[0])
		append(symtab, sym, limit,
		       tm_arena_bytes(&symtab->names, name, strlen(name) + 1));
}

/* Ends of the executable sections by index; 0 for the others. */
static uint64_t *code_limits(Elf *elf, size_t *ret_n)
{
	uint64_t *limits;
	size_t n = 0;

	if (elf_getshdrnum(elf, &n) != 0)
		n = 0;
	limits = tm_calloc(n, sizeof(*limits));
	for (size_t i = 0; i < n; i++) {
		GElf_Shdr shdr;

		if (gelf_getshdr(elf_getscn(elf, i), &shdr) &&
		    (shdr.sh_flags & SHF_ALLOC) &&
		    (shdr.sh_flags & SHF_EXECINSTR))
			limits[i] = shdr.sh_addr + shdr.sh_size;
	}
	*ret_n = n;
	return limits;
}

static void add_section(struct native_symtab *symtab, Elf *elf, Elf_Scn *scn,
			const GElf_Shdr *shdr, const uint64_t *limits, size_t n)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t count = data ? data->d_size / sizeof(Elf64_Sym) : 0;

	if (shdr->sh_entsize != sizeof(Elf64_Sym) || gelf_getclass(elf) != ELFCLASS64)
		return;
	for (size_t i = 0; i < count; i++) {
		GElf_Sym sym;
		const char *name;

		if (!gelf_getsym(data, (int)i, &sym) ||
		    !is_function(&sym, shdr->sh_type == SHT_DYNSYM) ||
		    sym.st_shndx >= n || !limits[sym.st_shndx])
			continue;
		name = elf_strptr(elf, shdr->sh_link, sym.st_name);
		if (name && name[0])
			append(symtab, &sym, limits[sym.st_shndx],
			       without_version(symtab, name));
	}
}

void native_symtab_add_elf(struct native_symtab *symtab, Elf *elf)
{
	size_t n;
	uint64_t *limits = code_limits(elf, &n);
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr shdr;

		if (gelf_getshdr(scn, &shdr) &&
		    (shdr.sh_type == SHT_SYMTAB || shdr.sh_type == SHT_DYNSYM))
			add_section(symtab, elf, scn, &shdr, limits, n);
	}
	free(limits);
}

static int compare(const void *left, const void *right)
{
	const struct native_symbol *a = left, *b = right;

	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	/* A symbol without size says less than one with. */
	if (!a->size != !b->size)
		return a->size ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* The best of all symbols at one address. */
static void keep_best(struct native_symtab *symtab)
{
	size_t kept = 0;

	for (size_t i = 0; i < symtab->n; i++)
		if (kept == 0 ||
		    symtab->symbols[kept - 1].value != symtab->symbols[i].value)
			symtab->symbols[kept++] = symtab->symbols[i];
	symtab->n = kept;
}

void native_symtab_finish(struct native_symtab *symtab)
{
	struct native_range *ranges;
	uint64_t covered = 0; /* by a symbol with a size */

	if (symtab->n == 0)
		return;
	qsort(symtab->symbols, symtab->n, sizeof(*symtab->symbols), compare);
	keep_best(symtab);
	ranges = tm_reallocarray(NULL, symtab->n, sizeof(*ranges));
	for (size_t i = 0; i < symtab->n; i++) {
		struct native_symbol *symbol = &symtab->symbols[i];
		uint64_t end = symbol->value + symbol->size;

		/* Without a size, and inside another function: a mere label. */
		if (!symbol->size && symbol->value < covered)
			end = symbol->value;
		else if (!symbol->size)
			end = i + 1 < symtab->n && symbol[1].value < symbol->limit
				? symbol[1].value : symbol->limit;
		else if (end > covered)
			covered = end;
		ranges[i] = (struct native_range){ symbol->value, end, (uint32_t)i };
	}
	native_ranges_build(ranges, symtab->n, &symtab->index);
	free(ranges);
}

void native_symtab_free(struct native_symtab *symtab)
{
	free(symtab->symbols);
	native_ranges_free(&symtab->index);
	tm_arena_free(&symtab->names);
	*symtab = (struct native_symtab){ 0 };
}

const struct native_symbol *native_symtab_find(const struct native_symtab *symtab,
					       uint64_t at)
{
	uint32_t i = native_ranges_find(&symtab->index, at);

	return i == NATIVE_NONE ? NULL : &symtab->symbols[i];
}
