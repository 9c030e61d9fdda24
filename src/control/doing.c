#include "control/doing.h"

#include "base/clock.h"

bool control_is_over(const struct doing *doing)
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

bool control_explain_over(const struct doing *doing, struct tm_err *err)
{
	return tm_now_ns() < doing->deadline ? given_up(doing, err) : timed_out(doing, err);
}

bool control_withdraw(struct doing *doing, bool *ret_begun, struct tm_err *err)
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
