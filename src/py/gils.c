#include "py/gils.h"

#include "base/guard.h"
#include "base/load.h"
#include "py/interpreters.h"

enum {
	OWN_GILS_SINCE = 0x030c0000,
	/* ceval.gil stands at 384 in 3.12, later at 16 (pycore_interp.h,
	 * pycore_interp_structs.h). */
	SEARCHED = 512,
	MAX_INTERPRETER = 1 << 20, /* its size: 3.12 to 3.15 have less than half of this */
};

static bool lies_within(tm_addr interpreter, uint64_t word)
{
	return word > interpreter && word - interpreter < MAX_INTERPRETER && word % 4 == 0;
}

/* struct _ceval_state: `struct _gil_runtime_state *gil; int own_gil;` */
static bool find_word(struct tm_mem *mem, const struct py_runtime *runtime,
		      tm_addr interpreter, uint16_t *ret, struct tm_err *err)
{
	unsigned char head[SEARCHED + 12];
	unsigned found = 0;

	if (!tm_mem_read(mem, interpreter, head, sizeof(head), err))
		return false;
	for (uint16_t at = 0; at <= SEARCHED; at += 8)
		if (lies_within(interpreter, tm_load_u64(head, at)) &&
		    tm_load_u32(head, at + 8U) == 1) {
			*ret = at;
			found++;
		}
	return found == 1 || py_stack_refuse(runtime, err, "GIL", interpreter);
}

bool py_gils_find(struct tm_mem *mem, const struct py_runtime *runtime,
		  const struct py_stack_fields *fields, struct py_gils *ret,
		  struct tm_err *err)
{
	TM_GUARD(py_interpreters_free) struct py_interpreters all = { 0 };
	struct py_gils gils = { .interp_gil = PY_ABSENT, .n = 1 };
	uint64_t gil;

	if (runtime->hexversion >= OWN_GILS_SINCE && !runtime->free_threaded) {
		if (!py_interpreters_read(mem, runtime, fields, &all, err))
			return false;
		if (!all.n)
			return py_stack_refuse(runtime, err, "interpreter", runtime->runtime);
		if (!find_word(mem, runtime, all.items[all.n - 1], &gils.interp_gil, err))
			return false;
		for (size_t i = 0; i + 1 < all.n; i++)
			if (tm_mem_u64(mem, all.items[i] + gils.interp_gil, &gil, err) &&
			    lies_within(all.items[i], gil))
				gils.n++;
	}
	*ret = gils;
	return true;
}
