#include "py/allocators.h"

#include <inttypes.h>
#include <string.h>

#include "base/guard.h"
#include "base/load.h"
#include "base/log.h"
#include "py/code.h"
#include "py/obmalloc.h"

enum { WORD = 8, TABLE_SIZE = (1 + PY_NFUNCTIONS) * WORD, MAX_TABLES = 8 };

static const char *const functions[PY_NDOMAINS][PY_NFUNCTIONS] = {
	{ "PyMem_RawMalloc", "PyMem_RawCalloc", "PyMem_RawRealloc", "PyMem_RawFree" },
	{ "PyMem_Malloc", "PyMem_Calloc", "PyMem_Realloc", "PyMem_Free" },
	{ "PyObject_Malloc", "PyObject_Calloc", "PyObject_Realloc", "PyObject_Free" },
};

struct finder {
	struct tm_mem *mem;
	const struct tm_maps *maps;
	const struct py_runtime *runtime;
	struct tm_image image;
};

static void finder_free(struct finder *finder)
{
	tm_image_free(&finder->image);
}

/* ---- where they are ----------------------------------------------------------- */

static bool refers_to(const struct tm_refers *refers, tm_addr at)
{
	for (size_t i = 0; i < refers->n; i++)
		if (refers->at[i] == at)
			return true;
	return false;
}

/* Where a table may be at all. */
static bool has_room(const struct finder *finder, tm_addr at)
{
	const struct py_runtime *runtime = finder->runtime;

	if (at % WORD != 0)
		return false;
	if (runtime->layout->root == PY_ROOT_PYRUNTIME)
		return at >= runtime->runtime && runtime->runtime_size >= TABLE_SIZE &&
		       at - runtime->runtime <= runtime->runtime_size - TABLE_SIZE;
	return tm_image_holds(&finder->image, at, PF_W) &&
	       tm_image_holds(&finder->image, at + TABLE_SIZE - 1, PF_W);
}

/* Those from which the function of this name takes its context and its own word, which
 * has this number. */
static size_t keep_common(const struct finder *finder, const char *name, unsigned number,
			  tm_addr *tables, size_t n)
{
	struct tm_refers refers;
	size_t kept = 0;

	if (!py_code_refers(finder->mem, &finder->image, name,
			    finder->runtime->runtime, &refers))
		return 0;
	for (size_t i = 0; i < n; i++)
		if (refers_to(&refers, tables[i]) &&
		    refers_to(&refers, tables[i] + (1 + number) * WORD))
			tables[kept++] = tables[i];
	return kept;
}

/* What malloc's function may have taken from a table: all pairs of a word and the
 * one after it. */
static size_t list_tables(const struct finder *finder, const char *name, tm_addr *ret)
{
	struct tm_refers refers;
	size_t n = 0;

	if (!py_code_refers(finder->mem, &finder->image, name,
			    finder->runtime->runtime, &refers))
		return 0;
	for (size_t i = 0; i < refers.n && n < MAX_TABLES; i++)
		if (has_room(finder, refers.at[i]) &&
		    refers_to(&refers, refers.at[i] + WORD))
			ret[n++] = refers.at[i];
	return n;
}

/* The tables that each of the four functions of a domain uses: its own, and that of a
 * domain whose four functions have been inlined there. */
static size_t list_domain(const struct finder *finder, enum py_domain domain,
			  tm_addr *ret)
{
	size_t n = list_tables(finder, functions[domain][PY_MALLOC], ret);

	for (unsigned i = PY_CALLOC; i < PY_NFUNCTIONS; i++)
		n = keep_common(finder, functions[domain][i], i, ret, n);
	return n;
}

static size_t without(tm_addr *tables, size_t n, tm_addr other)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (tables[i] != other)
			tables[kept++] = tables[i];
	return kept;
}

static bool not_found(const struct finder *finder, enum py_domain domain, size_t n,
		      struct tm_err *err)
{
	return tm_err_set(err, TM_ERR_UNSUPPORTED, finder->image.path,
			  "unknown build: %zu tables look like the allocators of %s, "
			  "expected one", n, functions[domain][PY_MALLOC]);
}

