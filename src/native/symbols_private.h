/* What the room's other files take from the symbolizer. Private to src/native. */
#ifndef TM_NATIVE_SYMBOLS_PRIVATE_H
#define TM_NATIVE_SYMBOLS_PRIVATE_H

#include "native/debug.h"
#include "native/symbols.h"

/* Everything about a module's image, opened now if it was not yet. */
struct native_debug *native_symbolizer_debug(struct tm_symbolizer *symbolizer,
					     const struct native_module *module);

#endif
