#include "py/runtime.h"

#include "base/guard.h"
#include "py/locate.h"
#include "py/verify.h"

static bool take_functions(const struct tm_image *image,
			   struct py_runtime *runtime, struct tm_err *err)
{
	struct tm_symbol symbol;

	if (!tm_image_need(image, "_Py_hashtable_hash_ptr", &symbol, err))
		return false;
	runtime->hash_ptr = symbol.address;
	if (!tm_image_need(image, "_Py_hashtable_compare_direct", &symbol, err))
		return false;
	runtime->compare_direct = symbol.address;
	return true;
}

/* Locate the tables, and hear what the file has to say about it. */
static bool locate_and_verify(struct tm_mem *mem, const struct tm_maps *maps,
			      pid_t pid, const struct tm_image *image,
			      struct py_runtime *runtime, struct tm_err *err)
{
	struct tm_image_file *file;
	bool ok;

	if (!py_locate(mem, maps, image, runtime, err))
		return false;
	file = pid ? tm_image_file_read(pid, image) : NULL;
	ok = !file || py_verify(file, image, runtime, err);
	tm_image_file_destroy(file);
	return ok;
}

bool py_tracing_find(struct tm_mem *mem, const struct tm_maps *maps, pid_t pid,
		     struct py_runtime *runtime, struct tm_err *err)
{
	TM_GUARD(tm_image_free) struct tm_image python = { 0 };
	TM_GUARD(tm_image_free) struct tm_image module = { 0 };
	const struct tm_image *owner = &python;

	if (!py_runtime_image(mem, maps, runtime, runtime->image, &python, err) ||
	    !take_functions(&python, runtime, err))
		return false;
	if (!runtime->tracemalloc)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, python.path,
				  "this %s was built without tracemalloc",
				  runtime->name);
	/* 3.8 to 3.11 may have _tracemalloc as an extension module. */
	if (runtime->tracemalloc != runtime->image) {
		if (!py_runtime_image(mem, maps, runtime, runtime->tracemalloc, &module,
				      err))
			return false;
		owner = &module;
	}
	return locate_and_verify(mem, maps, pid, owner, runtime, err);
}

bool py_status_read(struct tm_mem *mem, const struct py_runtime *runtime,
		    struct py_status *ret, struct tm_err *err)
{
	const struct py_roots *roots = &runtime->roots;
	uint32_t initialized, tracing;

	*ret = (struct py_status){ .state = PY_NOT_TRACING };
	if (!tm_mem_u32(mem, roots->initialized, &initialized, err) ||
	    !tm_mem_u32(mem, roots->tracing, &tracing, err) ||
	    !tm_mem_u32(mem, roots->max_nframe, &ret->max_nframe, err))
		return false;
	if (initialized > 2 || tracing > 1)
		return tm_err_set(err, TM_ERR_CORRUPT, runtime->name,
				  "tracemalloc's state makes no sense");
	/* After finalization the table pointers dangle: never follow them. */
	if (initialized == 2)
		ret->state = PY_FINALIZED;
	else if (initialized == 1 && tracing)
		ret->state = PY_TRACING;
	if (ret->state != PY_TRACING)
		return true;
	return tm_mem_u64(mem, roots->traced, &ret->traced, err) &&
	       tm_mem_u64(mem, roots->peak, &ret->peak, err);
}

/* glibc and musl: the value is the first int of a sem_t. */
static bool sem_is_free(struct tm_mem *mem, tm_addr slot, bool *ret,
			struct tm_err *err)
{
	tm_addr sem;
	uint32_t value;

	if (!tm_mem_u64(mem, slot, &sem, err))
		return false;
	*ret = true;
	if (!sem) /* not initialised: there is nothing to guard either */
		return true;
	if (!tm_mem_u32(mem, sem, &value, err))
		return false;
	*ret = value != 0;
	return true;
}

bool py_lock_is_free(struct tm_mem *mem, const struct py_runtime *runtime,
		     bool *ret, struct tm_err *err)
{
	uint8_t byte;

	if (runtime->layout->lock == PY_LOCK_SEM)
		return sem_is_free(mem, runtime->roots.lock, ret, err);
	if (!tm_mem_read(mem, runtime->roots.lock, &byte, 1, err))
		return false;
	*ret = (byte & 1) == 0;
	return true;
}
