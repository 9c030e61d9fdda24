#include "session/waiting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/order.h"
#include "py/waiting.h"

static const char *keep(struct thread_sample *sample, const char *text)
{
	return thread_sample_text(sample, text).bytes;
}

static void take_waiter(void *ctx, const struct py_waiter *waiter)
{
	struct thread_sample *sample = ctx;
	struct raw_waiter *raw;

	sample->waiters = tm_grow(sample->waiters, &sample->cap_waiters,
				  sample->nwaiters + 1, sizeof(*raw));
	raw = &sample->waiters[sample->nwaiters++];
	*raw = (struct raw_waiter){
		.kind = waiter->kind == PY_WAITER_TASK ? TM_KIND_TASK
						       : TM_KIND_GREENLET,
		.at = waiter->at, .doing = waiter->state,
		.name = keep(sample, waiter->name),
		.type = keep(sample, waiter->type),
		.waits_for = keep(sample, waiter->waits_for),
		.first_python = thread_sample_frames(sample, waiter->stack),
		.npython = waiter->stack->n, .complete = waiter->complete,
	};
}

static int compare(const void *left, const void *right)
{
	const struct raw_waiter *a = left, *b = right;
	int order = tm_order_u64(a->kind, b->kind);

	if (!order)
		order = strverscmp(a->name, b->name);
	return order ? order : tm_order_u64(a->at, b->at);
}

static bool take(struct thread_sample *sample, const struct tm_instant *instant,
		 struct tm_err *err)
{
	struct tm_err why;

	sample->no_waiters[0] = '\0';
	sample->nwaiters = 0;
	if (py_waiting_each(instant->mem, &sample->session->runtime, take_waiter,
			    sample, &why)) {
		qsort(sample->waiters, sample->nwaiters, sizeof(*sample->waiters),
		      compare);
		return true;
	}
	sample->nwaiters = 0;
	/* If a copy lacks pages: the process itself has them. */
	if (why.kind == TM_ERR_FAULT && instant->mem != sample->session->mem) {
		*err = why;
		return false;
	}
	/* No failure: there are threads. */
	snprintf(sample->no_waiters, sizeof(sample->no_waiters), "%.199s", why.cause);
	return true;
}

static bool take_waiting(void *ctx, const struct tm_instant *instant,
			 struct tm_err *err)
{
	struct thread_sample *sample = ctx;

	return (!sample->session->core ||
		thread_sample_take(ctx, instant, err)) &&
	       take(sample, instant, err);
}

/* If they cannot be read, this is reported when they are looked for. */
static bool at_rest(struct tm_session *session, bool *ret, struct tm_err *err)
{
	*ret = true;
	if (!py_waiting_at_rest(session->mem, &session->runtime, ret, err))
		*ret = true;
	return true;
}

void waiting_give_up(struct thread_sample *sample, struct tm_look *look,
		     const struct tm_err *why)
{
	look->how = TM_LOOK_HELD;
	look->at_rest = NULL;
	look->stopped = NULL;
	look->read = thread_sample_take;
	snprintf(sample->no_waiters, sizeof(sample->no_waiters), "%.199s",
		 why->kind == TM_ERR_BUSY ? "the garbage collector was at work at "
					    "every instant tried" : why->cause);
}

void waiting_prepare(struct thread_sample *sample, struct tm_look *look)
{
	struct tm_session *session = sample->session;
	pid_t pid = session->process.pid;
	uint64_t kilobytes = 0;
	struct tm_err err;

	if (!session->runtime.layout || !sample->reader ||
	    (!session->core && !tm_subject_refresh(session, &err)) ||
	    !py_waiting_may_be(session->mem, &session->runtime, &session->maps))
		return;
	look->read = take_waiting;
	if (session->core)
		return;
	look->how = TM_LOOK_ANY;
	look->at_rest = at_rest;
	look->stopped = thread_sample_take;
	/* Objects are scattered: half of the memory may be read. */
	if (tm_process_status_u64(pid, pid, "RssAnon", 10, &kilobytes))
		look->bytes = kilobytes * 1024 / 2;
}

void waiting_fill(struct thread_sample *sample, struct tm_thread_info *infos)
{
	if (sample->no_waiters[0] && !sample->threads.note[0])
		snprintf(sample->threads.note, sizeof(sample->threads.note),
			 "no tasks and greenlets: %s", sample->no_waiters);
	for (size_t i = 0; i < sample->nwaiters; i++) {
		const struct raw_waiter *raw = &sample->waiters[i];
		struct tm_thread_info *info = &infos[i];

		*info = (struct tm_thread_info){
			.kind = raw->kind, .state = '?', .address = raw->at,
			.python = sample->python + raw->first_python,
			.npython = raw->npython,
			.python_complete = raw->complete,
		};
		snprintf(info->name, sizeof(info->name), "%s", raw->name);
		snprintf(info->type, sizeof(info->type), "%s", raw->type);
		snprintf(info->doing, sizeof(info->doing), "%s", raw->doing);
		snprintf(info->waits_for, sizeof(info->waits_for), "%s",
			 raw->waits_for);
	}
}
