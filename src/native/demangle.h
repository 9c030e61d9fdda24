/* Linker names as people read them: C++, Rust, D. Private to src/native. */
#ifndef TM_NATIVE_DEMANGLE_H
#define TM_NATIVE_DEMANGLE_H

#include "base/arena.h"

/* The readable form in the arena, or `name` itself if it is not mangled. */
const char *native_demangle(struct tm_arena *arena, const char *name);

#endif
