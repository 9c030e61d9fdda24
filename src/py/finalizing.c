#include "py/finalizing.h"

#include "base/guard.h"
#include "image/image.h"
#include "py/code.h"

static bool find_in(struct tm_mem *mem, const struct tm_region *region, tm_addr *ret)
{
	TM_GUARD(tm_image_free) struct tm_image image = { 0 };
	struct tm_symbol runtime, function;
	struct tm_err err;

	/* The public name came in 3.13. */
	if (!tm_image_read(mem, region, &image, &err) ||
	    !tm_image_dynsym(&image, "_PyRuntime", &runtime) ||
	    !(tm_image_dynsym(&image, "Py_IsFinalizing", &function) ||
	      tm_image_dynsym(&image, "_Py_IsFinalizing", &function)))
		return false;
	*ret = py_code_first_variable(mem, &image, &function, runtime.address);
	return *ret >= runtime.address && *ret - runtime.address < runtime.size;
}

bool py_finalizing_find(struct tm_mem *mem, const struct tm_maps *maps, tm_addr *ret)
{
	for (size_t i = 0; i < maps->n; i++) {
		const struct tm_region *region = &maps->regions[i];

		if (region->offset == 0 && region->readable &&
		    region->path[0] == '/' && find_in(mem, region, ret))
			return true;
	}
	return false;
}
