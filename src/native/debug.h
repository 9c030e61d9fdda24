/*
 * All that is known about the code of one image: symbols and DWARF, from its
 * own file and its debug files. Addresses are the image's own (address in the
 * target minus load bias), so that results serve every process that has the
 * image, wherever it is loaded. Private to src/native.
 */
#ifndef TM_NATIVE_DEBUG_H
#define TM_NATIVE_DEBUG_H

#include "base/map.h"
#include "native/elf_file.h"
#include "native/symbols.h"
#include "native/symtab.h"
#include "native/units.h"

struct native_debug;

/* Never fails: an image that cannot be opened just has no names. */
struct native_debug *native_debug_create(const struct native_module *module,
					 pid_t pid, struct tm_mem *mem,
					 unsigned via);
void native_debug_destroy(struct native_debug *debug);

/* The frames around `at`, oldest first; at least one. Looked up once, then
 * remembered. */
const struct tm_code_frame *native_debug_frames(struct native_debug *debug,
						uint64_t at, size_t *ret_n);

#endif
