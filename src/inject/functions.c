#include "inject/functions.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "image/image_file.h"

/*
 * The family. Allocators under a prefix (a program that carries jemalloc with
 * it) have the same names behind "je_"; tcmalloc's "tc_" names are aliases.
 * operator new and delete only matter in images that define malloc as well:
 * elsewhere they call malloc.
 */
static const struct family {
	const char *name;
	enum tm_recorder_kind kind;
	const char *nothrow;
} family[] = {
	{ "malloc", TM_HOOK_MALLOC, NULL },
	{ "calloc", TM_HOOK_CALLOC, NULL },
	{ "realloc", TM_HOOK_REALLOC, NULL },
	{ "reallocarray", TM_HOOK_REALLOCARRAY, NULL },
	{ "free", TM_HOOK_FREE, NULL },
	{ "cfree", TM_HOOK_FREE, NULL },
	{ "free_sized", TM_HOOK_FREE, NULL },
	{ "free_aligned_sized", TM_HOOK_FREE, NULL },
	{ "posix_memalign", TM_HOOK_POSIX_MEMALIGN, NULL },
	{ "aligned_alloc", TM_HOOK_ALIGNED, NULL },
	{ "memalign", TM_HOOK_ALIGNED, NULL },
	{ "valloc", TM_HOOK_MALLOC, NULL },
	{ "pvalloc", TM_HOOK_MALLOC, NULL },
	{ "mallocx", TM_HOOK_MALLOC, NULL },
	{ "rallocx", TM_HOOK_REALLOC, NULL },
	{ "dallocx", TM_HOOK_FREE, NULL },
	{ "sdallocx", TM_HOOK_FREE, NULL },
	{ "_Znwm", TM_HOOK_NEW, "_ZnwmRKSt9nothrow_t" },
	{ "_Znam", TM_HOOK_NEW, "_ZnamRKSt9nothrow_t" },
	{ "_ZnwmSt11align_val_t", TM_HOOK_NEW, "_ZnwmSt11align_val_tRKSt9nothrow_t" },
	{ "_ZnamSt11align_val_t", TM_HOOK_NEW, "_ZnamSt11align_val_tRKSt9nothrow_t" },
	{ "_ZnwmRKSt9nothrow_t", TM_HOOK_MALLOC, NULL },
	{ "_ZnamRKSt9nothrow_t", TM_HOOK_MALLOC, NULL },
	{ "_ZnwmSt11align_val_tRKSt9nothrow_t", TM_HOOK_MALLOC, NULL },
	{ "_ZnamSt11align_val_tRKSt9nothrow_t", TM_HOOK_MALLOC, NULL },
	{ "_ZdlPv", TM_HOOK_FREE, NULL },
	{ "_ZdaPv", TM_HOOK_FREE, NULL },
	{ "_ZdlPvm", TM_HOOK_FREE, NULL },
	{ "_ZdaPvm", TM_HOOK_FREE, NULL },
	{ "_ZdlPvRKSt9nothrow_t", TM_HOOK_FREE, NULL },
	{ "_ZdaPvRKSt9nothrow_t", TM_HOOK_FREE, NULL },
	{ "_ZdlPvSt11align_val_t", TM_HOOK_FREE, NULL },
	{ "_ZdaPvSt11align_val_t", TM_HOOK_FREE, NULL },
	{ "_ZdlPvmSt11align_val_t", TM_HOOK_FREE, NULL },
	{ "_ZdaPvmSt11align_val_t", TM_HOOK_FREE, NULL },
	{ "_ZdlPvSt11align_val_tRKSt9nothrow_t", TM_HOOK_FREE, NULL },
	{ "_ZdaPvSt11align_val_tRKSt9nothrow_t", TM_HOOK_FREE, NULL },
};

enum { NFAMILY = sizeof(family) / sizeof(family[0]) };

static const struct family *member(const char *name)
{
	if (strncmp(name, "je_", 3) == 0)
		name += 3;
	/* Most names of a program fall here. */
	if (!strchr("_mcrfpavds", name[0]))
		return NULL;
	for (int i = 0; i < NFAMILY; i++)
		if (strcmp(family[i].name, name) == 0)
			return &family[i];
	return NULL;
}

static bool known(const struct tm_functions *functions, tm_addr address)
{
	for (size_t i = 0; i < functions->n; i++)
		if (functions->items[i].address == address)
			return true;
	return false;
}

