#include "inject/functions.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "image/image_file.h"
#include "native/elf_file.h"

/*
 * The family. Allocators that a program carries with it have the same names after
 * a prefix, mimalloc and rpmalloc some of their own; where tcmalloc is malloc, its
 * "tc_" names are aliases. operator new and delete only matter in images that
 * define malloc as well: elsewhere they call malloc.
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
	{ "mi_zalloc", TM_HOOK_MALLOC, NULL },
	{ "mi_malloc_small", TM_HOOK_MALLOC, NULL },
	{ "mi_zalloc_small", TM_HOOK_MALLOC, NULL },
	{ "mi_malloc_aligned", TM_HOOK_MALLOC, NULL }, /* (size, alignment) */
	{ "mi_zalloc_aligned", TM_HOOK_MALLOC, NULL },
	{ "mi_calloc_aligned", TM_HOOK_CALLOC, NULL },
	{ "mi_realloc_aligned", TM_HOOK_REALLOC, NULL },
	{ "mi_rezalloc", TM_HOOK_REALLOC, NULL },
	{ "mi_mallocn", TM_HOOK_CALLOC, NULL },
	{ "mi_heap_malloc", TM_HOOK_ALIGNED, NULL }, /* (heap, size) */
	{ "mi_heap_zalloc", TM_HOOK_ALIGNED, NULL },
	{ "mi_free_size", TM_HOOK_FREE, NULL },
	{ "mi_free_aligned", TM_HOOK_FREE, NULL },
	{ "mi_free_size_aligned", TM_HOOK_FREE, NULL },
	{ "mi_new", TM_HOOK_NEW, "mi_new_nothrow" },
	{ "mi_new_nothrow", TM_HOOK_MALLOC, NULL },
	{ "rpmalloc", TM_HOOK_MALLOC, NULL },
	{ "rpcalloc", TM_HOOK_CALLOC, NULL },
	{ "rprealloc", TM_HOOK_REALLOC, NULL },
	{ "rpaligned_alloc", TM_HOOK_ALIGNED, NULL },
	{ "rpmemalign", TM_HOOK_ALIGNED, NULL },
	{ "rpposix_memalign", TM_HOOK_POSIX_MEMALIGN, NULL },
	{ "rpfree", TM_HOOK_FREE, NULL },
	{ "mmap", TM_HOOK_MMAP, NULL },
	{ "mmap64", TM_HOOK_MMAP, NULL },
	{ "munmap", TM_HOOK_MUNMAP, NULL },
	{ "mremap", TM_HOOK_MREMAP, NULL },
	{ "brk", TM_HOOK_BRK, NULL }, /* sbrk() calls it */
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

static const char *const prefixes[] = { "je_", "_rjem_", "mi_", "tc_" };

static size_t prefix_len(const char *name)
{
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return strlen(prefixes[i]);
	return 0;
}

static const struct family *relative(const char *name)
{
	/* Most names of a program fall here. */
	if (!strchr("_mcrfpavdsb", name[0]))
		return NULL;
	for (int i = 0; i < NFAMILY; i++)
		if (strcmp(family[i].name, name) == 0)
			return &family[i];
	return NULL;
}

static const struct family *member(const char *name)
{
	const struct family *found = relative(name);
	size_t prefix = found ? 0 : prefix_len(name);

	return prefix ? relative(name + prefix) : found;
}

