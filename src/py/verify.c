#include "py/verify.h"

#include <inttypes.h>

#include "base/log.h"

/* The tracemalloc unit: in Modules/ until 3.11, in Python/ since 3.12. */
static const char unit[] = "tracemalloc.c";

static bool contradiction(const struct tm_image *image, const char *means,
			  const char *what, uint64_t told, uint64_t located,
			  struct tm_err *err)
{
	return tm_err_set(err, TM_ERR_UNSUPPORTED, image->path,
			  "unknown layout: its %s puts %s at 0x%" PRIx64
			  ", it was located at 0x%" PRIx64, means, what, told,
			  located);
}

static bool verify_statics(const struct tm_image_file *file,
			   const struct tm_image *image,
			   const struct py_roots *roots, struct tm_err *err)
{
	const struct { const char *name; tm_addr located; } variables[] = {
		{ "tracemalloc_traces", roots->traces },
		{ "tracemalloc_tracebacks", roots->tracebacks },
		{ "tracemalloc_filenames", roots->filenames },
		{ "tracemalloc_domains", roots->domains },
		{ "tracemalloc_traced_memory", roots->traced },
		{ "tracemalloc_peak_traced_memory", roots->peak },
		{ "tables_lock", roots->lock },
	};
	unsigned told = 0;

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		struct tm_symbol symbol;

		if (!tm_image_file_symbol(file, variables[i].name, &symbol))
			continue;
		told++;
		if (symbol.address != variables[i].located)
			return contradiction(image, "symbol table",
					     variables[i].name, symbol.address,
					     variables[i].located, err);
	}
	tm_log("symbol table agrees on %u variables", told);
	return true;
}

static bool verify_state(struct tm_image_file *file,
			 const struct tm_image *image,
			 const struct py_layout *layout, struct tm_err *err)
{
	const struct { const char *type, *name; uint64_t known; } members[] = {
		{ "_tracemalloc_runtime_state", "tables_lock", layout->state.lock },
		{ "_tracemalloc_runtime_state", "traced_memory", layout->state.traced },
		{ "_tracemalloc_runtime_state", "peak_traced_memory", layout->state.peak },
		{ "_tracemalloc_runtime_state", "filenames", layout->state.filenames },
		{ "_tracemalloc_runtime_state", "tracebacks", layout->state.tracebacks },
		{ "_tracemalloc_runtime_state", "traces", layout->state.traces },
		{ "_tracemalloc_runtime_state", "domains", layout->state.domains },
		{ "tracemalloc_traceback", "nframe", layout->traceback.nframe },
		{ "tracemalloc_traceback", "total_nframe", layout->traceback.total_nframe },
		{ "tracemalloc_traceback", "frames", layout->traceback.frames },
		{ "tracemalloc_frame", "filename", layout->frame.filename },
		{ "tracemalloc_frame", "lineno", layout->frame.lineno },
	};
	unsigned told = 0;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		uint64_t offset;

		if (!tm_image_file_member(file, unit, members[i].type,
					  members[i].name, &offset))
			continue;
		told++;
		if (offset != members[i].known)
			return contradiction(image, "debug information",
					     members[i].name, offset,
					     members[i].known, err);
	}
	tm_log("debug information agrees on %u offsets", told);
	return true;
}

bool py_verify(struct tm_image_file *file, const struct tm_image *image,
	       const struct py_runtime *runtime, struct tm_err *err)
{
	if (runtime->layout->root == PY_ROOT_STATICS)
		return verify_statics(file, image, &runtime->roots, err);
	return verify_state(file, image, runtime->layout, err);
}
