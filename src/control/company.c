#include "control/company.h"

#include <string.h>

#include "base/guard.h"
#include "py/interpreters.h"

/* struct pyinterpreters (pycore_runtime.h): head, main, and the number that
 * the next one will get. */
enum { NEXT_ID = 16 };

tm_addr control_made_at(const struct control_target *target)
{
	enum { MANY = 1 << 24 };
	const struct py_runtime *runtime = target->runtime;
	struct py_stack_fields fields;
	struct tm_err err;
	uint64_t made;
	tm_addr at;

	if (!runtime->runtime ||
	    !py_stack_fields_read(target->mem, runtime, &fields, &err))
		return 0;
	at = runtime->runtime + fields.interpreters + NEXT_ID;
	if (!tm_mem_u64(target->mem, at, &made, &err) || !made || made > MANY)
		return 0;
	return at;
}

bool control_made_many(const struct control_target *target, tm_addr made_at)
{
	struct tm_err err;
	uint64_t made = 0;

	return made_at && tm_mem_u64(target->mem, made_at, &made, &err) && made > 1;
}

static bool others_live(const struct control_target *target)
{
	TM_GUARD(py_interpreters_free) struct py_interpreters all = { 0 };
	struct py_stack_fields fields;
	struct tm_err err;

	return target->runtime->runtime &&
	       py_stack_fields_read(target->mem, target->runtime, &fields, &err) &&
	       py_interpreters_read(target->mem, target->runtime, &fields, &all, &err) &&
	       all.n > 1;
}

/* Before a helper is sent in that would have to wait for the GIL. */
bool control_company_allows(const struct control_target *target,
			    const struct control_call *call, struct tm_err *err)
{
	if (!(call->refuse & CONTROL_REFUSE_OTHERS))
		return true;
	if (!others_live(target) && !((call->refuse & CONTROL_REFUSE_ENDED) &&
				      control_made_many(target, control_made_at(target))))
		return true;
	return control_refuse_company(target, call, err);
}

/* Apache gives each application an interpreter unless configured otherwise. */
static bool has_mod_wsgi(const struct control_target *target)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct tm_err err;

	return tm_maps_read(target->process->pid, &maps, &err) &&
	       tm_maps_have(&maps, "/mod_wsgi");
}

static bool refuse_others(const struct control_target *target, struct tm_err *err)
{
	tm_err_set(err, TM_ERR_UNSUPPORTED, target->process->object,
		   "%s has or had subinterpreters, which hang in this version when memory is traced",
		   target->runtime->name);
	if (has_mod_wsgi(target))
		return tm_err_hint(err, "run the application in the main interpreter "
				   "(WSGIApplicationGroup %%{GLOBAL}), or use --recorder, "
				   "or CPython 3.12 or newer");
	return tm_err_hint(err, "use --recorder, or CPython 3.12 or newer");
}

bool control_refuse_company(const struct control_target *target,
			    const struct control_call *call, struct tm_err *err)
{
	if (call->refuse & CONTROL_REFUSE_OTHERS)
		return refuse_others(target, err);
	tm_err_set(err, TM_ERR_UNSUPPORTED, target->process->object,
		   "%s() would crash the process: %s frees with the wrong allocator what "
		   "subinterpreters with allocators of their own have left", call->method, target->runtime->name);
	if (strcmp(call->method, "start") == 0)
		return tm_err_hint(err, "use --recorder, or CPython 3.15 or newer");
	return tm_err_hint(err, "nothing was done; memory is traced until the process ends, "
			   "and its traces can be read");
}
