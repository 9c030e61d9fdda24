#include "native/units.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/search.h"
#include "native/demangle.h"

/* Deeper nesting is taken for damage. */
enum { MAX_DEPTH = 128 };

struct walk {
	struct native_unit *unit;
	size_t cap_scopes;
	struct native_range *ranges;
	size_t nranges, cap_ranges;
};

static void add_range(struct walk *walk, uint64_t lo, uint64_t hi, uint32_t id)
{
	walk->ranges = tm_grow(walk->ranges, &walk->cap_ranges,
			       walk->nranges + 1, sizeof(*walk->ranges));
	walk->ranges[walk->nranges++] = (struct native_range){ lo, hi, id };
}

/* Returns how many ranges the die has. Code that the linker threw away is
 * left in DWARF with addresses near 0 or at the very end. */
static size_t add_ranges(struct walk *walk, Dwarf_Die *die, uint32_t id)
{
	Dwarf_Addr base, lo, hi;
	ptrdiff_t at = 0;
	size_t n = 0;

	while ((at = dwarf_ranges(die, at, &base, &lo, &hi)) > 0) {
		if (lo <= 1 || lo >= hi || lo >= UINT64_MAX - 1)
			continue;
		add_range(walk, lo, hi, id);
		n++;
	}
	return n;
}

static uint32_t number(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	if (!dwarf_attr(die, name, &attr) || dwarf_formudata(&attr, &value) != 0)
		return 0;
	return value > UINT32_MAX ? 0 : (uint32_t)value;
}

/* Returns the new scope's id, or NATIVE_NONE if the die has no code. */
static uint32_t add_scope(struct walk *walk, Dwarf_Die *die, uint32_t parent)
{
	struct native_unit *unit = walk->unit;
	uint32_t id = (uint32_t)unit->nscopes;
	struct native_scope *scope;

	if (id == NATIVE_NONE - 1 || add_ranges(walk, die, id) == 0)
		return NATIVE_NONE;
	unit->scopes = tm_grow(unit->scopes, &walk->cap_scopes, id + 1u,
			       sizeof(*unit->scopes));
	scope = &unit->scopes[unit->nscopes++];
	*scope = (struct native_scope){ .die = *die, .parent = parent };
	if (parent != NATIVE_NONE) {
		scope->call_line = number(die, DW_AT_call_line);
		scope->call_file = number(die, DW_AT_call_file);
	}
	return id;
}

static void walk_children(struct walk *walk, Dwarf_Die *die, uint32_t parent,
			  unsigned depth);

static void walk_die(struct walk *walk, Dwarf_Die *die, uint32_t parent,
		     unsigned depth)
{
	uint32_t id;

	switch (dwarf_tag(die)) {
	case DW_TAG_subprogram:
		/* An abstract instance has no code itself, but a class in it
		 * (a lambda's) may have functions with code. */
		id = add_scope(walk, die, NATIVE_NONE);
		walk_children(walk, die, id, depth);
		break;
	case DW_TAG_inlined_subroutine:
		id = parent == NATIVE_NONE ? NATIVE_NONE
					   : add_scope(walk, die, parent);
		walk_children(walk, die, id == NATIVE_NONE ? parent : id, depth);
		break;
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
	case DW_TAG_common_block:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_interface_type:
		walk_children(walk, die, parent, depth);
		break;
	default:
		break;
	}
}

static void walk_children(struct walk *walk, Dwarf_Die *die, uint32_t parent,
			  unsigned depth)
{
	Dwarf_Die child;
	Dwarf_Off last = dwarf_dieoffset(die);

	if (depth == MAX_DEPTH || dwarf_child(die, &child) != 0)
		return;
	do {
		/* Siblings that lead backwards would make us walk for ever. */
		if (dwarf_dieoffset(&child) <= last)
			return;
		last = dwarf_dieoffset(&child);
		walk_die(walk, &child, parent, depth + 1);
	} while (dwarf_siblingof(&child, &child) == 0);
}

static void index_unit(struct native_unit *unit)
{
	struct walk walk = { .unit = unit };

	unit->indexed = true;
	walk_children(&walk, &unit->die, NATIVE_NONE, 0);
	native_ranges_build(walk.ranges, walk.nranges, &unit->index);
	free(walk.ranges);
	if (dwarf_getsrclines(&unit->die, &unit->lines, &unit->nlines) != 0)
		unit->nlines = 0;
	if (dwarf_getsrcfiles(&unit->die, &unit->files, &unit->nfiles) != 0)
		unit->nfiles = 0;
}

/* The die with the content: a skeleton only names another file. */
static bool unit_die(uint8_t type, Dwarf_Die *die, const Dwarf_Die *split)
{
	if (type == DW_UT_skeleton && split->addr)
		*die = *split;
	return type == DW_UT_compile || type == DW_UT_skeleton ||
	       type == DW_UT_partial;
}

void native_units_init(struct native_units *units, Dwarf *dwarf,
		       struct tm_arena *names)
{
	struct walk walk = { 0 };
	Dwarf_CU *cu = NULL;
	Dwarf_Die die, split;
	uint8_t type;
	size_t cap = 0;

