#include "py/runtime.h"

#include <stdio.h>
#include <string.h>

#include "base/guard.h"
#include "image/loaded.h"
#include "py/str.h"
#include "py/version.h"

/* What a look at all images has found. */
struct search {
	const struct tm_maps *maps;
	pid_t pid;
	struct tm_loaded loaded;             /* once one is found that matters */
	bool asked;
	const struct tm_region *tracemalloc; /* exports PyTraceMalloc_Track */
	const struct tm_region *python;      /* exports Py_GetVersion */
	const struct tm_region *pypy;
	const struct tm_region *program;     /* the first image at all */
};

static bool starts_image(const struct tm_region *region)
{
	return region->offset == 0 && region->readable && region->path[0] == '/';
}

/* Files that a process maps to read them are not part of it. */
static bool is_loaded(struct tm_mem *mem, struct search *search,
		      const struct tm_image *image)
{
	if (!search->asked)
		tm_loaded_read(mem, search->maps, search->pid, &search->loaded);
	search->asked = true;
	return tm_loaded_has(&search->loaded, image);
}

static void look_at(struct tm_mem *mem, const struct tm_region *region,
		    struct search *search)
{
	TM_GUARD(tm_image_free) struct tm_image image = { 0 };
	struct tm_symbol symbol;
	struct tm_err err;
	bool tracemalloc, python, pypy;

	if (!tm_image_read(mem, region, &image, &err))
		return;
	if (!search->program)
		search->program = region;
	tracemalloc = tm_image_dynsym(&image, "PyTraceMalloc_Track", &symbol);
	python = tm_image_dynsym(&image, "Py_GetVersion", &symbol);
	pypy = tm_image_dynsym(&image, "pypy_main_startup", &symbol) ||
	       tm_image_dynsym(&image, "PyPy_GetVersion", &symbol);
	if (!(tracemalloc || python || pypy) || !is_loaded(mem, search, &image))
		return;
	if (tracemalloc && !search->tracemalloc)
		search->tracemalloc = region;
	if (python && !search->python)
		search->python = region;
	if (pypy && !search->pypy)
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

static bool no_cpython(const struct search *search, struct py_runtime *runtime,
		       struct tm_err *err)
{
	if (!search->pypy)
		return tm_err_set(err, TM_ERR_NO_RUNTIME,
				  search->program ? search->program->path : "",
				  "not a Python process: no CPython runtime is loaded");
	snprintf(runtime->name, sizeof(runtime->name), "PyPy");
	return tm_err_set(err, TM_ERR_UNSUPPORTED, search->pypy->path,
			  "this is PyPy, which has no tracemalloc");
}

static bool wrong_version(const struct tm_image *image, uint32_t hex,
			  struct tm_err *err)
{
	unsigned major = hex >> 24, minor = hex >> 16 & 0xff;

	if (!hex)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, image->path,
				  "a Python whose version cannot be determined");
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

static bool take_symbols(struct tm_mem *mem, const struct tm_image *image,
			 struct py_runtime *runtime, struct tm_err *err)
{
	struct tm_symbol symbol;

	if (!tm_image_need(image, "_PyRuntime", &symbol, err))
		return false;
	runtime->runtime = symbol.address;
	runtime->runtime_size = symbol.size;
	/* Only builds with Py_REF_DEBUG define the reporting function. */
	runtime->debug = tm_image_dynsym(image, "_Py_NegativeRefcount", &symbol);
	if (tm_image_dynsym(image, "PyCode_Type", &symbol))
		runtime->code_type = symbol.address;
	if (tm_image_dynsym(image, "PyFunction_Type", &symbol))
		runtime->function_type = symbol.address;
	if (!tm_image_need(image, "PyUnicode_Type", &symbol, err))
		return false;
	return py_str_layout_find(mem, symbol.address, runtime->layout,
				  runtime->free_threaded, &runtime->str, err);
}

static bool read_runtime(struct tm_mem *mem, const struct search *search,
			 struct py_runtime *ret, struct tm_err *err)
{
	TM_GUARD(tm_image_free) struct tm_image python = { 0 };
	uint32_t hex;

	snprintf(ret->name, sizeof(ret->name), "CPython");
	if (!tm_image_read(mem, search->python, &python, err) ||
	    !py_version_read(mem, &python, &hex, &ret->free_threaded, err))
		return false;
	ret->hexversion = hex;
	if (hex)
		name_runtime(ret);
	ret->layout = hex >> 24 == 3 ? py_layout_find(hex >> 16 & 0xff) : NULL;
	if (!ret->layout)
		return wrong_version(&python, hex, err);
	if (!take_symbols(mem, &python, ret, err))
		return false;
	name_runtime(ret); /* with "debug", which they report */
	ret->image = search->python->start;
	if (search->tracemalloc)
		ret->tracemalloc = search->tracemalloc->start;
	return true;
}

bool py_runtime_find(struct tm_mem *mem, const struct tm_maps *maps, pid_t pid,
		     struct py_runtime *ret, struct tm_err *err)
{
	struct search search = { .maps = maps, .pid = pid };

	*ret = (struct py_runtime){ 0 };
	search_images(mem, &search);
	tm_loaded_free(&search.loaded);
	if (!search.python)
		return no_cpython(&search, ret, err);
	return read_runtime(mem, &search, ret, err);
}

bool py_runtime_image(struct tm_mem *mem, const struct tm_maps *maps,
		      const struct py_runtime *runtime, tm_addr at, struct tm_image *ret,
		      struct tm_err *err)
{
	const struct tm_region *region = tm_maps_find(maps, at);

	if (!region)
		return tm_err_set(err, TM_ERR_CORRUPT, runtime->name,
				  "its image is not mapped any more");
	return tm_image_read(mem, region, ret, err);
}
