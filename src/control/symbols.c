#include "control/symbols.h"

#include "base/guard.h"
#include "base/log.h"

/* Python's functions are all in the image of the runtime; a second name is
 * for the versions that lack the first. */
static const struct {
	const char *name;
	const char *older;
	bool from_python;
} names[FN_COUNT] = {
	[FN_ATTR_INIT] = { "pthread_attr_init", NULL, false },
	[FN_ATTR_SET_STACK] = { "pthread_attr_setstack", NULL, false },
	[FN_ATTR_SET_DETACH_STATE] = { "pthread_attr_setdetachstate", NULL, false },
	[FN_THREAD_CREATE] = { "pthread_create", NULL, false },
	[FN_IS_INITIALIZED] = { "Py_IsInitialized", NULL, true },
	[FN_IS_FINALIZING] = { "Py_IsFinalizing", "_Py_IsFinalizing", true },
	[FN_GIL_ENSURE] = { "PyGILState_Ensure", NULL, true },
	[FN_GIL_RELEASE] = { "PyGILState_Release", NULL, true },
	[FN_INTERPRETER_HEAD] = { "PyInterpreterState_Head", NULL, true },
	[FN_INTERPRETER_NEXT] = { "PyInterpreterState_Next", NULL, true },
	[FN_IMPORT_MODULE] = { "PyImport_ImportModule", NULL, true },
	[FN_CALL_METHOD] = { "PyObject_CallMethod", NULL, true },
	[FN_ERR_FETCH] = { "PyErr_Fetch", NULL, true },
	[FN_GET_ATTR] = { "PyObject_GetAttrString", NULL, true },
	[FN_OBJECT_STR] = { "PyObject_Str", NULL, true },
	[FN_AS_UTF8] = { "PyUnicode_AsUTF8", NULL, true },
	[FN_DEC_REF] = { "Py_DecRef", NULL, true },
	[FN_ERR_CLEAR] = { "PyErr_Clear", NULL, true },
};

/* An image whose `name` is defined at an address. */
static bool exports(const struct tm_image *image, const char *name)
{
	struct tm_symbol symbol;

	return tm_image_dynsym(image, name, &symbol);
}

/* The C library itself, or glibc's libpthread before 2.34: sanitizers and
 * profilers export wrappers of pthread_create(), too. */
static bool is_libc(const struct tm_image *image)
{
	return exports(image, "__libc_start_main") ||
	       exports(image, "__pthread_mutex_lock");
}

static bool is_opaque(const struct tm_image *image)
{
	return is_libc(image) || exports(image, "malloc") ||
	       exports(image, "__tls_get_addr");
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

static void look_at(struct tm_mem *mem, const struct tm_region *region,
		    const struct py_runtime *runtime, struct control_symbols *ret)
{
	TM_GUARD(tm_image_free) struct tm_image image = { 0 };
	struct tm_err err;

	if (!tm_image_read(mem, region, &image, &err))
		return;
	if (runtime->runtime >= image.whole.start &&
	    runtime->runtime < image.whole.end)
		take(&image, true, ret);
	if (is_libc(&image))
		take(&image, false, ret);
	if (exports(&image, "__tls_get_addr") && !is_libc(&image))
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

bool control_symbols_find(struct tm_mem *mem, const struct tm_maps *maps,
			  const struct py_runtime *runtime,
			  struct control_symbols *ret, struct tm_err *err)
{
	*ret = (struct control_symbols){ 0 };
	for (size_t i = 0; i < maps->n; i++)
		if (starts_image(&maps->regions[i]))
			look_at(mem, &maps->regions[i], runtime, ret);
	for (size_t i = 0; i < FN_COUNT; i++)
		if (!ret->fn[i])
			return tm_err_set(err, TM_ERR_UNSUPPORTED, "",
					  "it exports no %s(), which starting and "
					  "stopping needs", names[i].name);
	return true;
}

bool control_is_opaque(const struct control_symbols *symbols, tm_addr pc)
{
	for (size_t i = 0; i < symbols->nopaque; i++)
		if (pc >= symbols->opaque[i].start && pc < symbols->opaque[i].end)
			return true;
	return false;
}
