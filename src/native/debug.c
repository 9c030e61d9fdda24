#include "native/debug.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "native/demangle.h"
#include "native/go_table.h"

struct place {
	const struct tm_code_frame *frames; /* in the arena */
	size_t n;
};

struct native_debug {
	struct native_elf main, mini, separate, alt;
	Dwarf *dwarf, *alt_dwarf;
	struct tm_arena strings;
	struct native_symtab symtab;
	struct native_units units;
	struct native_go_table go; /* of main */
	struct tm_map found;    /* address -> index into places */
	struct place *places;
	size_t nplaces, cap_places;
};

/* Stacks deeper than this come from damaged DWARF. */
enum { MAX_INLINES = 256 };

static void close_dwarf(struct native_debug *debug)
{
	native_units_deinit(&debug->units);
	dwarf_end(debug->dwarf);
	dwarf_end(debug->alt_dwarf);
	debug->dwarf = debug->alt_dwarf = NULL;
	native_elf_close(&debug->alt);
}

static void open_dwarf(struct native_debug *debug, struct native_elf *file,
		       pid_t pid)
{
	if (!file->elf)
		return;
	debug->dwarf = dwarf_begin_elf(file->elf, DWARF_C_READ, NULL);
	if (!debug->dwarf)
		return;
	if (native_elf_open_alt(file, pid, &debug->alt))
		debug->alt_dwarf = dwarf_begin_elf(debug->alt.elf, DWARF_C_READ,
						   NULL);
	if (debug->alt_dwarf)
		dwarf_setalt(debug->dwarf, debug->alt_dwarf);
	native_units_init(&debug->units, debug->dwarf, &debug->strings);
	if (debug->units.n == 0)
		close_dwarf(debug);
}

/* No file: only what the loader has in memory remains. */
static void add_memory_symbols(struct native_debug *debug,
			       const struct tm_image *image)
{
	for (size_t i = 0; i < image->ndynsym; i++) {
		const Elf64_Sym *sym = &image->dynsym[i];
		tm_addr at = image->bias + sym->st_value;

		if (sym->st_name >= image->dynstr_len)
			continue;
		for (size_t s = 0; s < image->nsegments; s++)
			if (tm_range_has(image->segments[s], at) &&
			    (image->flags[s] & PF_X))
				native_symtab_add(&debug->symtab, sym,
						  image->segments[s].end - image->bias,
						  image->dynstr + sym->st_name);
	}
}

static void add_symbols(struct native_debug *debug,
			const struct native_module *module)
{
	if (debug->main.elf)
		native_symtab_add_elf(&debug->symtab, debug->main.elf);
	else
		add_memory_symbols(debug, &module->image);
	if (debug->mini.elf)
		native_symtab_add_elf(&debug->symtab, debug->mini.elf);
	if (debug->separate.elf)
		native_symtab_add_elf(&debug->symtab, debug->separate.elf);
	native_symtab_finish(&debug->symtab);
}

struct native_debug *native_debug_create(const struct native_module *module,
					 pid_t pid, struct tm_mem *mem,
					 unsigned via)
{
	struct native_debug *debug = tm_calloc(1, sizeof(*debug));

	debug->main.fd = debug->mini.fd = debug->separate.fd = debug->alt.fd = -1;
	if (native_elf_open_module(module, pid, mem, via, &debug->main)) {
		native_elf_open_mini(debug->main.elf, &debug->mini);
		open_dwarf(debug, &debug->main, pid);
		native_go_table_of(debug->main.elf, &debug->go);
	}
	if (!debug->dwarf &&
	    native_elf_open_debug(module, pid, debug->main.elf, &debug->separate))
		open_dwarf(debug, &debug->separate, pid);
	add_symbols(debug, module);
	return debug;
}

void native_debug_destroy(struct native_debug *debug)
{
	if (!debug)
		return;
	native_symtab_free(&debug->symtab);
	close_dwarf(debug);
	native_elf_close(&debug->main);
	native_elf_close(&debug->mini);
	native_elf_close(&debug->separate);
	tm_arena_free(&debug->strings);
	tm_map_free(&debug->found);
	free(debug->places);
	free(debug);
}

/* Innermost first, while the call chain is followed outwards. */
struct chain {
	struct tm_code_frame frames[MAX_INLINES];
	size_t n;
	const struct native_scope *outer; /* NULL: not known from DWARF */
};

