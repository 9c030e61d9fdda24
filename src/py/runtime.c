#include "py/runtime.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/guard.h"
#include "base/log.h"
#include "py/locate.h"
#include "py/str.h"
#include "py/verify.h"
#include "py/version.h"

/* What a look at all images has found. */
struct search {
	const struct tm_maps *maps;
	pid_t pid;
	const struct tm_region *tracemalloc; /* exports PyTraceMalloc_Track */
	const struct tm_region *python;      /* exports Py_GetVersion */
	const struct tm_region *pypy;
	const struct tm_region *program;     /* the first image at all */
};

static bool starts_image(const struct tm_region *region)
{
	return region->offset == 0 && region->readable && region->path[0] == '/';
}

static void look_at(struct tm_mem *mem, const struct tm_region *region,
		    struct search *search)
{
	TM_GUARD(tm_image_free) struct tm_image image = { 0 };
	struct tm_symbol symbol;
	struct tm_err err;

	if (!tm_image_read(mem, region, &image, &err))
		return;
	if (!search->program)
		search->program = region;
	if (!search->tracemalloc &&
	    tm_image_dynsym(&image, "PyTraceMalloc_Track", &symbol))
		search->tracemalloc = region;
	if (!search->python && tm_image_dynsym(&image, "Py_GetVersion", &symbol))
		search->python = region;
	if (!search->pypy &&
	    (tm_image_dynsym(&image, "pypy_main_startup", &symbol) ||
	     tm_image_dynsym(&image, "PyPy_GetVersion", &symbol)))
		search->pypy = region;
}

/* Images called python first: looking at all costs milliseconds. */
static void search_images(struct tm_mem *mem, struct search *ret)
{
	const struct tm_maps *maps = ret->maps;

	for (int named = 1; named >= 0; named--)
		for (size_t i = 0; i < maps->n; i++) {
			const struct tm_region *region = &maps->regions[i];
			const char *base = strrchr(region->path, '/');

			if (ret->tracemalloc && ret->python)
				return;
			if (starts_image(region) &&
			    (strstr(base, "python") != NULL) == (named == 1))
				look_at(mem, region, ret);
		}
}

/* "tried X": what the process is instead of a Python we can read. */
static bool not_python(const struct search *search, struct tm_err *err)
{
	if (search->pypy)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, search->pypy->path,
				  "this is PyPy, which has no tracemalloc");
	tm_err_set(err, TM_ERR_UNSUPPORTED,
		   search->program ? search->program->path : "",
		   "not a Python process: no CPython runtime is loaded");
	return false;
}

static bool wrong_version(const struct tm_image *image, uint32_t hex,
			  struct tm_err *err)
{
	unsigned major = hex >> 24, minor = hex >> 16 & 0xff;

	if (!hex)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, image->path,
				  "a Python whose version cannot be told");
	return tm_err_set(err, TM_ERR_UNSUPPORTED, image->path,
			  "CPython %u.%u.%u is not supported: %s are", major,
			  minor, hex >> 8 & 0xff, py_layout_range());
}

static void name_runtime(struct py_runtime *runtime)
{
	static const char levels[16] = { [0xa] = 'a', [0xb] = 'b', [0xc] = 'c' };
	uint32_t hex = runtime->hexversion;
	char level[8] = "";

	if (levels[hex >> 4 & 15])
		snprintf(level, sizeof(level), "%s%u",
			 levels[hex >> 4 & 15] == 'c' ? "rc"
				: (char[]){ levels[hex >> 4 & 15], 0 }, hex & 15);
	snprintf(runtime->name, sizeof(runtime->name), "CPython %u.%u.%u%s%s%s",
		 hex >> 24, hex >> 16 & 0xff, hex >> 8 & 0xff, level,
		 runtime->free_threaded ? " free-threaded" : "",
		 runtime->debug ? " debug" : "");
}

static bool need_symbol(const struct tm_image *image, const char *name,
			struct tm_symbol *ret, struct tm_err *err)
{
	if (tm_image_dynsym(image, name, ret))
		return true;
	return tm_err_set(err, TM_ERR_UNSUPPORTED, image->path,
			  "unknown build: it does not export %s", name);
}

static bool take_symbols(struct tm_mem *mem, const struct tm_image *image,
			 struct py_runtime *runtime, struct tm_err *err)
{
	struct tm_symbol symbol;

	if (!need_symbol(image, "_Py_hashtable_hash_ptr", &symbol, err))
		return false;
	runtime->hash_ptr = symbol.address;
	if (!need_symbol(image, "_Py_hashtable_compare_direct", &symbol, err))
		return false;
	runtime->compare_direct = symbol.address;
	if (!need_symbol(image, "_PyRuntime", &symbol, err))
		return false;
	runtime->runtime = symbol.address;
	runtime->runtime_size = symbol.size;
	/* Only builds with Py_REF_DEBUG define the reporting function. */
	runtime->debug = tm_image_dynsym(image, "_Py_NegativeRefcount", &symbol);
	if (tm_image_dynsym(image, "PyCode_Type", &symbol))
		runtime->code_type = symbol.address;
	if (!need_symbol(image, "PyUnicode_Type", &symbol, err))
		return false;
	return py_str_layout_find(mem, symbol.address, runtime->layout,
				  runtime->free_threaded, &runtime->str, err);
}

