#include "control/control.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "control/company.h"
#include "control/doing.h"
#include "control/launch.h"
#include "control/script.h"
#include "control/wait.h"

enum {
	/* On a crowded machine the helper can wait for the allocator's lock
	 * long after its work is done. */
	UNMAP_TIMEOUT_MS = 20000,
	/* A thread that has the GIL is never withdrawn: freeing millions of
	 * traces takes seconds. This is for one that will never end. */
	RUNNING_TIMEOUT_MS = 600000,
};

static void forget(struct doing *doing)
{
	tm_unwinder_destroy(doing->view.unwinder);
	native_modules_deinit(&doing->view.modules);
	tm_maps_free(&doing->view.maps);
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
		if (!begun && control_is_over(doing)) {
			if (!control_withdraw(doing, &begun, err))
				return false;
			if (!begun)
				return control_explain_over(doing, err);
			doing->deadline += RUNNING_TIMEOUT_MS * 1000000ull;
		}
		control_wait(&wait_ns, 10000000);
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

		control_wait(&wait_ns, 200000000);
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

	ok = control_wait_for_others(doing, err) && control_look(doing, err) &&
	     control_begin(doing, err) && wait_final(doing, &args, err);
	control_drain_end(doing->target, &doing->mapping,
			  ok && args.head.state == CONTROL_DONE, &doing->drain);
	forget(doing);
	if (!ok) {
		if (!doing->launched)
			clean_up(doing);
		return false;
	}
	*ret = (struct control_done){ .left = !clean_up(doing), .alive = args.alive,
				      .own = args.own, .ended = args.ended };
	return report(doing, &args, err);
}

bool control_settle(const struct control_target *target, const struct control_call *call,
		    struct tm_err *err)
{
	struct doing doing = begin(target, call);

	return control_wait_for_others(&doing, err);
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