static bool is_defined_function(const Elf64_Sym *sym)
{
	/* An undefined one may have a value all the same: the PLT's. */
	return ELF64_ST_TYPE(sym->st_info) == STT_FUNC && sym->st_shndx != SHN_UNDEF;
}

static bool is_local(const Elf64_Sym *sym)
{
	return ELF64_ST_BIND(sym->st_info) == STB_LOCAL;
}

static void take(struct tm_functions *functions, const struct tm_image *image,
		 const Elf64_Sym *sym, const struct family *found)
{
	tm_addr address = image->bias + sym->st_value;

	if (known(functions, address) || !tm_image_holds(image, address, PF_X))
		return;
	functions->items = tm_grow(functions->items, &functions->cap,
				   functions->n + 1, sizeof(*functions->items));
	functions->items[functions->n++] = (struct tm_function){
		.name = found->name, .nothrow = found->nothrow,
		.kind = found->kind, .address = address,
		.size = sym->st_size, .module = image->whole.start,
	};
}

static void take_dynsym(struct tm_functions *functions, const struct tm_image *image)
{
	for (size_t i = 0; i < image->ndynsym; i++) {
		const Elf64_Sym *sym = &image->dynsym[i];
		const struct family *found;

		if (sym->st_name < image->dynstr_len && is_defined_function(sym) &&
		    !is_local(sym) && (found = member(image->dynstr + sym->st_name)))
			take(functions, image, sym, found);
	}
}

/*
 * A local symbol is some function that happens to have the name, unless it has
 * a global one, too: ld makes hidden symbols local in a position independent
 * program, and malloc is hidden in a static glibc (beside __malloc).
 */
static bool has_global_name(Elf_Data *data, const GElf_Sym *local)
{
	GElf_Sym sym;

	for (int i = 0; gelf_getsym(data, i, &sym); i++)
		if (sym.st_value == local->st_value && is_defined_function(&sym) &&
		    !is_local(&sym))
			return true;
	return false;
}

/* Every symbol of .symtab; false if there is none. */
static bool take_symtab(struct tm_functions *functions,
			const struct tm_image *image, Elf *elf)
{
	Elf_Scn *section = NULL;
	bool any = false;

	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr shdr;
		Elf_Data *data;
		GElf_Sym sym;

		if (!gelf_getshdr(section, &shdr) || shdr.sh_type != SHT_SYMTAB ||
		    !(data = elf_getdata(section, NULL)))
			continue;
		for (int i = 0; gelf_getsym(data, i, &sym); i++) {
			const char *name = elf_strptr(elf, shdr.sh_link, sym.st_name);
			const struct family *found = name ? member(name) : NULL;

			any = true;
			if (found && is_defined_function(&sym) &&
			    (!is_local(&sym) || has_global_name(data, &sym)))
				take(functions, image, &sym, found);
		}
	}
	return any;
}

static bool take_file(struct tm_functions *functions,
		      const struct tm_process *process, const struct tm_image *image)
{
	TM_GUARD(tm_fd_close) int fd = tm_image_file_open(process->pid, image);
	Elf *elf;
	bool found;

	elf_version(EV_CURRENT);
	/* Read, not mapped: the file may be cut short while we look. */
	elf = fd >= 0 ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
	found = elf && take_symtab(functions, image, elf);
	elf_end(elf);
	return found;
}

static bool has_malloc_from(const struct tm_functions *functions, size_t from)
{
	for (size_t i = from; i < functions->n; i++)
		if (strcmp(functions->items[i].name, "malloc") == 0)
			return true;
	return false;
}

bool tm_functions_have_malloc(const struct tm_functions *functions)
{
	return has_malloc_from(functions, 0);
}

/* Keep operator new and delete only beside a malloc of the same image. */
static void drop_lone_operators(struct tm_functions *functions, size_t from)
{
	bool has_malloc = has_malloc_from(functions, from);
	size_t kept = from;

	for (size_t i = from; i < functions->n; i++)
		if (has_malloc || strncmp(functions->items[i].name, "_Z", 2) != 0)
			functions->items[kept++] = functions->items[i];
	functions->n = kept;
}

void tm_functions_of_image(const struct tm_process *process,
			   const struct tm_image *image, bool is_program,
			   struct tm_functions *functions)
{
	size_t from = functions->n;

	take_dynsym(functions, image);
	if (is_program && !take_file(functions, process, image) &&
	    image->ndynsym == 0)
		functions->stripped_static = true;
	drop_lone_operators(functions, from);
}

void tm_functions_free(struct tm_functions *functions)
{
	free(functions->items);
	*functions = (struct tm_functions){ 0 };
}
