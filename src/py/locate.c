#include "py/locate.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "base/log.h"
#include "mem/paged.h"
#include "py/code.h"

enum { SCAN_LIMIT = 64 << 20 };

/* Only the traces table has these two functions and destroys its values;
 * a trace-refs build's table of objects has the functions, too. */
static bool is_traces(const struct py_runtime *runtime,
		      const struct py_table *table)
{
	if (table->hash_func != runtime->hash_ptr ||
	    table->compare_func != runtime->compare_direct) {
		/* 3.7, 3.8: own functions once the domain is in the key. */
		return runtime->layout->traces == PY_TRACES_INLINE &&
		       table->key_size == 12 && table->data_size == 16;
	}
	if (runtime->layout->traces == PY_TRACES_INLINE)
		return table->key_size == 8 && table->data_size == 16;
	return table->key_destroy == 0 && table->value_destroy != 0;
}

/* Tables are on the heap: a pointer into the image itself is not one (static
 * types, frozen modules: there are thousands). */
static bool points_to_traces(struct tm_mem *mem, const struct tm_maps *maps,
			     const struct py_runtime *runtime,
			     struct tm_range image, tm_addr at)
{
	const struct tm_region *region;
	struct py_table table;
	struct tm_err err;

	if (at % 8 != 0 || at - image.start < image.end - image.start)
		return false;
	region = tm_maps_find(maps, at);
	return region && region->readable && region->writable &&
	       py_table_read(mem, runtime->layout, at, &table, &err) &&
	       is_traces(runtime, &table);
}

/* Slots that point to a traces table. */
struct slots {
	tm_addr expected; /* the one that code tells of; 0: none is known */
	tm_addr found;    /* that one if it is among them, else the last */
	size_t n;
};

/*
 * Add those in [start, end). What a program has given back may look like a table, too, and
 * something may still point there: the one that its code tells of is right, whatever others
 * there are.
 */
static void scan(struct tm_mem *mem, const struct tm_maps *maps,
		 const struct py_runtime *runtime, const struct tm_image *image,
		 struct tm_range range, struct slots *ret)
{
	size_t len = (size_t)(range.end - range.start);
	TM_GUARD(tm_free_ptr) char *bytes = NULL;
	/* What they point to lies close together. */
	TM_GUARD(tm_mem_guard) struct tm_mem *paged = tm_mem_paged(mem, 256);

	if (len > SCAN_LIMIT)
		return;
	bytes = tm_malloc(len);
	len = tm_mem_read_some(mem, range.start, bytes, len);
	for (size_t at = -range.start & 7; at + 8 <= len; at += 8)
		if (points_to_traces(paged, maps, runtime, image->whole,
				     tm_load_u64(bytes, at))) {
			if (!ret->n++ || ret->found != ret->expected)
				ret->found = range.start + at;
		}
}

static bool are_ambiguous(const struct slots *slots)
{
	return slots->n > 1 && slots->found != slots->expected;
}

/* This function reads the flag before anything else. */
static const char untrack[] = "PyTraceMalloc_Untrack";

static bool disagree(const struct tm_image *image, const char *what,
		     tm_addr one, tm_addr other, struct tm_err *err)
{
	return tm_err_set(err, TM_ERR_UNSUPPORTED, image->path,
			  "unknown layout: structure and code disagree on %s (0x%"
			  PRIx64 ", 0x%" PRIx64 ")", what, one, other);
}

static bool too_many(const struct tm_image *image, size_t hits,
		     struct tm_err *err)
{
	return tm_err_set(err, TM_ERR_UNSUPPORTED, image->path,
			  "unknown layout: %zu tables look like tracemalloc's traces",
			  hits);
}

/* ---- 3.12 and later: a struct in _PyRuntime ------------------------------ */

static void roots_from_state(const struct py_state_layout *state, tm_addr at,
			     struct py_roots *ret)
{
	*ret = (struct py_roots){
		.initialized = at + state->initialized,
		.tracing = at + state->tracing,
		.max_nframe = at + state->max_nframe,
		.lock = at + state->lock,
		.traced = at + state->traced,
		.peak = at + state->peak,
		.filenames = at + state->filenames,
		.tracebacks = at + state->tracebacks,
		.traces = at + state->traces,
		.domains = at + state->domains,
	};
}

