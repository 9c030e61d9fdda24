#include "native/symbols.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "native/debug.h"
#include "native/jitdump.h"
#include "native/perf_map.h"

struct tm_symbolizer {
	struct native_modules *modules;
	struct known {
		const struct native_module *module;
		struct native_debug *debug;
	} *known;
	size_t n, cap;
	size_t last; /* look-ups come in runs */
	struct perf_map *generated; /* NULL until it is needed */
	struct jitdump *dumped;
	uint64_t generated_at;      /* modules->updates when it was looked at */
};

static const struct tm_code_frame nothing;

struct tm_symbolizer *tm_symbolizer_create(struct native_modules *modules)
{
	struct tm_symbolizer *symbolizer = tm_calloc(1, sizeof(*symbolizer));

	symbolizer->modules = modules;
	return symbolizer;
}

static bool owns(const struct tm_symbolizer *symbolizer, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (symbolizer->known[j].debug == symbolizer->known[i].debug)
			return false;
	return true;
}

void tm_symbolizer_destroy(struct tm_symbolizer *symbolizer)
{
	if (!symbolizer)
		return;
	for (size_t i = symbolizer->n; i-- > 0; )
		if (owns(symbolizer, i))
			native_debug_destroy(symbolizer->known[i].debug);
	free(symbolizer->known);
	perf_map_destroy(symbolizer->generated);
	jitdump_destroy(symbolizer->dumped);
	free(symbolizer);
}

/* An image that is mapped again, elsewhere, is not opened again. */
static struct native_debug *same_image(const struct tm_symbolizer *symbolizer,
				       const struct native_module *module)
{
	for (size_t i = 0; i < symbolizer->n; i++)
		if (module->build_id[0] &&
		    strcmp(symbolizer->known[i].module->build_id,
			   module->build_id) == 0)
			return symbolizer->known[i].debug;
	return NULL;
}

/* Everything about a module's image, opened now if it was not yet. */
static struct native_debug *debug_of(struct tm_symbolizer *symbolizer,
				     const struct native_module *module)
{
	struct native_debug *debug;

	if (symbolizer->last < symbolizer->n &&
	    symbolizer->known[symbolizer->last].module == module)
		return symbolizer->known[symbolizer->last].debug;
	for (size_t i = 0; i < symbolizer->n; i++)
		if (symbolizer->known[i].module == module) {
			symbolizer->last = i;
			return symbolizer->known[i].debug;
		}
	debug = same_image(symbolizer, module);
	if (!debug)
		debug = native_debug_create(module, symbolizer->modules->pid,
					    symbolizer->modules->mem,
					    NATIVE_VIA_ALL);
	symbolizer->known = tm_grow(symbolizer->known, &symbolizer->cap,
				    symbolizer->n + 1, sizeof(*symbolizer->known));
	symbolizer->last = symbolizer->n;
	symbolizer->known[symbolizer->n++] = (struct known){ module, debug };
	return debug;
}

struct tm_code_place tm_symbolize_offset(struct tm_symbolizer *symbolizer,
					 const struct native_module *module,
					 uint64_t offset, bool is_return)
{
	struct tm_code_place place = { .module = module, .offset = offset };

	place.frames = native_debug_frames(debug_of(symbolizer, module),
					   offset - (is_return ? 1 : 0), &place.n);
	return place;
}

static void refresh_dumped(struct tm_symbolizer *symbolizer)
{
	const struct native_modules *modules = symbolizer->modules;

	for (size_t i = 0; i < modules->nnow; i++) {
		const struct native_module *module = modules->now[i];
		TM_GUARD(tm_fd_close) int fd = jitdump_is(module->path)
			? native_open_in_root(modules->pid, module->path) : -1;
		struct stat st;

		if (fd < 0 || fstat(fd, &st) != 0 || st.st_ino != module->inode)
			continue;
		if (!symbolizer->dumped)
			symbolizer->dumped = jitdump_create();
		jitdump_refresh(symbolizer->dumped, fd);
	}
}

/* What a compiler writes while a process is looked at is left for the next time. */
static void refresh_generated(struct tm_symbolizer *symbolizer)
{
	uint64_t now = symbolizer->modules->updates;

	if (symbolizer->generated && symbolizer->generated_at == now)
		return;
	if (symbolizer->generated)
		perf_map_refresh(symbolizer->generated);
	else
		symbolizer->generated = perf_map_create(symbolizer->modules->pid);
	refresh_dumped(symbolizer);
	symbolizer->generated_at = now;
}

/* Code that is no image's: what its compiler says of it. */
static const struct tm_code_frame *generated(struct tm_symbolizer *symbolizer, tm_addr at)
{
	const struct tm_code_frame *found = NULL;

	if (symbolizer->modules->pid <= 0)
		return &nothing;
	refresh_generated(symbolizer);
	if (symbolizer->dumped)
		found = jitdump_find(symbolizer->dumped, at);
	if (!found)
		found = perf_map_find(symbolizer->generated, at);
	return found ? found : &nothing;
}

struct tm_code_place tm_symbolize_generated(struct tm_symbolizer *symbolizer,
					    tm_addr address, bool is_return)
{
	return (struct tm_code_place){
		.offset = address, .n = 1,
		.frames = generated(symbolizer, address - (is_return ? 1 : 0)),
	};
}

struct tm_code_place tm_symbolize(struct tm_symbolizer *symbolizer,
				  tm_addr address, bool is_return)
{
	struct native_module *module =
		native_modules_find(symbolizer->modules,
				    address - (is_return ? 1 : 0));

	if (!module)
		return tm_symbolize_generated(symbolizer, address, is_return);
	return tm_symbolize_offset(symbolizer, module,
				   address - module->image.bias, is_return);
}