/* raw first, which the others may have inlined, then obj. */
static bool find_tables(const struct finder *finder, struct py_allocators *ret,
			struct tm_err *err)
{
	static const enum py_domain order[] = { PY_DOMAIN_RAW, PY_DOMAIN_OBJ,
						PY_DOMAIN_MEM };

	for (size_t i = 0; i < PY_NDOMAINS; i++) {
		tm_addr tables[MAX_TABLES];
		size_t n = list_domain(finder, order[i], tables);

		for (size_t k = 0; k < i; k++)
			n = without(tables, n, ret->domains[order[k]].at);
		if (n != 1)
			return not_found(finder, order[i], n, err);
		ret->domains[order[i]].at = tables[0];
	}
	return true;
}

/* ---- what they hold ------------------------------------------------------------ */

static bool read_table(const struct finder *finder, struct py_allocator *ret,
		       struct tm_err *err)
{
	unsigned char bytes[TABLE_SIZE];

	if (!tm_mem_read(finder->mem, ret->at, bytes, sizeof(bytes), err))
		return false;
	ret->ctx = tm_load_u64(bytes, 0);
	for (size_t i = 0; i < PY_NFUNCTIONS; i++)
		ret->functions[i] = tm_load_u64(bytes, (1 + i) * WORD);
	return true;
}

/* Each function word leads to code. */
static bool check_table(const struct finder *finder, const struct py_allocator *table,
			struct tm_err *err)
{
	for (size_t i = 0; i < PY_NFUNCTIONS; i++) {
		const struct tm_region *region =
			tm_maps_find(finder->maps, table->functions[i]);

		if (!region || !region->executable)
			return tm_err_set(err, TM_ERR_UNSUPPORTED, finder->image.path,
					  "unknown build: what should be a table of allocators "
					  "at 0x%" PRIx64 " holds 0x%" PRIx64
					  ", where there is no code", table->at,
					  table->functions[i]);
	}
	return true;
}

/* ---- who that is ----------------------------------------------------------------- */

/* An image with functions that the tables call and CPython does not have. */
static bool has_others(const struct finder *finder, const struct py_allocators *all,
		       const char **ret)
{
	const struct py_runtime *runtime = finder->runtime;
	const struct tm_region *own = tm_maps_find(finder->maps, runtime->tracemalloc);

	for (size_t i = 0; i < PY_NDOMAINS * PY_NFUNCTIONS; i++) {
		tm_addr at = all->domains[i / PY_NFUNCTIONS].functions[i % PY_NFUNCTIONS];
		const struct tm_region *region = tm_maps_find(finder->maps, at);

		if (tm_image_holds(&finder->image, at, PF_X) ||
		    (own && strcmp(own->path, region->path) == 0))
			continue;
		*ret = region->path[0] ? region->path : NULL;
		return true;
	}
	return false;
}

static bool same_functions(const struct py_allocator *a, const struct py_allocator *b)
{
	return memcmp(a->functions, b->functions, sizeof(a->functions)) == 0;
}

/* struct { char api_id; PyMemAllocatorEx alloc; } of obmalloc.c is what the debug
 * hooks have as their context. */
static bool is_debug(const struct finder *finder, const struct py_allocators *all)
{
	static const char ids[PY_NDOMAINS] = { 'r', 'm', 'o' };

	for (size_t i = 0; i < PY_NDOMAINS; i++) {
		tm_addr ctx = all->domains[i].ctx;
		char id;

		if (!ctx || tm_mem_read_some(finder->mem, ctx, &id, 1) != 1 ||
		    id != ids[i])
			return false;
	}
	return same_functions(&all->domains[PY_DOMAIN_MEM], &all->domains[PY_DOMAIN_OBJ]);
}

/* Where tracemalloc will keep a table, and has kept none yet. */
static bool is_unused(const struct py_allocator *table)
{
	static const struct py_allocator unused;

	return same_functions(table, &unused);
}

/* A context that the functions do not look at: control/contexts.h has prepared it for
 * tracemalloc, which is not on, and may never have been. */
static bool is_idle(const struct finder *finder, enum py_domain domain,
		    const struct py_allocator *table)
{
	struct py_allocator below = { .at = table->ctx };
	struct tm_err err;

	return below.at && read_table(finder, &below, &err) &&
	       (same_functions(table, &below) ||
		(below.at == py_allocators_replaced(finder->runtime, domain) &&
		 is_unused(&below)));
}

