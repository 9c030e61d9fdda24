/*
 * Function symbols of one image, from all its symbol tables, sorted once.
 * Values are the image's own (before the load bias). Private to src/native.
 */
#ifndef TM_NATIVE_SYMTAB_H
#define TM_NATIVE_SYMTAB_H

#include <elf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "native/ranges.h"

struct native_symbol {
	uint64_t value, size; /* size 0: until the next symbol or the limit */
	uint64_t limit;       /* end of the section or segment it is in */
	const char *name;     /* without a version suffix */
	uint8_t rank;         /* which of several aliases is shown: the lowest */
};

struct native_symtab {
	struct native_symbol *symbols; /* by value, best alias first */
	size_t n, cap;
	struct native_ranges index;
	struct tm_arena names;
};

/* .symtab, and the exported symbols that have a size, of a file. Names are
 * borrowed from `elf`. */
void native_symtab_add_elf(struct native_symtab *symtab, Elf *elf);
/* One more exported symbol; the name is copied. For tables read from memory. */
void native_symtab_add(struct native_symtab *symtab, const Elf64_Sym *sym,
		       uint64_t limit, const char *name);
/* After the last add, once. */
void native_symtab_finish(struct native_symtab *symtab);
void native_symtab_free(struct native_symtab *symtab);

/*
 * The function around `at`, or NULL: a symbol's size is respected, one without
 * a size reaches to the next symbol or the end of its section.
 */
const struct native_symbol *native_symtab_find(const struct native_symtab *symtab,
					       uint64_t at);

#endif
