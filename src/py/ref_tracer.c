#include "py/ref_tracer.h"

#include <inttypes.h>

#include "base/guard.h"
#include "base/log.h"
#include "py/code.h"

enum { WORD = 8 };

static bool has(const struct tm_refers *refers, tm_addr at)
{
	for (size_t i = 0; i < refers->n; i++)
		if (refers->at[i] == at)
			return true;
	return false;
}

/* Both words, in _PyRuntime. */
static bool has_pair(const struct py_runtime *runtime, const struct tm_refers *refers,
		     tm_addr at)
{
	return at % WORD == 0 && at > runtime->runtime &&
	       runtime->runtime_size >= 2 * WORD &&
	       at - runtime->runtime <= runtime->runtime_size - 2 * WORD &&
	       has(refers, at) && has(refers, at + WORD);
}

/* What both functions refer to, which have nothing else in common. */
static tm_addr find(struct tm_mem *mem, const struct tm_image *image,
		    const struct py_runtime *runtime)
{
	struct tm_refers get, set;
	tm_addr found = 0;
	size_t n = 0;

	if (!py_code_refers(mem, image, "PyRefTracer_GetTracer", runtime->runtime, &get) ||
	    !py_code_refers(mem, image, "PyRefTracer_SetTracer", runtime->runtime, &set))
		return 0;
	for (size_t i = 0; i < get.n; i++)
		if (has_pair(runtime, &get, get.at[i]) && has_pair(runtime, &set, get.at[i])) {
			found = get.at[i];
			n++;
		}
	return n == 1 ? found : 0;
}

/* Nothing, or code. */
static bool is_tracer(const struct tm_maps *maps, tm_addr function)
{
	const struct tm_region *region = tm_maps_find(maps, function);

	return !function || (region && region->executable);
}

struct py_ref_tracer py_ref_tracer_find(struct tm_mem *mem, const struct tm_maps *maps,
					const struct py_runtime *runtime)
{
	TM_GUARD(tm_image_free) struct tm_image image = { 0 };
	struct py_ref_tracer ret = { 0 };
	struct tm_err unknown;

	if (!py_runtime_image(mem, maps, runtime, runtime->image, &image, &unknown))
		return ret;
	ret.at = find(mem, &image, runtime);
	if (!ret.at || !tm_mem_u64(mem, ret.at, &ret.function, &unknown) ||
	    !is_tracer(maps, ret.function))
		return (struct py_ref_tracer){ 0 };
	tm_log("the tracer of references at 0x%" PRIx64 ": 0x%" PRIx64, ret.at, ret.function);
	return ret;
}
