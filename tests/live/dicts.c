/*
 * dicts PID MODULE: what stands in a module's dict, as read from outside: a line
 * `NAME TEXT` for each name without `_' in front, where TEXT says what a str,
 * list, tuple or dict holds, in about the form of repr().
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/guard.h"
#include "py/dict.h"
#include "py/module.h"
#include "py/object.h"
#include "py/sequence.h"
#include "py/str.h"
#include "target/maps.h"

static struct tm_mem *mem;
static struct py_runtime runtime;

static void show(tm_addr at, unsigned depth);

static void show_items(tm_addr at, const char *brackets, unsigned depth)
{
	struct py_sequence items = { 0 };
	tm_addr item;

	if (!py_sequence_read(mem, &runtime, at, &items))
		return;
	putchar(brackets[0]);
	for (uint64_t i = 0; py_sequence_item(mem, &items, i, &item); i++) {
		printf(i ? ", " : "");
		show(item, depth + 1);
	}
	putchar(brackets[1]);
}

static void show_dict(tm_addr at, unsigned depth)
{
	struct py_dict_entry entry;
	struct py_dict_iter iter;
	const char *separator = "";

	if (!py_dict_begin(mem, &runtime, at, &iter))
		return;
	putchar('{');
	while (py_dict_next(&iter, &entry)) {
		fputs(separator, stdout);
		show(entry.key, depth + 1);
		fputs(": ", stdout);
		show(entry.value, depth + 1);
		separator = ", ";
	}
	putchar('}');
}

static void show(tm_addr at, unsigned depth)
{
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	struct tm_err err;

	if (depth > 8)
		return;
	if (py_object_is(mem, &runtime, at, PY_IS_STR) &&
	    py_str_read(mem, &runtime.str, at, &text, &err))
		printf("'%s'", text.data);
	else if (py_object_is(mem, &runtime, at, PY_IS_DICT))
		show_dict(at, depth);
	else if (py_object_is(mem, &runtime, at, PY_IS_LIST))
		show_items(at, "[]", depth);
	else if (py_object_is(mem, &runtime, at, PY_IS_TUPLE))
		show_items(at, "()", depth);
	else
		putchar('?');
}

static void show_module(tm_addr dict)
{
	struct py_dict_entry entry;
	struct py_dict_iter iter;

	if (!py_dict_begin(mem, &runtime, dict, &iter))
		return;
	while (py_dict_next(&iter, &entry)) {
		TM_GUARD(tm_buf_free) struct tm_buf name = { 0 };
		struct tm_err err;

		if (!py_str_read(mem, &runtime.str, entry.key, &name, &err) ||
		    name.data[0] == '_')
			continue;
		printf("%s ", name.data);
		show(entry.value, 0);
		putchar('\n');
	}
}

static bool find_module(pid_t pid, const char *name, tm_addr *ret,
			struct tm_err *err)
{
	struct py_interpreters list = { 0 };
	struct py_stack_fields fields;
	struct tm_maps maps;
	tm_addr modules;

	mem = tm_mem_proc(pid, err);
	if (!mem || !tm_maps_read(pid, &maps, err) ||
	    !py_runtime_find(mem, &maps, pid, &runtime, err) ||
	    !py_stack_fields_read(mem, &runtime, &fields, err) ||
	    !py_interpreters_read(mem, &runtime, &fields, &list, err))
		return false;
	return (py_modules(mem, &runtime, &fields, list.items[list.n - 1], &modules) &&
		py_module_dict(mem, &runtime, modules, name, ret)) ||
	       tm_err_set(err, TM_ERR_CORRUPT, name, "no such module");
}

int main(int argc, char **argv)
{
	struct tm_err err = { 0 };
	tm_addr dict;

	if (argc != 3 || !find_module(atoi(argv[1]), argv[2], &dict, &err)) {
		fprintf(stderr, "%s: %s\n", err.object, err.cause);
		return 1;
	}
	show_module(dict);
	return 0;
}
