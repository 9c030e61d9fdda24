/* What the two files that name functions share. Private to src/py. */
#ifndef TM_PY_FUNCTIONS_PRIVATE_H
#define TM_PY_FUNCTIONS_PRIVATE_H

#include "base/map.h"
#include "py/frames.h"
#include "py/functions.h"

/* A code object of one of the files. */
struct py_function_code {
	tm_addr at;
	uint32_t file;
	uint32_t first, last;  /* lines */
	uint32_t parent;       /* whose constant it is; TM_MAP_NONE: not known */
	const char *name;      /* co_name, or the qualified name */
	bool qualified;
};

/* A function object: until 3.10 only these have qualified names. */
struct py_function_object {
	tm_addr code, qualname;
};

struct py_functions {
	struct tm_mem *from;       /* borrowed */
	struct tm_mem *mem;        /* the same, by the page; NULL when all is read */
	struct py_frames frames;
	const struct tm_intern *files;
	struct tm_map file_of;     /* str -> its number; nfiles: none of them */
	struct tm_map code_of;     /* address -> codes */
	struct py_function_code *codes;
	size_t n, cap;
	struct py_function_object *objects;
	size_t nobjects, objects_cap;
	struct tm_map lines;       /* file << 32 | line -> codes; n: no single one */
	struct tm_arena names;
};

/* Until 3.10: give the codes their qualified names, as far as they can be known. */
void py_functions_qualify(struct py_functions *functions);

#endif
