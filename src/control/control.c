#include "control/control.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/guard.h"
#include "base/log.h"
#include "control/company.h"
#include "control/instant.h"
#include "control/launch.h"
#include "control/mapping.h"
#include "control/script.h"
#include "control/stray.h"
#include "target/late.h"
#include "target/maps.h"

enum {
	/* On a crowded machine the helper can wait for the allocator's lock
	 * long after its work is done. */
	UNMAP_TIMEOUT_MS = 20000,
	/* A thread that has the GIL is never withdrawn: freeing millions of
	 * traces takes seconds. This is for one that will never end. */
	RUNNING_TIMEOUT_MS = 600000,
};

/* One call on its way. */
struct doing {
	const struct control_target *target;
	const struct control_call *call;
	struct control_view view;
	struct tm_stop stop;
	struct control_mapping mapping;
	tm_addr made_at;        /* of _PyRuntime; 0: not known */
	uint64_t deadline;
};

/* Longer each time, to `max_ns` in the end. */
static void wait_a_little(uint64_t *ns, uint64_t max_ns)
{
	struct timespec t = { .tv_nsec = (long)*ns };

	nanosleep(&t, NULL);
	tm_late_poll();
	*ns = *ns * 2 < max_ns ? *ns * 2 : max_ns;
}

/* What can be examined while the target runs. */
static bool look(struct doing *doing, struct tm_err *err)
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

static void forget(struct doing *doing)
{
	tm_unwinder_destroy(doing->view.unwinder);
	native_modules_deinit(&doing->view.modules);
	tm_maps_free(&doing->view.maps);
}

/* ---- before ------------------------------------------------------------------------- */

/* The time is up, or the caller no longer wants it. */
static bool over(const struct doing *doing)
{
	const struct control_call *call = doing->call;

	return tm_now_ns() >= doing->deadline || (call->give_up && call->give_up());
}

static bool given_up(const struct doing *doing, struct tm_err *err)
{
	return tm_err_set(err, TM_ERR_BUSY, doing->target->process->object,
			  "%s() was cancelled before its turn came; nothing was done, and nothing will be",
			  doing->call->method);
}

static bool timed_out(const struct doing *doing, struct tm_err *err)
{
	tm_err_set(err, TM_ERR_BUSY, doing->target->process->object,
		   "the interpreter did not become free within %u ms: a thread holds the GIL, "
		   "in a long call or while it waits", doing->call->timeout_ms);
	return tm_err_hint(err, "nothing was done, and nothing will be: the waiting thread was told "
				"to end as soon as it can; --timeout waits longer");
}

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
static bool settle(struct doing *doing, struct tm_err *err)
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
		if (over(doing))
			return tm_now_ns() < doing->deadline ?
			       given_up(doing, err) : timed_out(doing, err);
		wait_a_little(&wait_ns, 50000000);
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
	tm_err_set(err, TM_ERR_BUSY, doing->target->process->object,
		   "within %u ms no thread was seen outside of the C library and of signal handlers",
		   doing->call->timeout_ms);
	return tm_err_hint(err, "nothing was done; try again, or with a longer --timeout");
}

/* Stop everything and find a thread to borrow, which is stopped then. settle() was
 * another stop: the helper of another tmattach may have come since. */
static bool find_host(struct doing *doing, struct tm_thread **ret, bool *ret_embeds,
		      struct tm_err *err)
{
	const struct control_target *target = doing->target;
	uint64_t wait_ns = 100000;
	bool in_use;

	for (;;) {
		if (!tm_stop_all(target->process, TM_STOP_DEADLINE_MS, &doing->stop, err))
			return false;
		if (job_stopped(&doing->stop))
			return refuse_stopped(doing, err);
		if (!control_is_in_use(target, &doing->stop, &in_use, err))
			return false;
		*ret = in_use ? NULL : control_choose(&doing->stop, &doing->view, ret_embeds);
		if (*ret)
			return true;
		tm_stop_guard(&doing->stop);
		if (over(doing))
			return tm_now_ns() < doing->deadline ? given_up(doing, err) :
			       in_use ? timed_out(doing, err) : no_instant(doing, err);
		wait_a_little(&wait_ns, in_use ? 50000000 : 10000000);
	}
}

/* Nothing runs: a thread that still waits for the GIL is to do nothing but
 * end, and one that executes what can be undone is to undo it. *ret_begun: too
 * late, it has the GIL. */
static bool withdraw(struct doing *doing, bool *ret_begun, struct tm_err *err)
{
	const struct control_target *target = doing->target;
	tm_addr at = doing->mapping.args + offsetof(struct control_args, head.state);
	uint32_t state = 0, told = CONTROL_WITHDRAWN;
	bool ok;

	ok = tm_stop_all(target->process, TM_STOP_DEADLINE_MS, &doing->stop, err) &&
	     tm_mem_u32(target->mem, at, &state, err);
	if (state == CONTROL_RUNNING && doing->call->undo)
		told = CONTROL_UNDOING;
	*ret_begun = state != CONTROL_WAITING && state != CONTROL_NEW &&
		     told != CONTROL_UNDOING;
	if (ok && !*ret_begun)
		ok = control_write(target, tm_stop_any(&doing->stop), at, &told, sizeof(told), err);
	tm_stop_guard(&doing->stop);
	return ok;
}

