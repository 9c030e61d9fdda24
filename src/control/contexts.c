#include "control/contexts.h"

#include "control/mapping.h"
#include "mem/mem.h"
#include "py/allocators.h"
#include "target/stat.h"

/* The context is the first word of a table. */
static bool set_context(const struct control_target *target, tm_addr table, tm_addr ctx,
			struct tm_err *err)
{
	return control_write(target, 0, table, &ctx, sizeof(ctx), err);
}

/* tracemalloc is not on: the table is in use. */
static bool prepare_start(const struct control_target *target,
			  const struct py_allocators *all, struct tm_err *err)
{
	for (enum py_domain i = 0; i < PY_NDOMAINS; i++)
		if (!set_context(target, all->domains[i].at,
				 py_allocators_replaced(target->runtime, i), err))
			return false;
	return true;
}

/* The program itself may have started it: the table that will be back. */
static bool prepare_stop(const struct control_target *target, struct tm_err *err)
{
	for (enum py_domain i = 0; i < PY_NDOMAINS; i++) {
		tm_addr table = py_allocators_replaced(target->runtime, i), ctx;

		if (!tm_mem_u64(target->mem, table, &ctx, err) ||
		    (ctx == 0 && !set_context(target, table, table, err)))
			return false;
	}
	return true;
}

static bool is_alone(pid_t pid)
{
	struct target_stat stat;

	return target_stat_read(pid, &stat) && stat.values[STAT_NUM_THREADS] == 1;
}

static bool refuse(const struct control_target *target, const struct py_allocators *all,
		   struct tm_err *err)
{
	const struct tm_process *process = target->process;

	if (is_alone(process->pid))
		return true;
	tm_err_set(err, TM_ERR_UNSUPPORTED, process->object,
		   "%s exchanges its allocators while other threads run, and %s below would "
		   "crash it", target->runtime->name, py_allocators_name(all->kind));
	return tm_err_hint(err, "`tmattach start --exact %d' records without tracemalloc",
			   (int)process->leader);
}

bool control_contexts(const struct control_target *target, const struct tm_maps *maps,
		      struct tm_err *err)
{
	struct py_allocators all;

	if (!target->runtime->free_threaded)
		return true;
	if (!py_allocators_find(target->mem, maps, target->runtime, &all, err))
		return false;
	switch (all.kind) {
	case PY_ALLOCATORS_MIMALLOC:
		return prepare_start(target, &all, err);
	case PY_ALLOCATORS_TRACEMALLOC:
		return prepare_stop(target, err);
	case PY_ALLOCATORS_PYMALLOC: case PY_ALLOCATORS_MALLOC:
	case PY_ALLOCATORS_DEBUG: case PY_ALLOCATORS_OTHERS:
		break;
	}
	return refuse(target, &all, err);
}
