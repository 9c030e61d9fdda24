/* Types of objects by name, each read once. */
#ifndef TM_PY_TYPE_NAMES_H
#define TM_PY_TYPE_NAMES_H

#include "base/map.h"
#include "py/runtime.h"

struct py_type_name {
	char name[80];    /* tp_name; "" where none could be read */
	bool heap;        /* made by a class statement, or by a module */
	uint32_t size;    /* tp_basicsize */
	tm_addr base;
	uint8_t mark;     /* of tasks (1, 2) and greenlets (4, 8); 0 at first */
};

struct py_type_names {
	struct tm_mem *mem;
	const struct py_runtime *runtime;
	struct tm_map index;
	struct py_type_name *items;
	size_t n, cap;
};

void py_type_names_free(struct py_type_names *names); /* works as a guard */

/* Never NULL; good until the next call. */
struct py_type_name *py_type_at(struct py_type_names *names, tm_addr type);
/* The type of an object. */
struct py_type_name *py_type_of(struct py_type_names *names, tm_addr object);
/* Is it an object of the type `name` that some C code defines, not of one
 * that a class statement has given this name? */
bool py_type_is(struct py_type_names *names, tm_addr object, const char *name);
/* The type itself or the nearest base that is called so; 0: none. */
tm_addr py_type_base(struct py_type_names *names, tm_addr type, const char *name);

#endif
