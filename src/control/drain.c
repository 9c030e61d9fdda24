#include "control/drain.h"

#include <stddef.h>
#include <string.h>

#include "arch/arch.h"
#include "base/guard.h"
#include "base/log.h"
#include "control/contexts.h"
#include "control/mapping.h"
#include "control/wait.h"
#include "py/allocators.h"
#include "remote/quiet.h"

enum { CTX, MALLOC, CALLOC, REALLOC, FREE };

/* ---- what there is to do ------------------------------------------------------- */

static bool may_crash(const struct control_target *target, const struct control_call *call)
{
	const struct py_runtime *runtime = target->runtime;

	return strcmp(call->method, "stop") == 0 && !runtime->free_threaded &&
	       (runtime->hexversion >> 8 & 0xff) < runtime->layout->idle_memory_zero_since;
}

static size_t read_code(void *ctx, uint64_t at, void *buf, size_t len)
{
	return tm_mem_read_some(ctx, at, buf, len);
}

/* All the code of the hooks; false if it is not understood. */
static bool find_code(const struct control_target *target, struct control_drain *ret)
{
	for (size_t i = MALLOC; i <= REALLOC; i++) {
		size_t n = tm_code_extent(ret->taken.words[i], read_code, target->mem,
					  ret->inside + ret->n, CONTROL_DRAIN_RANGES - ret->n);

		if (!n)
			return false;
		ret->n += n;
	}
	return true;
}

/* What stands there meanwhile: what tracemalloc has replaced. */
static bool find_meanwhile(const struct control_target *target, const struct tm_maps *maps,
			   struct control_drain *drain)
{
	const uint64_t *words = drain->taken.words;
	struct tm_err err;

	if (!tm_mem_read(target->mem, words[CTX], drain->meanwhile, sizeof(drain->meanwhile),
			 &err))
		return false;
	if (!control_is_foreign(target, maps, words[CTX], drain->meanwhile)) {
		drain->meanwhile[CTX] = words[CTX];
		drain->meanwhile[FREE] = words[FREE];
	}
	return true;
}

static bool find_words(const struct control_target *target, const struct tm_maps *maps,
		       struct control_drain *ret)
{
	const struct py_allocator *raw;
	struct py_allocators all;
	struct tm_err err;

	if (!py_allocators_find(target->mem, maps, target->runtime, &all, &err) ||
	    all.kind != PY_ALLOCATORS_TRACEMALLOC)
		return false;
	raw = &all.domains[PY_DOMAIN_RAW];
	ret->taken = (struct control_taken){ raw->at, { raw->ctx } };
	memcpy(ret->taken.words + MALLOC, raw->functions, sizeof(raw->functions));
	return find_meanwhile(target, maps, ret);
}

void control_drain_plan(const struct control_target *target, const struct control_call *call,
			const struct tm_maps *maps, struct control_drain *ret)
{
	*ret = (struct control_drain){ 0 };
	if (!may_crash(target, call))
		return;
	if (!find_words(target, maps, ret) ||
	    ret->taken.words[MALLOC] == ret->meanwhile[MALLOC] || !find_code(target, ret)) {
		*ret = (struct control_drain){ 0 };
		tm_log("control: nothing can be taken from the raw allocators");
	}
}

/* ---- who is about to enter --------------------------------------------------------- */

/* Has it read one of these from the table? */
static bool has_read(const struct tm_thread *thread, const uint64_t *words, size_t n)
{
	struct tm_regs regs;
	uint64_t value;

	if (!tm_thread_stands(thread) || !tm_regs_get(thread->tid, &regs))
		return false;
	for (int i = 0; i < TM_UNWIND_REGS; i++)
		for (size_t k = 0; tm_regs_dwarf(&regs, i, &value) && k < n; k++)
			if (value == words[k])
				return true;
	return false;
}

static bool waits_in_kernel(const struct control_target *target, const struct tm_thread *thread)
{
	unsigned char code[8];
	struct tm_regs regs;
	uint64_t args[6];
	long nr;

	if (!tm_thread_stands(thread))
		return thread->state == TM_THREAD_IN_KERNEL;
	return tm_regs_get(thread->tid, &regs) &&
	       tm_regs_waiting(&regs, code, tm_mem_read_some(target->mem, tm_regs_pc(&regs), code,
							     sizeof(code)), &nr, args);
}

/* Can the words be changed, from these? */
static bool is_instant(const struct control_target *target, const struct tm_stop *stop,
		       const uint64_t from[static CONTROL_TABLE_WORDS],
		       const uint64_t to[static CONTROL_TABLE_WORDS])
{
	for (size_t i = 0; from[CTX] != to[CTX] && i < stop->n; i++)
		if (stop->threads[i].state != TM_THREAD_GONE &&
		    !waits_in_kernel(target, &stop->threads[i]) &&
		    has_read(&stop->threads[i], from, CONTROL_TABLE_WORDS))
			return false;
	return true;
}

/* ---- taking and giving back ------------------------------------------------------ */

/* The program may have changed its allocators itself meanwhile: then nothing is done.
 * *ret: it is as it should be. */