/* The host was let go in the middle: if a helper results from it, it is to do
 * nothing. */
static void withdraw_late(struct doing *doing)
{
	struct tm_err err;
	bool begun;

	if (!withdraw(doing, &begun, &err))
		tm_log("control: %s: %s", err.object, err.cause);
}

static bool launch(struct doing *doing, struct tm_err *err)
{
	struct control_args args = make_args(doing);
	struct tm_thread *host = NULL;
	bool embeds = false, ok;

	ok = find_host(doing, &host, &embeds, err) &&
	     control_company_allows(doing->target, doing->call, err);
	args.holder = ok && embeds;
	ok = ok && control_launch_on(doing->target, &doing->stop, host, &args,
				     &doing->mapping, err);
	tm_stop_guard(&doing->stop);
	if (!ok && doing->mapping.start)
		withdraw_late(doing);
	return ok;
}

/* ---- waiting -------------------------------------------------------------------------- */

static bool is_final(uint32_t state)
{
	return state >= CONTROL_DONE;
}

static bool hangs(const struct doing *doing, struct tm_err *err)
{
	return tm_err_set(err, TM_ERR_BUSY, doing->target->process->object,
			  "%s() is still being executed there after %d s and will end by itself",
			  doing->call->method, RUNNING_TIMEOUT_MS / 1000);
}

static bool wait_final(struct doing *doing, struct control_args *ret,
		       struct tm_err *err)
{
	uint64_t wait_ns = 100000;
	bool begun = false;

	for (;;) {
		if (!control_args_read(doing->target, &doing->mapping, ret, err))
			return false;
		if (is_final(ret->head.state))
			return true;
		if (begun && tm_now_ns() >= doing->deadline)
			return hangs(doing, err);
		if (!begun && over(doing)) {
			bool in_time = tm_now_ns() < doing->deadline;

			if (!withdraw(doing, &begun, err))
				return false;
			if (!begun)
				return in_time ? given_up(doing, err) :
						 timed_out(doing, err);
			doing->deadline += RUNNING_TIMEOUT_MS * 1000000ull;
		}
		wait_a_little(&wait_ns, 10000000);
	}
}

/* ---- the end ---------------------------------------------------------------------------- */

/* The helper ends by itself; stopping it again and again would prevent that. */
static bool clean_up(struct doing *doing)
{
	const struct control_target *target = doing->target;
	uint64_t wait_ns = 200000;
	uint64_t deadline = tm_now_ns() + UNMAP_TIMEOUT_MS * 1000000ull;

	while (doing->mapping.start && tm_now_ns() < deadline) {
		struct tm_err err;
		bool busy;

		wait_a_little(&wait_ns, 200000000);
		if (!tm_stop_all(target->process, TM_STOP_DEADLINE_MS, &doing->stop, &err))
			return false;
		if (!control_unmap(target, &doing->stop, &doing->mapping, &busy, &err))
			tm_log("control: %s: %s", err.object, err.cause);
		tm_stop_guard(&doing->stop);
	}
	return !doing->mapping.start;
}

static bool report(const struct doing *doing, const struct control_args *args,
		   struct tm_err *err)
{
	const char *object = doing->target->process->object;

	switch (args->head.state) {
	case CONTROL_DONE:
		return true;
	case CONTROL_RAISED:
		return control_explain_raised(doing->target, doing->call, args, err);
	case CONTROL_SUBINTERPRETERS:
		return control_refuse_company(doing->target, doing->call, err);
	case CONTROL_IDLE:
		return tm_err_set(err, TM_ERR_NOT_TRACED, object,
				  "the program itself has just stopped tracing");
	default:
		return tm_err_set(err, TM_ERR_NOT_TRACED, object,
				  "the interpreter is starting up or shutting down");
	}
}

static struct doing begin(const struct control_target *target, const struct control_call *call)
{
	return (struct doing){
		.target = target, .call = call,
		.deadline = call->deadline_ns,
	};
}

static bool do_by_thread(struct doing *doing, struct control_done *ret, struct tm_err *err)
{
	struct control_args args;
	bool ok;

	ok = settle(doing, err) && look(doing, err) && launch(doing, err) &&
	     wait_final(doing, &args, err);
	forget(doing);
	if (!ok)
		return false;
	*ret = (struct control_done){ .left = !clean_up(doing), .alive = args.alive,
				      .own = args.own, .ended = args.ended };
	return report(doing, &args, err);
}

bool control_settle(const struct control_target *target, const struct control_call *call,
		    struct tm_err *err)
{
	struct doing doing = begin(target, call);

	return settle(&doing, err);
}

bool control_do(const struct control_target *target, const struct control_call *call,
		struct control_done *ret, struct tm_err *err)
{
	struct doing doing = begin(target, call);
	struct py_debugger debugger;

	*ret = (struct control_done){ 0 };
	if (do_by_thread(&doing, ret, err))
		return true;
	if (err->kind != TM_ERR_UNSUPPORTED || doing.mapping.start || ret->alive)
		return false;
	ret->ended = control_made_many(target, doing.made_at);
	if (ret->ended && (call->refuse & CONTROL_REFUSE_ENDED))
		return control_refuse_company(target, call, err);
	return control_script_can(target, &debugger, err) &&
	       control_script_do(target, &debugger, call, err);
}
