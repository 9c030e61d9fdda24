#include "inject/functions.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "image/image_file.h"
#include "inject/family.h"
#include "native/elf_file.h"

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
	bool of_cxx; /* found: C++'s own library is in it */
};

/* Is it the name that was given, up to ":N"? */
static bool is_given(const char *given, const char *name, bool *ret_second)
{
	size_t len = strcspn(given, ":");

	*ret_second = strcmp(given + len, ":2") == 0;
	return strlen(name) == len && memcmp(given, name, len) == 0;
}

static bool find_given(const struct tm_given *given, const char *name, struct inject_family *ret)
{
	bool second;

	for (size_t i = 0; i < given->nallocs; i++)
		if (is_given(given->allocs[i], name, &second)) {
			*ret = (struct inject_family){ given->allocs[i], second ? TM_HOOK_ALIGNED
								  : TM_HOOK_MALLOC, NULL };
			return true;
		}
	for (size_t i = 0; i < given->nfrees; i++)
		if (is_given(given->frees[i], name, &second)) {
			*ret = (struct inject_family){ given->frees[i], TM_HOOK_FREE, NULL };
			return true;
		}
	return false;
}

static bool is_wanted(const struct search *search, const char *name, struct inject_family *ret)
{
	const struct inject_family *found;

	if (search->given)
		return find_given(&search->functions->given, name, ret);
	found = inject_family_of(name);
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
		 const struct inject_family *found)
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

/* Rust has C++'s unwinder, too. A static C library has it for other purposes. */
static bool tells_exceptions(const char *name, bool is_defined)
{
	return name[0] == '_' && (strcmp(name, "__cxa_throw") == 0 ||
				  (!is_defined && strcmp(name, "_Unwind_RaiseException") == 0));
}

/* What comes with its operator new. */
static bool is_of_cxx(const char *name)
{
	return strcmp(name, "_ZSt15get_new_handlerv") == 0;
}

static void take_dynsym(struct search *search)
{
	const struct tm_image *image = search->image;

	for (size_t i = 0; i < image->ndynsym; i++) {
		const Elf64_Sym *sym = &image->dynsym[i];
		const char *name = image->dynstr + sym->st_name;
		struct inject_family found;

		if (sym->st_name >= image->dynstr_len)
			continue;
		search->functions->glibc |= is_defined_function(sym) &&
					    strcmp(name, "gnu_get_libc_version") == 0;
		search->functions->exceptions |= tells_exceptions(name, is_defined_function(sym));
		search->of_cxx |= is_defined_function(sym) && is_of_cxx(name);
		if (!is_local(sym) && is_defined_function(sym) &&
		    is_wanted(search, name, &found))
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
	       (!is_local(sym) || search->given || inject_is_unmistakable(name) ||
		has_global_name(data, sym));
}

/* Every symbol of .symtab; false if there is none. */
static bool take_symtab(struct search *search, Elf *elf)
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
			char whole[INJECT_NAME_LEN];
			struct inject_family found;

			any = true;
			search->functions->exceptions |= name && tells_exceptions(name, true);
			search->of_cxx |= name && is_defined_function(&sym) && is_of_cxx(name);
			name = name ? inject_whole_name(name, whole) : NULL;
			if (name && is_wanted(search, name, &found) &&
			    may_be_taken(search, data, &sym, name))
				take(search, &sym, name, &found);
		}
	}
	return any;
}

/* Where packages put the symbols that they take out of programs. */
static bool take_debug_file(struct search *search, pid_t pid, Elf *elf)
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

static bool take_file(struct search *search, const struct tm_process *process)
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

/* operator new and delete of C++'s own library call malloc: that is enough. */
static void drop_usual_operators(struct tm_functions *functions, size_t from, bool usual)
{
	bool has_malloc = has_malloc_from(functions, from);
	size_t kept = from;

	for (size_t i = from; i < functions->n; i++)
		if (has_malloc || !usual || strncmp(functions->items[i].name, "_Z", 2) != 0)
			functions->items[kept++] = functions->items[i];
	functions->n = kept;
}

void tm_functions_of_image(const struct tm_process *process,
			   const struct tm_image *image, bool is_program,
			   struct tm_functions *functions)
{
	struct search search = { .functions = functions, .image = image };
	size_t from = functions->n, ngiven = functions->given.nallocs + functions->given.nfrees;

	functions->locks_memory |= tm_image_imports(image, "mlockall");
	take_dynsym(&search);
	if (is_program && !take_file(&search, process) && image->ndynsym == 0)
		functions->stripped_static = true;
	drop_usual_operators(functions, from, search.of_cxx);
	if (ngiven > 0) {
		search.given = true;
		if (!functions->seen)
			functions->seen = tm_calloc(ngiven, sizeof(*functions->seen));
		take_dynsym(&search);
		take_file(&search, process);
	}
}

/* new's and new[]'s are often one function, which is known by one of its names. */
static bool is_variant(const char *name, const char *wanted, bool exactly)
{
	return exactly ? strcmp(name, wanted) == 0
		       : strncmp(name, "_Zn", 3) == 0 && strlen(name) > 4 &&
				 strcmp(name + 4, wanted + 4) == 0;
}

const struct tm_function *tm_function_variant(const struct tm_function *functions, size_t n,
					      const struct tm_function *function)
{
	for (int exactly = 1; function->nothrow && exactly >= 0; exactly--)
		for (size_t i = 0; i < n; i++)
			if (is_variant(functions[i].name, function->nothrow, exactly))
				return &functions[i];
	return NULL;
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