static void from_dwarf(struct native_debug *debug, struct native_unit *unit,
		       uint64_t at, struct chain *ret)
{
	struct native_scope *scope = native_unit_scope(unit, at);
	const char *file = NULL;
	uint32_t line = 0;

	native_unit_line(&debug->units, unit, at, &file, &line);
	if (!scope)
		ret->frames[ret->n++] = (struct tm_code_frame){
			.filename = file, .lineno = line,
		};
	while (scope && ret->n < MAX_INLINES) {
		bool inlined = scope->parent != NATIVE_NONE;

		ret->outer = scope;
		ret->frames[ret->n++] = (struct tm_code_frame){
			.function = native_scope_name(&debug->units, scope),
			.filename = file,
			.lineno = line,
			.inlined = inlined,
		};
		file = native_unit_file(&debug->units, unit, scope->call_file);
		line = scope->call_line;
		scope = inlined ? &unit->scopes[scope->parent] : NULL;
	}
}

static const char *symbol_name(struct native_debug *debug, uint64_t at)
{
	const struct native_symbol *symbol = native_symtab_find(&debug->symtab, at);

	return symbol ? native_demangle(&debug->strings, symbol->name) : NULL;
}

/* Functions that are local to a file have no linker name in gcc's DWARF, but
 * their symbol has one: "_ZN4shopL4workEv.constprop.0" is shop::work(). */
static const char *better_name(struct native_debug *debug, uint64_t at)
{
	const struct native_symbol *symbol = native_symtab_find(&debug->symtab, at);
	const char *name, *plain;
	char *cut;

	if (!symbol || strncmp(symbol->name, "_Z", 2) != 0)
		return NULL;
	cut = tm_strdup(symbol->name);
	cut[strcspn(cut, ".")] = '\0';
	name = native_demangle(&debug->strings, cut);
	plain = name == cut ? NULL : name;
	free(cut);
	return plain;
}

static void name_outer(struct native_debug *debug, uint64_t at,
		       const struct native_scope *scope,
		       struct tm_code_frame *outer)
{
	const char *name = NULL;

	if (!outer->function)
		name = symbol_name(debug, at);
	else if (!scope->scoped)
		name = better_name(debug, at);
	if (name)
		outer->function = name;
}

/* What a stripped program says of itself. */
static void from_go(const struct native_debug *debug, uint64_t at, struct tm_code_frame *frame)
{
	struct native_go_place place;

	if (!native_go_table_find(&debug->go, at, &place))
		return;
	if (!frame->function)
		frame->function = place.function;
	if (!frame->filename && place.filename && place.lineno) {
		frame->filename = place.filename;
		frame->lineno = place.lineno;
	}
}

static void resolve(struct native_debug *debug, uint64_t at, struct place *ret)
{
	struct chain chain;
	struct native_unit *unit = native_units_find(&debug->units, at);
	struct tm_code_frame *frames, *outer;

	chain.n = 0;
	chain.outer = NULL;
	if (unit)
		from_dwarf(debug, unit, at, &chain);
	else
		chain.frames[chain.n++] = (struct tm_code_frame){ 0 };
	outer = &chain.frames[chain.n - 1];
	if (!outer->inlined)
		name_outer(debug, at, chain.outer, outer);
	if (chain.n == 1)
		from_go(debug, at, outer);
	frames = tm_arena_alloc(&debug->strings, chain.n * sizeof(*frames));
	for (size_t i = 0; i < chain.n; i++)
		frames[i] = chain.frames[chain.n - 1 - i];
	*ret = (struct place){ frames, chain.n };
}

const struct tm_code_frame *native_debug_frames(struct native_debug *debug,
						uint64_t at, size_t *ret_n)
{
	uint32_t *slot = tm_map_put(&debug->found, at);
	uint32_t i = *slot;

	if (i == TM_MAP_NONE) {
		i = *slot = (uint32_t)debug->nplaces;
		debug->places = tm_grow(debug->places, &debug->cap_places,
					debug->nplaces + 1, sizeof(*debug->places));
		resolve(debug, at, &debug->places[debug->nplaces++]);
	}
	*ret_n = debug->places[i].n;
	return debug->places[i].frames;
}