static bool change(const struct control_target *target, const struct tm_stop *stop,
		   tm_addr table, const uint64_t from[static CONTROL_TABLE_WORDS],
		   const uint64_t to[static CONTROL_TABLE_WORDS], bool *ret, struct tm_err *err)
{
	const size_t len = CONTROL_TABLE_WORDS * sizeof(*from);
	uint64_t now[CONTROL_TABLE_WORDS];

	*ret = true;
	if (!tm_mem_read(target->mem, table, now, len, err))
		return false;
	if (memcmp(now, from, len) != 0)
		return true;
	*ret = is_instant(target, stop, from, to);
	return !*ret || control_write(target, tm_stop_any(stop), table, to, len, err);
}

bool control_drain_begin(const struct control_target *target, const struct tm_stop *stop,
			 struct control_drain *drain, struct tm_err *err)
{
	return change(target, stop, drain->taken.table, drain->taken.words, drain->meanwhile,
		      &drain->done, err);
}

/* Unless the program has ended tracing itself. True: there is no more to do. */
static bool put_back(const struct control_target *target, const struct tm_stop *stop,
		     const struct control_drain *drain)
{
	struct py_status status;
	struct tm_err err;
	bool done;

	if (!py_status_read(target->mem, target->runtime, &status, &err) ||
	    status.state != PY_TRACING)
		return true;
	if (!change(target, stop, drain->taken.table, drain->meanwhile, drain->taken.words,
		    &done, &err)) {
		tm_log("control: %s: %s", err.object, err.cause);
		return true;
	}
	return done;
}

static void undo(const struct control_target *target, const struct control_drain *drain)
{
	enum { TRIES = 200 };
	uint64_t wait_ns = 100000;
	bool done = false;

	for (int i = 0; i < TRIES && !done; i++) {
		TM_GUARD(tm_stop_guard) struct tm_stop stop = { 0 };
		struct tm_err err;

		done = !tm_stop_all(target->process, TM_STOP_DEADLINE_MS, &stop, &err) ||
		       put_back(target, &stop, drain);
		tm_stop_guard(&stop);
		if (!done)
			control_wait(&wait_ns, 10000000);
	}
}

void control_drain_end(const struct control_target *target,
		       const struct control_mapping *mapping, bool made,
		       struct control_drain *drain)
{
	static const uint64_t none;
	const tm_addr at = mapping->args + offsetof(struct control_args, head.taken.table);
	struct tm_err err;

	if (drain->done && !made)
		undo(target, drain);
	if (drain->n && mapping->start && !control_write(target, 0, at, &none, sizeof(none), &err))
		tm_log("control: %s: %s", err.object, err.cause);
	drain->done = false;
}

/* Is what another tmattach has noted down what can have stood in the table? */
static bool is_likely(const struct control_target *target, const struct tm_maps *maps,
		      const struct control_taken *taken)
{
	struct py_allocators all;
	struct tm_err err;

	if (!taken->table ||
	    !py_allocators_find(target->mem, maps, target->runtime, &all, &err) ||
	    all.domains[PY_DOMAIN_RAW].at != taken->table)
		return false;
	for (size_t i = MALLOC; i <= FREE; i++) {
		const struct tm_region *region = tm_maps_find(maps, taken->words[i]);

		if (!region || !region->executable)
			return false;
	}
	return true;
}

bool control_drain_recover(const struct control_target *target, const struct tm_stop *stop,
			   const struct tm_maps *maps, const struct control_taken *taken)
{
	struct control_drain drain = { .taken = *taken };

	return !is_likely(target, maps, taken) || !find_meanwhile(target, maps, &drain) ||
	       put_back(target, stop, &drain);
}

/* ---- who is inside ---------------------------------------------------------------- */

/* Something on its stack leads there. Only a stack that was followed to its end says that
 * it does not come to it. */
static bool unwound_outside(struct control_view *view, const struct tm_thread *thread,
			    const struct tm_quiet *quiet)
{
	TM_GUARD(tm_stack_free) struct tm_stack stack = { 0 };
	struct tm_regs regs;

	if (!tm_thread_stands(thread) || !tm_regs_get(thread->tid, &regs))
		return false;
	tm_unwind(view->unwinder, view->mem, &regs, 0, &stack);
	for (size_t i = 0; i < stack.n; i++)
		if (tm_quiet_inside(quiet, stack.frames[i].pc))
			return false;
	return stack.complete && !stack.doubtful;
}

static bool is_inside(struct control_view *view, const struct tm_stop *stop,
		      const struct tm_thread *thread, const struct control_drain *drain,
		      const struct tm_quiet *quiet)
{
	struct tm_standing standing;

	switch (tm_quiet_stands(stop, thread, &standing)) {
	case TM_STANDS_NOWHERE:
		return false;
	case TM_STANDS_THERE:
		return tm_quiet_inside(quiet, standing.pc) || has_read(thread, drain->taken.words + MALLOC, REALLOC) ||
		       (!tm_quiet_stack(quiet, &standing) &&
			!unwound_outside(view, thread, quiet));
	case TM_STANDS_ANYWHERE: default:
		return true;
	}
}

/* Each word by itself counts. */
static size_t pass_none(void *ctx, const uint64_t *words, size_t left, tm_addr at)
{
	(void)ctx;
	(void)words;
	(void)left;
	(void)at;
	return 0;
}

bool control_drain_is_dry(struct control_view *view, const struct tm_stop *stop,
			  const struct control_drain *drain)
{
	const struct tm_quiet quiet = { view->mem, drain->inside, drain->n, pass_none, NULL };

	tm_unwinder_begin(view->unwinder, false);
	for (size_t i = 0; i < stop->n; i++)
		if (is_inside(view, stop, &stop->threads[i], drain, &quiet))
			return false;
	return true;
}