/* tracemalloc has as its context the allocator that it has replaced. */
static bool is_tracemalloc(const struct finder *finder, const struct py_allocators *all)
{
	struct tm_err err;

	for (size_t i = 0; i < PY_NDOMAINS; i++) {
		struct py_allocator below = { .at = all->domains[i].ctx };

		if (!below.at || !read_table(finder, &below, &err) ||
		    !check_table(finder, &below, &err))
			return false;
	}
	return true;
}

/* pymalloc has its arenas somewhere: functions of the program that holds CPython
 * and its own allocator have none. */
static enum py_allocators_kind kind_without_context(const struct finder *finder,
						    const struct py_allocators *all)
{
	const struct py_allocator *raw = &all->domains[PY_DOMAIN_RAW];
	const struct py_allocator *own = &all->domains[PY_DOMAIN_OBJ];
	struct py_obmalloc arenas;

	if (!same_functions(&all->domains[PY_DOMAIN_MEM], own))
		return PY_ALLOCATORS_MIMALLOC;
	if (same_functions(raw, own))
		return PY_ALLOCATORS_MALLOC;
	return py_obmalloc_find(finder->mem, finder->maps, finder->runtime, &arenas)
		? PY_ALLOCATORS_PYMALLOC : PY_ALLOCATORS_OTHERS;
}

static enum py_allocators_kind kind_of(const struct finder *finder,
				       struct py_allocators *all)
{
	bool context = false;

	for (enum py_domain i = 0; i < PY_NDOMAINS; i++)
		context |= all->domains[i].ctx && !is_idle(finder, i, &all->domains[i]);
	if (has_others(finder, all, &all->others))
		return PY_ALLOCATORS_OTHERS;
	if (!context)
		return kind_without_context(finder, all);
	if (is_debug(finder, all))
		return PY_ALLOCATORS_DEBUG;
	return is_tracemalloc(finder, all) ? PY_ALLOCATORS_TRACEMALLOC
					   : PY_ALLOCATORS_OTHERS;
}

bool py_allocators_find(struct tm_mem *mem, const struct tm_maps *maps,
			const struct py_runtime *runtime,
			struct py_allocators *ret, struct tm_err *err)
{
	TM_GUARD(finder_free) struct finder finder = { mem, maps, runtime, { 0 } };
	struct py_allocators all = { 0 };

	if (!py_runtime_image(mem, maps, runtime, runtime->image, &finder.image, err) ||
	    !find_tables(&finder, &all, err))
		return false;
	for (size_t i = 0; i < PY_NDOMAINS; i++)
		if (!read_table(&finder, &all.domains[i], err) ||
		    !check_table(&finder, &all.domains[i], err))
			return false;
	all.kind = kind_of(&finder, &all);
	tm_log("allocators at 0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 ": %s",
	       all.domains[PY_DOMAIN_RAW].at, all.domains[PY_DOMAIN_MEM].at,
	       all.domains[PY_DOMAIN_OBJ].at, py_allocators_name(all.kind));
	*ret = all;
	return true;
}

tm_addr py_allocators_replaced(const struct py_runtime *runtime, enum py_domain domain)
{
	enum { TRACING_AT = 4, FIRST_AT = 16 };
	static const unsigned char order[PY_NDOMAINS] = {
		[PY_DOMAIN_MEM] = 0, [PY_DOMAIN_RAW] = 1, [PY_DOMAIN_OBJ] = 2,
	};

	if (runtime->hexversion < 0x030c0000)
		return 0;
	return runtime->roots.tracing - TRACING_AT + FIRST_AT + order[domain] * TABLE_SIZE;
}

const char *py_allocators_name(enum py_allocators_kind kind)
{
	static const char *const names[] = {
		[PY_ALLOCATORS_PYMALLOC] = "pymalloc",
		[PY_ALLOCATORS_MALLOC] = "malloc",
		[PY_ALLOCATORS_MIMALLOC] = "mimalloc",
		[PY_ALLOCATORS_DEBUG] = "the debug hooks of CPython",
		[PY_ALLOCATORS_TRACEMALLOC] = "tracemalloc",
		[PY_ALLOCATORS_OTHERS] = "functions that are not CPython's",
	};

	return names[kind];
}
