#include "control/symbols.h"

#include "base/guard.h"
#include "base/log.h"
#include "image/loaded.h"

/* Python's functions are all in the image of the runtime; a second name is
 * for the versions that lack the first. */
static const struct {
	const char *name;
	const char *older;
	bool from_python;
	bool optional;
} names[FN_COUNT] = {
	[FN_ATTR_INIT] = { "pthread_attr_init", NULL, false, false },
	[FN_ATTR_SET_STACK] = { "pthread_attr_setstack", NULL, false, false },
	[FN_ATTR_SET_DETACH_STATE] = { "pthread_attr_setdetachstate", NULL, false, false },
	[FN_THREAD_CREATE] = { "pthread_create", NULL, false, false },
	[FN_IS_INITIALIZED] = { "Py_IsInitialized", NULL, true, false },
	[FN_IS_FINALIZING] = { "Py_IsFinalizing", "_Py_IsFinalizing", true, false },
	[FN_GIL_ENSURE] = { "PyGILState_Ensure", NULL, true, false },
	[FN_GIL_RELEASE] = { "PyGILState_Release", NULL, true, false },
	[FN_THIS_STATE] = { "PyGILState_GetThisThreadState", NULL, true, false },
	[FN_CURRENT_STATE] = { "PyThreadState_GetUnchecked", "_PyThreadState_UncheckedGet", true, false },
	[FN_INTERPRETER_HEAD] = { "PyInterpreterState_Head", NULL, true, false },
	[FN_INTERPRETER_NEXT] = { "PyInterpreterState_Next", NULL, true, false },
	[FN_HAS_FEATURE] = { "_PyInterpreterState_HasFeature", NULL, true, true },
	[FN_IMPORT_MODULE] = { "PyImport_ImportModule", NULL, true, false },
	[FN_CALL_METHOD] = { "PyObject_CallMethod", NULL, true, false },
	[FN_ERR_FETCH] = { "PyErr_Fetch", NULL, true, false },
	[FN_ERR_RESTORE] = { "PyErr_Restore", NULL, true, false },
	[FN_GET_ATTR] = { "PyObject_GetAttrString", NULL, true, false },
	[FN_OBJECT_STR] = { "PyObject_Str", NULL, true, false },
	[FN_AS_UTF8] = { "PyUnicode_AsUTF8", NULL, true, false },
	[FN_IS_TRUE] = { "PyObject_IsTrue", NULL, true, false },
	[FN_DEC_REF] = { "Py_DecRef", NULL, true, false },
	[FN_ERR_CLEAR] = { "PyErr_Clear", NULL, true, false },
	[FN_GC_DISABLE] = { "PyGC_Disable", NULL, true, true },
	[FN_GC_ENABLE] = { "PyGC_Enable", NULL, true, true },
};

static bool is_opaque(const struct tm_image *image)
{
	return tm_image_is_libc(image) || tm_image_exports(image, "malloc") ||
	       tm_image_exports(image, "__tls_get_addr");
}

static void take(const struct tm_image *image, bool python,
		 struct control_symbols *ret)
{
	for (size_t i = 0; i < FN_COUNT; i++) {
		struct tm_symbol symbol;

		if (names[i].from_python != python || ret->fn[i])
			continue;
		if (tm_image_dynsym(image, names[i].name, &symbol) ||
		    (names[i].older &&
		     tm_image_dynsym(image, names[i].older, &symbol)))
			ret->fn[i] = symbol.address;
	}
}

/* A file that is mapped to be read is none of them: it would be called where
 * nothing can run. */
static void look_at(struct tm_mem *mem, const struct tm_region *region,
		    const struct tm_loaded *loaded,
		    const struct py_runtime *runtime, struct control_symbols *ret)
{
	TM_GUARD(tm_image_free) struct tm_image image = { 0 };
	struct tm_err err;

	if (!tm_image_read(mem, region, &image, &err) ||
	    !(region->path[0] == '[' || tm_loaded_has(loaded, &image)))
		return;
	if (runtime->runtime >= image.whole.start &&
	    runtime->runtime < image.whole.end) {
		take(&image, true, ret);
		ret->python = image.whole;
	}
	if (tm_image_is_libc(&image))
		take(&image, false, ret);
	if (tm_image_exports(&image, "__tls_get_addr") && !tm_image_is_libc(&image))
		ret->loader = image.whole;
	if (is_opaque(&image) && ret->nopaque < CONTROL_MAX_OPAQUE) {
		tm_log("control: %s is opaque", image.path);
		ret->opaque[ret->nopaque++] = image.whole;
	}
}

static bool starts_image(const struct tm_region *region)
{
	return region->offset == 0 && region->readable &&
	       (region->path[0] == '/' || region->path[0] == '[');
}

bool control_symbols_find(struct tm_mem *mem, const struct tm_maps *maps, pid_t pid,
			  const struct py_runtime *runtime,
			  struct control_symbols *ret, struct tm_err *err)
{
	TM_GUARD(tm_loaded_free) struct tm_loaded loaded = { 0 };

	tm_loaded_read(mem, maps, pid, &loaded);
	*ret = (struct control_symbols){ 0 };
	for (size_t i = 0; i < maps->n; i++)
		if (starts_image(&maps->regions[i]))
			look_at(mem, &maps->regions[i], &loaded, runtime, ret);
	for (size_t i = 0; i < FN_COUNT; i++)
		if (!ret->fn[i] && !names[i].optional)
			return tm_err_set(err, TM_ERR_UNSUPPORTED, "",
					  "it does not export %s(), which "
					  "starting and stopping need", names[i].name);
	return true;
}

bool control_is_opaque(const struct control_symbols *symbols, tm_addr pc)
{
	for (size_t i = 0; i < symbols->nopaque; i++)
		if (pc >= symbols->opaque[i].start && pc < symbols->opaque[i].end)
			return true;
	return false;
}