static bool check_table(struct tm_mem *mem, const struct py_runtime *runtime,
			tm_addr slot, const char *name, struct tm_err *err)
{
	struct py_table table;
	tm_addr at;

	if (!tm_mem_u64(mem, slot, &at, err))
		return false;
	if (py_table_read(mem, runtime->layout, at, &table, err))
		return true;
	return tm_err_set(err, TM_ERR_UNSUPPORTED, runtime->name,
			  "unknown layout: its %s table is not where it should be", name);
}

static bool locate_in_runtime(struct tm_mem *mem, const struct tm_maps *maps,
			      const struct tm_image *image,
			      struct py_runtime *runtime, struct tm_err *err)
{
	const struct py_state_layout *state = &runtime->layout->state;
	struct tm_range range = { runtime->runtime,
				  runtime->runtime + runtime->runtime_size };
	const struct py_variable what = { range, runtime->runtime, sizeof(uint32_t) };
	tm_addr flag = py_code_first_read(mem, image, untrack, &what);
	struct slots slots = {
		.expected = flag ? flag - state->tracing + state->traces : 0,
	};
	tm_addr found;

	scan(mem, maps, runtime, image, range, &slots);
	found = slots.n ? slots.found - state->traces : flag - state->tracing;
	tm_log("traces slot 0x%" PRIx64 " (%zu hits), tracing flag 0x%" PRIx64
	       " by code", slots.found, slots.n, flag);
	if (are_ambiguous(&slots))
		return too_many(image, slots.n, err);
	if (slots.n && py_code_denies(mem, image, untrack, &what,
					found + state->tracing))
		return disagree(image, "the tracing flag", found + state->tracing,
				flag, err);
	if (!slots.n && !flag)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, runtime->name,
				  "unknown layout: tracemalloc's state was not found");
	roots_from_state(state, found, &runtime->roots);
	/* Without tables (never imported) there is nothing more to check. */
	return !slots.n ||
	       (check_table(mem, runtime, runtime->roots.domains, "domains", err) &&
		check_table(mem, runtime, runtime->roots.tracebacks, "tracebacks", err) &&
		check_table(mem, runtime, runtime->roots.filenames, "filenames", err));
}

/* ---- until 3.11: variables of _tracemalloc.c ------------------------------ */

/* The first int that the code reads: it has no name in the image. */
static tm_addr flag_from_code(struct tm_mem *mem, const struct tm_image *image)
{
	struct py_variable what = { .size = sizeof(uint32_t) };
	tm_addr flag = 0;

	for (size_t i = 0; i < image->nsegments && !flag; i++) {
		what.within = image->segments[i];
		if (image->flags[i] & PF_W)
			flag = py_code_first_read(mem, image, untrack, &what);
	}
	return flag;
}

static bool check_config(struct tm_mem *mem, const struct tm_image *image,
			 const struct tm_symbol *config, tm_addr flag,
			 struct tm_err *err)
{
	const struct py_variable what = {
		{ config->address, config->address + config->size },
		config->address, sizeof(uint32_t),
	};

	if (!py_code_denies(mem, image, untrack, &what, flag))
		return true;
	return disagree(image, "the tracing flag", flag,
			py_code_first_read(mem, image, untrack, &what), err);
}

/* The struct {initialized, tracing, max_nframe, ...}, exported from 3.8 on. */
static bool find_config(struct tm_mem *mem, const struct tm_image *image,
			tm_addr *ret, struct tm_err *err)
{
	enum { TRACING = 4 };
	struct tm_symbol symbol;
	tm_addr flag;

	if (!tm_image_dynsym(image, "_Py_tracemalloc_config", &symbol)) {
		flag = flag_from_code(mem, image);
		*ret = flag - TRACING;
		return flag || tm_err_set(err, TM_ERR_UNSUPPORTED, image->path,
			"unknown layout: tracemalloc's configuration was not found");
	}
	*ret = symbol.address;
	return check_config(mem, image, &symbol, symbol.address + TRACING, err);
}

