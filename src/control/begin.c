#include "control/doing.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/guard.h"
#include "base/log.h"
#include "control/company.h"
#include "control/instant.h"
#include "control/launch.h"
#include "control/stray.h"
#include "control/wait.h"
#include "target/maps.h"

bool control_look(struct doing *doing, struct tm_err *err)
{
	const struct control_target *target = doing->target;
	struct control_view *view = &doing->view;

	view->mem = target->mem;
	view->pid = target->process->pid;
	native_modules_init(&view->modules, view->pid, target->mem);
	if (!tm_maps_read(view->pid, &view->maps, err) ||
	    !control_symbols_find(target->mem, &view->maps, view->pid, target->runtime,
				  &view->symbols, err))
		return false;
	native_modules_update(&view->modules, &view->maps);
	doing->made_at = control_made_at(target);
	view->unwinder = tm_unwinder_create(&view->modules, err);
	return view->unwinder != NULL;
}

/* ---- before ------------------------------------------------------------------------- */

/* A stop of its own: it borrows a thread, too. *ret_left: with a thread in it. */
static bool sweep(struct doing *doing, size_t *ret_left, struct tm_err *err)
{
	if (!tm_stop_all(doing->target->process, TM_STOP_DEADLINE_MS, &doing->stop, err))
		return false;
	*ret_left = control_sweep(doing->target, &doing->stop);
	tm_stop_guard(&doing->stop);
	return true;
}

/*
 * The helper of another tmattach, which may have been killed, may wait for the GIL
 * inside of tracemalloc's hook, where its thread state is allocated. tracemalloc.stop()
 * at that moment takes the traceback away that it is going to write to: most
 * versions of CPython crash (gh-128679). It needs the GIL as ours does, so we
 * wait for it as long.
 */
bool control_wait_for_others(struct doing *doing, struct tm_err *err)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	uint64_t wait_ns = 1000000;
	size_t left;

	if (!tm_maps_read(doing->target->process->pid, &maps, err))
		return false;
	if (!control_has_any(doing->target, &maps))
		return true;
	for (;;) {
		if (!sweep(doing, &left, err))
			return false;
		if (!left)
			return true;
		if (control_is_over(doing))
			return control_explain_over(doing, err);
		control_wait(&wait_ns, 50000000);
	}
}

static struct control_args make_args(const struct doing *doing)
{
	const struct control_call *call = doing->call;
	struct control_args args = {
		.refuse = call->refuse,
		.made_at = doing->made_at,
		.arg = call->arg,
		.module = "_tracemalloc",
		.name = "__name__",
	};

	snprintf(args.method, sizeof(args.method), "%s",
		 call->by_restart ? "start" : call->method);
	snprintf(args.only_if, sizeof(args.only_if), "%s", call->by_restart ? "is_tracing" : "");
	snprintf(args.first, sizeof(args.first), "%s", call->by_restart ? "stop" : "");
	snprintf(args.undo, sizeof(args.undo), "%s", call->undo ? call->undo : "");
	snprintf(args.format, sizeof(args.format), "%s",
		 call->has_arg || call->by_restart ? "i" : "");
	for (size_t i = 0; i < FN_COUNT; i++)
		args.fn[i] = doing->view.symbols.fn[i];
	return args;
}

/* ---- the beginning ----------------------------------------------------------------- */

static bool job_stopped(const struct tm_stop *stop)
{
	for (size_t i = 0; i < stop->n; i++)
		if (stop->threads[i].state == TM_THREAD_GROUP_STOP)
			return true;
	return false;
}

static bool refuse_stopped(const struct doing *doing, struct tm_err *err)
{
	const struct tm_process *process = doing->target->process;

	tm_err_set(err, TM_ERR_BUSY, process->object,
		   "the process is stopped (SIGSTOP or Ctrl-Z) and executes nothing");
	return tm_err_hint(err, "resume it first: kill -CONT %d", (int)process->leader);
}

static bool no_instant(const struct doing *doing, struct tm_err *err)
{
	if (tm_now_ns() < doing->deadline)
		return control_explain_over(doing, err);
	tm_err_set(err, TM_ERR_BUSY, doing->target->process->object,
		   "within %u ms no thread was seen outside of the C library and of signal handlers",
		   doing->call->timeout_ms);
	return tm_err_hint(err, "nothing was done; try again, or with a longer --timeout");
}

/* Stop everything while no helper of anybody is there: one may have come since the last
 * stop. */
