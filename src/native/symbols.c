#include "native/symbols.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "native/debug.h"
#include "native/symbols_private.h"

struct tm_symbolizer {
	struct native_modules *modules;
	struct known {
		const struct native_module *module;
		struct native_debug *debug;
	} *known;
	size_t n, cap;
	size_t last; /* look-ups come in runs */
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

struct native_debug *native_symbolizer_debug(struct tm_symbolizer *symbolizer,
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

	place.frames = native_debug_frames(
		native_symbolizer_debug(symbolizer, module),
		offset - (is_return ? 1 : 0), &place.n);
	return place;
}

struct tm_code_place tm_symbolize(struct tm_symbolizer *symbolizer,
				  tm_addr address, bool is_return)
{
	struct native_module *module =
		native_modules_find(symbolizer->modules,
				    address - (is_return ? 1 : 0));

	if (!module)
		return (struct tm_code_place){ .offset = address,
					       .frames = &nothing, .n = 1 };
	return tm_symbolize_offset(symbolizer, module,
				   address - module->image.bias, is_return);
}