/* Locate the tables, and hear what the file has to say about it. */
static bool locate_and_verify(struct tm_mem *mem, const struct search *search,
			      const struct tm_image *image,
			      struct py_runtime *runtime, struct tm_err *err)
{
	struct tm_image_file *file;
	bool ok;

	if (!py_locate(mem, search->maps, image, runtime, err))
		return false;
	file = search->pid ? tm_image_file_read(search->pid, image) : NULL;
	ok = !file || py_verify(file, image, runtime, err);
	tm_image_file_destroy(file);
	return ok;
}

static bool read_runtime(struct tm_mem *mem, const struct search *search,
			 struct py_runtime *ret, struct tm_err *err)
{
	TM_GUARD(tm_image_free) struct tm_image python = { 0 };
	TM_GUARD(tm_image_free) struct tm_image module = { 0 };
	const struct tm_image *owner = &python;
	uint32_t hex;

	if (!tm_image_read(mem, search->python, &python, err) ||
	    !py_version_read(mem, &python, &hex, &ret->free_threaded, err))
		return false;
	ret->layout = hex >> 24 == 3 ? py_layout_find(hex >> 16 & 0xff) : NULL;
	if (!ret->layout)
		return wrong_version(&python, hex, err);
	ret->hexversion = hex;
	if (!take_symbols(mem, &python, ret, err))
		return false;
	name_runtime(ret);
	if (!search->tracemalloc)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, python.path,
				  "this %s was built without tracemalloc", ret->name);
	/* 3.8 to 3.11 may have _tracemalloc as an extension module. */
	if (search->tracemalloc != search->python) {
		if (!tm_image_read(mem, search->tracemalloc, &module, err))
			return false;
		owner = &module;
	}
	return locate_and_verify(mem, search, owner, ret, err);
}

bool py_runtime_find(struct tm_mem *mem, const struct tm_maps *maps, pid_t pid,
		     struct py_runtime *ret, struct tm_err *err)
{
	struct search search = { .maps = maps, .pid = pid };

	*ret = (struct py_runtime){ 0 };
	search_images(mem, &search);
	if (!search.python)
		return not_python(&search, err);
	return read_runtime(mem, &search, ret, err);
}

bool py_status_read(struct tm_mem *mem, const struct py_runtime *runtime,
		    struct py_status *ret, struct tm_err *err)
{
	const struct py_roots *roots = &runtime->roots;
	uint32_t initialized, tracing;

	*ret = (struct py_status){ .state = PY_NOT_TRACING };
	if (!tm_mem_u32(mem, roots->initialized, &initialized, err) ||
	    !tm_mem_u32(mem, roots->tracing, &tracing, err) ||
	    !tm_mem_u32(mem, roots->max_nframe, &ret->max_nframe, err))
		return false;
	if (initialized > 2 || tracing > 1)
		return tm_err_set(err, TM_ERR_CORRUPT, runtime->name,
				  "tracemalloc's state makes no sense");
	/* After finalization the table pointers dangle: never follow them. */
	if (initialized == 2)
		ret->state = PY_FINALIZED;
	else if (initialized == 1 && tracing)
		ret->state = PY_TRACING;
	if (ret->state != PY_TRACING)
		return true;
	return tm_mem_u64(mem, roots->traced, &ret->traced, err) &&
	       tm_mem_u64(mem, roots->peak, &ret->peak, err);
}

/* glibc and musl: the value is the first int of a sem_t. */
static bool sem_is_free(struct tm_mem *mem, tm_addr slot, bool *ret,
			struct tm_err *err)
{
	tm_addr sem;
	uint32_t value;

	if (!tm_mem_u64(mem, slot, &sem, err))
		return false;
	*ret = true;
	if (!sem) /* not initialised: there is nothing to guard either */
		return true;
	if (!tm_mem_u32(mem, sem, &value, err))
		return false;
	*ret = value != 0;
	return true;
}

bool py_lock_is_free(struct tm_mem *mem, const struct py_runtime *runtime,
		     bool *ret, struct tm_err *err)
{
	uint8_t byte;

	if (runtime->layout->lock == PY_LOCK_SEM)
		return sem_is_free(mem, runtime->roots.lock, ret, err);
	if (!tm_mem_read(mem, runtime->roots.lock, &byte, 1, err))
		return false;
	*ret = (byte & 1) == 0;
	return true;
}
