#include "control/contexts.h"

#include <string.h>

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

static bool is_alone(pid_t pid)
{
	struct target_stat stat;

	return target_stat_read(pid, &stat) && stat.values[STAT_NUM_THREADS] == 1;
}

static bool refuse_start(const struct control_target *target,
			 const struct py_allocators *all, struct tm_err *err)
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

static bool refuse_stop(const struct control_target *target, struct tm_err *err)
{
	const struct tm_process *process = target->process;

	if (is_alone(process->pid))
		return true;
	tm_err_set(err, TM_ERR_UNSUPPORTED, process->object,
		   "%s exchanges its allocators while other threads run, and those below "
		   "tracemalloc, which are not its own or debug hooks, would crash it",
		   target->runtime->name);
	return tm_err_hint(err, "nothing was done; memory is traced until the process ends, "
				"and its traces can be read");
}

bool control_is_foreign(const struct control_target *target, const struct tm_maps *maps,
			tm_addr table, const uint64_t words[static 1 + PY_NFUNCTIONS])
{
	const struct tm_region *own = tm_maps_find(maps, target->runtime->image);

	if (!own || (words[0] != 0 && words[0] != table))
		return true;
	for (size_t i = 1; i <= PY_NFUNCTIONS; i++) {
		const struct tm_region *region = tm_maps_find(maps, words[i]);

		if (!region || strcmp(region->path, own->path) != 0)
			return true;
	}
	return false;
}

/* The program itself may have started it: the tables that will be back. */
static bool prepare_stop(const struct control_target *target, const struct tm_maps *maps,
			 struct tm_err *err)
{
	for (enum py_domain i = 0; i < PY_NDOMAINS; i++) {
		tm_addr table = py_allocators_replaced(target->runtime, i);
		uint64_t words[1 + PY_NFUNCTIONS];

		if (!tm_mem_read(target->mem, table, words, sizeof(words), err))
			return false;
		if (control_is_foreign(target, maps, table, words))
			return refuse_stop(target, err);
		if (words[0] == 0 && !set_context(target, table, table, err))
			return false;
	}
	return true;
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
		return prepare_stop(target, maps, err);
	case PY_ALLOCATORS_PYMALLOC: case PY_ALLOCATORS_MALLOC:
	case PY_ALLOCATORS_DEBUG: case PY_ALLOCATORS_OTHERS:
		break;
	}
	return refuse_start(target, &all, err);
}
