#include "py/module.h"

#include "py/dict.h"
#include "py/object.h"

bool py_modules(struct tm_mem *mem, const struct py_runtime *runtime,
		const struct py_stack_fields *fields, tm_addr interpreter,
		tm_addr *ret)
{
	struct tm_err err;

	return tm_mem_u64(mem, interpreter + fields->interp_modules, ret, &err) &&
	       py_object_is(mem, runtime, *ret, PY_IS_DICT);
}

bool py_module_dict(struct tm_mem *mem, const struct py_runtime *runtime,
		    tm_addr modules, const char *name, tm_addr *ret)
{
	/* PyModuleObject.md_dict follows the header, 3.7 to 3.15. */
	const tm_addr header = runtime->str.ob_type + 8;
	tm_addr module;
	struct tm_err err;

	return py_dict_find(mem, runtime, modules, name, &module) &&
	       tm_mem_u64(mem, module + header, ret, &err) &&
	       py_object_is(mem, runtime, *ret, PY_IS_DICT);
}
