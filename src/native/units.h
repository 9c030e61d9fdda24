/*
 * The compilation units of one image's DWARF: which function, inlined calls
 * and source line an address belongs to. Private to src/native.
 *
 * A unit is indexed when it is first asked for: libdw's own look-ups are
 * linear in the size of the unit (dwarf_getscopes: milliseconds each). All
 * addresses are the image's own.
 */
#ifndef TM_NATIVE_UNITS_H
#define TM_NATIVE_UNITS_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "native/ranges.h"

/* A function, or a call that was inlined into the scope `parent`. */
struct native_scope {
	Dwarf_Die die;
	uint32_t parent;    /* NATIVE_NONE: a function of its own */
	uint32_t call_line; /* where it was called; 0 unknown */
	uint32_t call_file;
	bool named;         /* has `name` been looked up? */
	bool scoped;        /* the name includes namespace and class */
	const char *name;   /* demangled; NULL if it has none */
};

struct native_unit {
	Dwarf_Die die;
	bool indexed;
	struct native_scope *scopes;
	size_t nscopes;
	struct native_ranges index; /* of scopes */
	Dwarf_Lines *lines;
	size_t nlines;
	Dwarf_Files *files;
	size_t nfiles;
};

struct native_units {
	struct native_unit *units;
	size_t n;
	struct native_ranges index; /* of units */
	struct tm_arena *names;     /* borrowed */
	struct tm_map paths_of;     /* libdw's name -> index into paths */
	const char **paths;
	size_t npaths, cap_paths;
};

/* Find the units and their ranges. Names go to the arena. */
void native_units_init(struct native_units *units, Dwarf *dwarf,
		       struct tm_arena *names);
void native_units_deinit(struct native_units *units);

/* The unit around `at`, indexed; NULL if none. */
struct native_unit *native_units_find(struct native_units *units, uint64_t at);

/* The innermost scope around `at`, or NULL. */
struct native_scope *native_unit_scope(struct native_unit *unit, uint64_t at);
const char *native_scope_name(struct native_units *units,
			      struct native_scope *scope);

/*
 * The row of the line table that holds `at`: false if there is none. The file
 * name may be NULL. Names that were recorded relative to the directory of
 * compilation are completed with it, where it is absolute.
 */
bool native_unit_line(struct native_units *units, const struct native_unit *unit,
		      uint64_t at, const char **ret_file, uint32_t *ret_line);
/* The name of file number i of the unit; NULL if there is none. */
const char *native_unit_file(struct native_units *units,
			     const struct native_unit *unit, uint32_t i);

#endif