/* Nobody calls something else so. */
static bool is_unmistakable(const char *name)
{
	return prefix_len(name) > 0 || strncmp(name, "rp", 2) == 0;
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

void tm_functions_add(struct tm_functions *functions, const struct tm_function *function)
{
	functions->items = tm_grow(functions->items, &functions->cap,
				   functions->n + 1, sizeof(*functions->items));
	functions->items[functions->n++] = *function;
}

/* ---- what is looked for ------------------------------------------------------- */

/* Which symbols of an image to take. */
struct search {
	struct tm_functions *functions;
	const struct tm_image *image;
	bool given; /* those that the user has named, else the family */
};

/* Is it the name that was given, up to ":N"? */
static bool is_given(const char *given, const char *name, bool *ret_second)
{
	size_t len = strcspn(given, ":");

	*ret_second = strcmp(given + len, ":2") == 0;
	return strlen(name) == len && memcmp(given, name, len) == 0;
}

static bool find_given(const struct tm_given *given, const char *name, struct family *ret)
{
	bool second;

	for (size_t i = 0; i < given->nallocs; i++)
		if (is_given(given->allocs[i], name, &second)) {
			*ret = (struct family){ given->allocs[i], second ? TM_HOOK_ALIGNED
								  : TM_HOOK_MALLOC, NULL };
			return true;
		}
	for (size_t i = 0; i < given->nfrees; i++)
		if (is_given(given->frees[i], name, &second)) {
			*ret = (struct family){ given->frees[i], TM_HOOK_FREE, NULL };
			return true;
		}
	return false;
}

static bool is_wanted(const struct search *search, const char *name, struct family *ret)
{
	const struct family *found;

	if (search->given)
		return find_given(&search->functions->given, name, ret);
	found = member(name);
	if (!found || (!search->functions->maps && !tm_recorder_allocates(found->kind)))
		return false;
	*ret = *found;
	return true;
}

/* Each name that was given may be an alias of what is known, or be given twice. */
static void mark_seen(struct tm_functions *functions, const char *name)
{
	const struct tm_given *given = &functions->given;
	bool second;

	for (size_t i = 0; i < given->nallocs; i++)
		functions->seen[i] |= is_given(given->allocs[i], name, &second);
	for (size_t i = 0; i < given->nfrees; i++)
		functions->seen[given->nallocs + i] |= is_given(given->frees[i], name, &second);
}

static void take(const struct search *search, const Elf64_Sym *sym, const char *name,
		 const struct family *found)
{
	struct tm_functions *functions = search->functions;
	tm_addr address = search->image->bias + sym->st_value;

	if (!tm_image_holds(search->image, address, PF_X))
		return;
	if (search->given)
		mark_seen(functions, name);
	if (known(functions, address))
		return;
	tm_functions_add(functions, &(struct tm_function){
		.name = found->name, .nothrow = found->nothrow,
		.kind = found->kind, .address = address, .size = sym->st_size,
		.module = search->image->whole.start, .given = search->given,
	});
}

static void take_dynsym(const struct search *search)
{
	const struct tm_image *image = search->image;

	for (size_t i = 0; i < image->ndynsym; i++) {
		const Elf64_Sym *sym = &image->dynsym[i];
		const char *name = image->dynstr + sym->st_name;
		struct family found;

		search->functions->glibc |= sym->st_name < image->dynstr_len &&
					    is_defined_function(sym) &&
					    strcmp(name, "gnu_get_libc_version") == 0;
		if (sym->st_name < image->dynstr_len && !is_local(sym) &&
		    is_defined_function(sym) && is_wanted(search, name, &found))
			take(search, sym, name, &found);
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

static bool may_be_taken(const struct search *search, Elf_Data *data,
			 const GElf_Sym *sym, const char *name)
{
	return is_defined_function(sym) &&
	       (!is_local(sym) || search->given || is_unmistakable(name) ||
		has_global_name(data, sym));
}

/* Every symbol of .symtab; false if there is none. */
static bool take_symtab(const struct search *search, Elf *elf)
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
			struct family found;

			any = true;
			if (name && is_wanted(search, name, &found) &&
			    may_be_taken(search, data, &sym, name))
				take(search, &sym, name, &found);
		}
	}
	return any;
}

/* Where packages put the symbols that they take out of programs. */
static bool take_debug_file(const struct search *search, pid_t pid, Elf *elf)
{
	const struct native_module module = {
		.path = (char *)(uintptr_t)search->image->path, .image = *search->image,
	};
	struct native_elf file;
	bool found = false;

	if (native_elf_open_debug(&module, pid, elf, &file) ||
	    native_elf_open_mini(elf, &file)) {
		found = take_symtab(search, file.elf);
		native_elf_close(&file);
	}
	return found;
}

static bool take_file(const struct search *search, const struct tm_process *process)
{
	TM_GUARD(tm_fd_close) int fd = tm_image_file_open(process->pid, search->image);
	Elf *elf;
	bool found;

	elf_version(EV_CURRENT);
	/* Read, not mapped: the file may be cut short while we look. */
	elf = fd >= 0 ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
	found = elf && (take_symtab(search, elf) ||
			take_debug_file(search, process->pid, elf));
	elf_end(elf);
	return found;
}

static bool has_malloc_from(const struct tm_functions *functions, size_t from)
{
	for (size_t i = from; i < functions->n; i++)
		if (tm_function_is_malloc(&functions->items[i]))
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
	struct search search = { functions, image, false };
	size_t from = functions->n, ngiven = functions->given.nallocs + functions->given.nfrees;

	functions->locks_memory |= tm_image_imports(image, "mlockall");
	take_dynsym(&search);
	if (is_program && !take_file(&search, process) && image->ndynsym == 0)
		functions->stripped_static = true;
	drop_lone_operators(functions, from);
	if (ngiven > 0) {
		search.given = true;
		if (!functions->seen)
			functions->seen = tm_calloc(ngiven, sizeof(*functions->seen));
		take_dynsym(&search);
		take_file(&search, process);
	}
}

const char *tm_functions_missed(const struct tm_functions *functions)
{
	const struct tm_given *given = &functions->given;

	for (size_t i = 0; i < given->nallocs + given->nfrees; i++)
		if (!functions->seen || !functions->seen[i])
			return i < given->nallocs ? given->allocs[i]
						  : given->frees[i - given->nallocs];
	return NULL;
}

void tm_functions_free(struct tm_functions *functions)
{
	free(functions->items);
	free(functions->seen);
	*functions = (struct tm_functions){ 0 };
}
