/*
 * What libunwind asks for while it walks a stack, and what it is answered
 * from. Private to src/native.
 */
#ifndef TM_NATIVE_UNWIND_ACCESS_H
#define TM_NATIVE_UNWIND_ACCESS_H

#include <libunwind.h>

#include "base/map.h"
#include "native/eh_table.h"
#include "native/elf_file.h"
#include "native/unwind.h"
#include "native/window.h"

struct tm_unwinder {
	struct native_modules *modules;
	unw_addr_space_t space;
	struct tm_map has_table; /* pc -> 1 or 0: covered by an unwind table? */
	struct tm_map own_of;    /* module pointer -> index into own */
	struct native_eh_table *own;
	size_t nown, cap_own;
	const struct tm_regs *regs;
	struct tm_regs own_regs; /* after a step of our own */
	struct native_window window;
};

/* Their argument is the struct tm_unwinder. libunwind wants it writable, and
 * writes nothing. */
extern unw_accessors_t native_unwind_accessors;

#endif
