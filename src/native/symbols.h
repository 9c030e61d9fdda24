/*
 * Addresses of native code as function, file and line, from outside.
 *
 * Everything is looked up when it is first asked for and then kept: files are
 * opened once per image, units of DWARF indexed once, addresses resolved once
 * per (image, offset), across samples and load addresses.
 */
#ifndef TM_NATIVE_SYMBOLS_H
#define TM_NATIVE_SYMBOLS_H

#include "native/modules.h"

/* One function, or one call that the compiler inlined. Strings are NULL where
 * unknown and live as long as the symbolizer. */
struct tm_code_frame {
	const char *function; /* demangled */
	const char *filename; /* as the compiler recorded it */
	uint32_t lineno;      /* 0: unknown */
	bool inlined;         /* into the next older frame */
};

struct tm_code_place {
	/* NULL: no image there (generated code, or a wild address). */
	const struct native_module *module;
	uint64_t offset;      /* relative to the load bias; absolute without
				 a module */
	/*
	 * Oldest first, as in a traceback: frames[0] is the function itself,
	 * the last is the innermost inlined call. At least one; when nothing
	 * is known, one without function and file.
	 */
	const struct tm_code_frame *frames;
	size_t n;
};

struct tm_symbolizer;

/* `modules` is borrowed and must outlive it. */
struct tm_symbolizer *tm_symbolizer_create(struct native_modules *modules);
void tm_symbolizer_destroy(struct tm_symbolizer *symbolizer); /* NULL is fine */

/*
 * Look up `address`. With `is_return`, it is where a call returns to: the
 * call itself is before it, so the byte before is looked up. The place
 * lives as long as the symbolizer.
 */
struct tm_code_place tm_symbolize(struct tm_symbolizer *symbolizer,
				  tm_addr address, bool is_return);

/* The same for code that is no image's, whatever is mapped there now. */
struct tm_code_place tm_symbolize_generated(struct tm_symbolizer *symbolizer,
					    tm_addr address, bool is_return);

/* The same for an offset in a module, mapped or not. */
struct tm_code_place tm_symbolize_offset(struct tm_symbolizer *symbolizer,
					 const struct native_module *module,
					 uint64_t offset, bool is_return);

#endif
