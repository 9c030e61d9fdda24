#include "py/finalizing.h"

#include "base/guard.h"
#include "image/image.h"
#include "py/code.h"

/* The field of the runtime that this function reads first; 0: unknown. */
static tm_addr field_of(struct tm_mem *mem, const struct tm_image *image,
			const struct tm_symbol *runtime, const char *function)
{
	struct tm_symbol found;
	tm_addr at = 0;

	if (tm_image_dynsym(image, function, &found))
		at = py_code_first_variable(mem, image, &found, runtime->address);
	return at >= runtime->address && at - runtime->address < runtime->size ? at : 0;
}

static bool find_in(struct tm_mem *mem, const struct tm_region *region,
		    struct py_finalizing *ret)
{
	TM_GUARD(tm_image_free) struct tm_image image = { 0 };
	struct tm_symbol runtime;
	struct tm_err err;

	if (!tm_image_read(mem, region, &image, &err) ||
	    !tm_image_dynsym(&image, "_PyRuntime", &runtime))
		return false;
	/* The public name came in 3.13. */
	ret->mark = field_of(mem, &image, &runtime, "Py_IsFinalizing");
	if (!ret->mark)
		ret->mark = field_of(mem, &image, &runtime, "_Py_IsFinalizing");
	ret->begun = field_of(mem, &image, &runtime, "PyInterpreterState_Head");
	return ret->mark != 0;
}

bool py_finalizing_find(struct tm_mem *mem, const struct tm_maps *maps,
			struct py_finalizing *ret)
{
	for (size_t i = 0; i < maps->n; i++) {
		const struct tm_region *region = &maps->regions[i];

		if (region->offset == 0 && region->readable &&
		    region->path[0] == '/' && find_in(mem, region, ret))
			return true;
	}
	return false;
}