	*units = (struct native_units){ .names = names };
	while (dwarf_get_units(dwarf, cu, &cu, NULL, &type, &die, &split) == 0) {
		/* The skeleton has the ranges. */
		Dwarf_Die outer = die;

		if (!unit_die(type, &die, &split) ||
		    add_ranges(&walk, &outer, (uint32_t)units->n) == 0)
			continue;
		units->units = tm_grow(units->units, &cap, units->n + 1,
				       sizeof(*units->units));
		units->units[units->n++] = (struct native_unit){ .die = die };
	}
	native_ranges_build(walk.ranges, walk.nranges, &units->index);
	free(walk.ranges);
}

void native_units_deinit(struct native_units *units)
{
	for (size_t i = 0; i < units->n; i++) {
		free(units->units[i].scopes);
		native_ranges_free(&units->units[i].index);
	}
	free(units->units);
	native_ranges_free(&units->index);
	tm_map_free(&units->paths_of);
	free(units->paths);
	*units = (struct native_units){ 0 };
}

struct native_unit *native_units_find(struct native_units *units, uint64_t at)
{
	uint32_t i = native_ranges_find(&units->index, at);

	if (i == NATIVE_NONE || i >= units->n)
		return NULL;
	if (!units->units[i].indexed)
		index_unit(&units->units[i]);
	return &units->units[i];
}

struct native_scope *native_unit_scope(struct native_unit *unit, uint64_t at)
{
	uint32_t i = native_ranges_find(&unit->index, at);

	return i == NATIVE_NONE ? NULL : &unit->scopes[i];
}

static const char *string(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attr;

	return dwarf_formstring(dwarf_attr_integrate(die, name, &attr));
}

const char *native_scope_name(struct native_units *units,
			      struct native_scope *scope)
{
	const char *name;

	if (scope->named)
		return scope->name;
	name = string(&scope->die, DW_AT_linkage_name);
	if (!name)
		name = string(&scope->die, DW_AT_MIPS_linkage_name);
	scope->scoped = name != NULL;
	if (!name)
		name = string(&scope->die, DW_AT_name);
	scope->name = name ? native_demangle(units->names, name) : NULL;
	scope->named = true;
	return scope->name;
}

/* Take out "." and "x/..", in place: compilers record many of them. */
static void normalise(char *path)
{
	char *out = path;

	for (const char *at = path; *at; ) {
		size_t len = strcspn(at + 1, "/") + 1; /* with the slash before */

		if (len == 3 && at[1] == '.' && at[2] == '.') {
			while (out > path && *--out != '/')
				continue;
		} else if (len > 1 && !(len == 2 && at[1] == '.')) {
			memmove(out, at, len);
			out += len;
		}
		at += len;
	}
	*out = '\0';
}

static const char *absolute(struct native_units *units,
			    const struct native_unit *unit, const char *name)
{
	Dwarf_Die die = unit->die;
	const char *dir = string(&die, DW_AT_comp_dir);
	struct tm_buf path = { 0 };
	const char *kept;

	if (name[0] != '/' && (!dir || dir[0] != '/'))
		return name;
	tm_buf_addf(&path, "%s%s%s", name[0] == '/' ? "" : dir,
		    name[0] == '/' ? "" : "/", name);
	normalise(path.data);
	kept = tm_arena_bytes(units->names, path.data, strlen(path.data) + 1);
	tm_buf_free(&path);
	return kept;
}

/* `name` is libdw's: it stays where it is, so that its address is the key. */
static const char *full_path(struct native_units *units,
			     const struct native_unit *unit, const char *name)
{
	uint32_t *slot;

	if (!name)
		return NULL;
	slot = tm_map_put(&units->paths_of, (uintptr_t)name);
	if (*slot == TM_MAP_NONE) {
		*slot = (uint32_t)units->npaths;
		units->paths = tm_grow(units->paths, &units->cap_paths,
				       units->npaths + 1, sizeof(*units->paths));
		units->paths[units->npaths++] = absolute(units, unit, name);
	}
	return units->paths[*slot];
}

static uint64_t line_address(const struct native_unit *unit, size_t i)
{
	Dwarf_Addr at = 0;

	dwarf_lineaddr(dwarf_onesrcline(unit->lines, i), &at);
	return at;
}

bool native_unit_line(struct native_units *units, const struct native_unit *unit,
		      uint64_t at, const char **ret_file, uint32_t *ret_line)
{
	size_t lo = TM_LOWER_BOUND(unit->nlines, i, line_address(unit, i) <= at);
	Dwarf_Line *line;
	bool ends = true;
	int lineno = 0;

	if (lo == 0)
		return false;
	line = dwarf_onesrcline(unit->lines, lo - 1);
	if (dwarf_lineendsequence(line, &ends) != 0 || ends ||
	    dwarf_lineno(line, &lineno) != 0 || lineno < 0)
		return false;
	*ret_file = full_path(units, unit, dwarf_linesrc(line, NULL, NULL));
	*ret_line = (uint32_t)lineno;
	return true;
}

const char *native_unit_file(struct native_units *units,
			     const struct native_unit *unit, uint32_t i)
{
	if (i >= unit->nfiles)
		return NULL;
	return full_path(units, unit, dwarf_filesrc(unit->files, i, NULL, NULL));
}