static bool stand(struct doing *doing, struct tm_err *err)
{
	uint64_t wait_ns = 100000;
	bool in_use;

	for (;;) {
		if (!tm_stop_all(doing->target->process, TM_STOP_DEADLINE_MS, &doing->stop, err))
			return false;
		if (job_stopped(&doing->stop))
			return refuse_stopped(doing, err);
		if (!control_is_in_use(doing->target, &doing->stop, &doing->mapping, &in_use, err))
			return false;
		if (!in_use)
			return true;
		tm_stop_guard(&doing->stop);
		if (control_is_over(doing))
			return control_explain_over(doing, err);
		control_wait(&wait_ns, 50000000);
	}
}

/* Stop everything and find a thread to borrow, which is stopped then. */
static bool find_host(struct doing *doing, struct tm_thread **ret, bool *ret_embeds,
		      struct tm_err *err)
{
	uint64_t wait_ns = 100000;

	for (;;) {
		if (!stand(doing, err))
			return false;
		*ret = control_choose(&doing->stop, &doing->view, ret_embeds);
		if (*ret)
			return true;
		tm_stop_guard(&doing->stop);
		if (control_is_over(doing))
			return no_instant(doing, err);
		control_wait(&wait_ns, 10000000);
	}
}

static bool stays_inside(const struct doing *doing, struct tm_err *err)
{
	if (tm_now_ns() < doing->deadline)
		return control_explain_over(doing, err);
	tm_err_set(err, TM_ERR_BUSY, doing->target->process->object,
		   "a thread waits for the GIL inside of tracemalloc, and has not come out "
		   "within %u ms: this version crashes if tracing ends meanwhile",
		   doing->call->timeout_ms);
	return tm_err_hint(err, "nothing was done, and nothing will be; --timeout waits longer");
}

/* Until they are taken; the mapping is made in the first of the stops. */
static bool take(struct doing *doing, const struct control_args *args, struct tm_err *err)
{
	const struct control_target *target = doing->target;
	uint64_t wait_ns = 100000;

	for (;;) {
		bool ok = stand(doing, err) &&
			  (doing->mapping.start ||
			   control_reserve(target, &doing->stop, args, &doing->mapping, err)) &&
			  control_drain_begin(target, &doing->stop, &doing->drain, err);

		tm_stop_guard(&doing->stop);
		if (!ok || doing->drain.done)
			return ok;
		if (control_is_over(doing))
			return stays_inside(doing, err);
		control_wait(&wait_ns, 10000000);
	}
}

static bool wait_till_dry(struct doing *doing, struct tm_err *err)
{
	uint64_t wait_ns = 500000;

	for (;;) {
		bool dry;

		if (!tm_stop_all(doing->target->process, TM_STOP_DEADLINE_MS, &doing->stop, err))
			return false;
		dry = control_drain_is_dry(&doing->view, &doing->stop, &doing->drain);
		tm_stop_guard(&doing->stop);
		if (dry)
			return true;
		if (control_is_over(doing))
			return stays_inside(doing, err);
		control_wait(&wait_ns, 20000000);
	}
}

/* With our mapping there, in which it is noted down, nobody enters the hooks of
 * tracemalloc any more, and nobody is inside of them. */
static bool drain(struct doing *doing, struct control_args *args, struct tm_err *err)
{
	control_drain_plan(doing->target, doing->call, &doing->view.maps, &doing->drain);
	if (!doing->drain.n)
		return true;
	args->head.taken = doing->drain.taken;
	return take(doing, args, err) && wait_till_dry(doing, err);
}

/* The host was let go in the middle: if a helper results from it, it is to do
 * nothing. */
static void withdraw_late(struct doing *doing)
{
	struct tm_err err;
	bool begun;

	if (!control_withdraw(doing, &begun, &err))
		tm_log("control: %s: %s", err.object, err.cause);
}

bool control_begin(struct doing *doing, struct tm_err *err)
{
	struct control_args args = make_args(doing);
	struct tm_thread *host = NULL;
	bool embeds = false, ok;

	ok = control_company_allows(doing->target, doing->call, err) &&
	     drain(doing, &args, err) &&
	     find_host(doing, &host, &embeds, err) &&
	     control_company_allows(doing->target, doing->call, err);
	args.holder = ok && embeds;
	doing->launched = ok;
	ok = ok && control_launch_on(doing->target, &doing->stop, host, &args,
				     &doing->mapping, err);
	tm_stop_guard(&doing->stop);
	if (!ok && doing->launched && doing->mapping.start)
		withdraw_late(doing);
	return ok;
}