/*
 * In program order: get_traced_memory() reads tracing, lock, traced, peak;
 * get_tracemalloc_memory() tracebacks, filenames, lock, traces[, domains].
 * Compared on builds of 3.7 to 3.11 by gcc with and without LTO.
 */
static bool roots_from_code(struct tm_mem *mem, const struct tm_image *image,
			    const struct py_runtime *runtime, tm_addr config,
			    struct py_roots *ret, struct tm_err *err)
{
	enum { NMEMORY = 4, NTABLES = 5 };
	struct py_methods methods;
	tm_addr memory[NMEMORY], tables[NTABLES];
	size_t want = runtime->layout->traces == PY_TRACES_POINTER ? 5 : 4;

	if (!py_methods_find(mem, image, &methods, err))
		return false;
	if (!methods.get_traced_memory || !methods.get_tracemalloc_memory ||
	    py_code_variables(mem, image, methods.get_traced_memory, config,
			      memory, NMEMORY) != NMEMORY ||
	    py_code_variables(mem, image, methods.get_tracemalloc_memory, config,
			      tables, want) != want)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, image->path,
				  "unknown layout: _tracemalloc's functions have an unknown shape");
	if (memory[0] != config && memory[0] != config + 4)
		return disagree(image, "the tracing flag", config + 4, memory[0], err);
	if (memory[1] != tables[2])
		return disagree(image, "the lock", memory[1], tables[2], err);
	*ret = (struct py_roots){
		.initialized = config, .tracing = config + 4,
		.max_nframe = config + 8,
		.lock = memory[1], .traced = memory[2], .peak = memory[3],
		.tracebacks = tables[0], .filenames = tables[1],
		.traces = tables[3], .domains = want == 5 ? tables[4] : 0,
	};
	return true;
}

static bool locate_statics(struct tm_mem *mem, const struct tm_maps *maps,
			   const struct tm_image *image,
			   struct py_runtime *runtime, struct tm_err *err)
{
	struct slots slots = { 0 };
	tm_addr config = 0, table;

	if (!find_config(mem, image, &config, err) ||
	    !roots_from_code(mem, image, runtime, config, &runtime->roots, err))
		return false;
	slots.expected = runtime->roots.traces;
	for (size_t i = 0; i < image->nsegments; i++)
		if (image->flags[i] & PF_W)
			scan(mem, maps, runtime, image, image->segments[i], &slots);
	tm_log("traces slot 0x%" PRIx64 " (%zu hits), by code 0x%" PRIx64, slots.found,
	       slots.n, runtime->roots.traces);
	if (are_ambiguous(&slots))
		return too_many(image, slots.n, err);
	if (slots.n && slots.found != runtime->roots.traces)
		return disagree(image, "the traces table", slots.found,
				runtime->roots.traces, err);
	return slots.n || tm_mem_u64(mem, runtime->roots.traces, &table, err);
}

/* A value that may be in a root at all; the last line of defence. */
static bool prove(struct tm_mem *mem, const struct py_runtime *runtime,
		  const struct tm_image *image, struct tm_err *err)
{
	const struct py_roots *roots = &runtime->roots;
	uint32_t initialized, tracing, max_nframe;

	if (!tm_mem_u32(mem, roots->initialized, &initialized, err) ||
	    !tm_mem_u32(mem, roots->tracing, &tracing, err) ||
	    !tm_mem_u32(mem, roots->max_nframe, &max_nframe, err))
		return false;
	if (initialized > 2 || tracing > 1 ||
	    max_nframe > runtime->layout->max_nframe)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, image->path,
				  "unknown layout: initialized=%" PRIu32 ", tracing=%"
				  PRIu32 ", max_nframe=%" PRIu32 " make no sense",
				  initialized, tracing, max_nframe);
	return true;
}

bool py_locate(struct tm_mem *mem, const struct tm_maps *maps,
	       const struct tm_image *image, struct py_runtime *runtime,
	       struct tm_err *err)
{
	bool found = runtime->layout->root == PY_ROOT_PYRUNTIME
		? locate_in_runtime(mem, maps, image, runtime, err)
		: locate_statics(mem, maps, image, runtime, err);

	return found && prove(mem, runtime, image, err);
}
