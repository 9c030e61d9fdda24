#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "sampler.h"
#include "target.h"
#include "tui_harness.h"
#include "tui_queue.h"

/*
 * The sampler, with a scripted feed instead of processes. Events are waited
 * for, never slept for; a deadline only ends a test that would hang.
 */

struct script;

/* What stands for a session. */
struct handle {
	struct script *script;
	bool any;               /* opened as such */
};

struct script {
	struct handle handles[2];
	bool unsupported;          /* a Python that only the recorder is for */
	pthread_t thread;       /* the one that made the first call */
	bool has_thread;
	atomic_bool other_thread; /* a call came from another one */
	atomic_int statuses, samples, closes, refuse_opens, readers;
	atomic_int controls[REQUEST_COUNT];
	atomic_bool tracing, gone, replaced, refuse_controls;
	atomic_int others;      /* new targets still to be told of */
	uint64_t pause_ns;
	atomic_bool endless;    /* samples end only when they are given up */
	atomic_int given_up;
	struct tm_session_opts session; /* as it was opened with */
};

static void check_thread(struct script *script)
{
	if (!script->has_thread) {
		script->thread = pthread_self();
		script->has_thread = true;
	} else if (!pthread_equal(script->thread, pthread_self())) {
		script->other_thread = true;
	}
}

static pid_t script_another(void *ctx, size_t i)
{
	struct script *script = ctx;

	check_thread(script);
	if (atomic_load(&script->others) == 0)
		return 0;
	script->others--;
	return 100 + (pid_t)i;
}

static struct script *script_of(const struct tm_session *target)
{
	return ((const struct handle *)(const void *)target)->script;
}

static struct tm_session *hand_out(struct script *script, bool any)
{
	script->handles[any] = (struct handle){ script, any };
	return (void *)&script->handles[any];
}

static struct tm_session *script_open_any(struct script *script, struct tm_err *err)
{
	script->readers++;
	if (script->gone) {
		tm_err_set(err, TM_ERR_GONE, "pid 7", "has exited");
		return NULL;
	}
	return hand_out(script, true);
}

static struct tm_session *script_open(void *ctx, size_t i, const struct tm_session_opts *opts,
			 struct tm_err *err)
{
	struct script *script = ctx;

	(void)i;
	check_thread(script);
	if (opts->allow_any)
		return script_open_any(script, err);
	if (atomic_load(&script->refuse_opens) > 0 && !opts->allow_native) {
		script->refuse_opens--;
		tm_err_set(err, TM_ERR_NO_RUNTIME, "pid 7", "not yet");
		return NULL;
	}
	if (script->unsupported && !opts->use_recorder) {
		tm_err_set(err, TM_ERR_UNSUPPORTED, "pid 7", "another Python");
		return NULL;
	}
	script->session = *opts;
	opts->note(opts->note_ctx, "hello");
	return hand_out(script, false);
}

static void script_close(struct tm_session *target)
{
	struct script *script = script_of(target);

	check_thread(script);
	if (((struct handle *)(void *)target)->any)
		script->readers--;
	else
		script->closes++;
}

static pid_t script_pid(const struct tm_session *target)
{
	(void)target;
	return 7;
}

static bool script_replaced(const struct tm_session *target)
{
	struct script *script = script_of(target);

	check_thread(script);
	return script->replaced;
}

static const char *script_command(const struct tm_session *target)
{
	(void)target;
	return "seven";
}

static bool script_status(struct tm_session *target, struct tm_status *ret,
			  struct tm_err *err)
{
	struct script *script = script_of(target);

	check_thread(script);
	if (script->gone)
		return tm_err_set(err, TM_ERR_GONE, "pid 7", "has exited");
	script->statuses++;
	*ret = (struct tm_status){ .traced_current = 5, .tracing =
		script->tracing ? TM_TRACING_ON : TM_TRACING_OFF };
	return true;
}

/* Pieces of a read that nobody waits for to the end. False: given up. */
static bool read_endlessly(struct script *script)
{
	const struct tm_session_opts *opts = &script->session;
	const uint64_t end = tm_now_ms() + 60000;

	for (uint64_t done = 0; tm_now_ms() < end; done++) {
		opts->progress.report(opts->progress.ctx, done, 1000);
		if (opts->give_up(opts->give_up_ctx)) {
			script->given_up++;
			return false;
		}
		sched_yield();
	}
	return true;
}

static struct tm_snapshot *script_sample(struct tm_session *target, struct tm_family *family,
					 struct tm_snapshot **ret_once, struct tm_err *err)
{
	struct script *script = script_of(target);
	struct tm_snapshot *snapshot;

	(void)family;
	*ret_once = NULL;
	check_thread(script);
	script->samples++;
	if (script->endless && !read_endlessly(script)) {
		tm_err_set(err, TM_ERR_OS, "pid 7", "given up");
		return NULL;
	}
	snapshot = harness_snapshot(0);
	snapshot->meta.pause_ns = script->pause_ns;
	return snapshot;
}

static bool script_ask(struct tm_session *target, enum request request, uint32_t nframe,
		       struct answer *ret, struct tm_err *err)
{
	struct script *script = script_of(target);

	check_thread(script);
	script->controls[request]++;
	/* The real sample of this very process cannot be had from inside: ptrace. */
	if (request == REQUEST_THREADS)
		return tm_err_set(err, TM_ERR_DENIED, "pid 7", "is traced by another");
	if (script->refuse_controls)
		return tm_err_set(err, TM_ERR_BUSY, "pid 7", "a C call holds on");
	tm_err_set(err, TM_ERR_LIMIT, "pid 7", "the first try was in vain");
	if (request == REQUEST_START) {
		ret->control.changed = !script->tracing;
		ret->control.traceback_limit = nframe;
		script->tracing = true;
	} else if (request == REQUEST_STOP) {
		ret->control.changed = script->tracing;
		script->tracing = false;
	}
	return true;
}

static const struct feed_ops script_ops = {
	.another = script_another, .open = script_open, .close = script_close,
	.pid = script_pid, .command = script_command,
	.replaced = script_replaced, .status = script_status,
	.sample = script_sample, .ask = script_ask,
};

static struct sampler *start(struct script *script, struct queue *queue,
			     uint64_t interval_ms)
{
	struct sampler_opts opts = {
		.feed = { &script_ops, script }, .ntargets = 1,
		.first_source = 3, .nkept = 1, .first_added = 10,
		.interval_ms = interval_ms,
	};

	return sampler_create(&opts, queue);
}

static void figures_and_snapshots_arrive(void **state)
{
	struct script script = { .tracing = true };
	struct queue *queue = queue_create();
	struct sampler *sampler = start(&script, queue, 100);
	struct event *event;

	(void)state;
	event = queue_next(queue, EV_NOTE);
	assert_string_equal(event->text, "hello");
	event_destroy(event);
	event = queue_next(queue, EV_OPENED);
	assert_int_equal(event->source, 3);
	assert_int_equal(event->opened.pid, 7);
	event_destroy(event);
	event = queue_next(queue, EV_STATUS);
	assert_int_equal(event->status.traced_current, 5);
	event_destroy(event);
	event = queue_next(queue, EV_SAMPLE);
	assert_true(event->sample.round_done);
	assert_int_equal(event->sample.interval_ms, 100);
	event_destroy(event);
	event_destroy(queue_next(queue, EV_SAMPLE)); /* and again */
	sampler_ask(sampler, SIZE_MAX, REQUEST_RESET_PEAK, 0);
	event_destroy(queue_next(queue, EV_DONE));
	sampler_destroy(sampler);
	queue_destroy(queue);
	assert_int_equal(script.controls[REQUEST_RESET_PEAK], 1);
	assert_int_equal(script.closes, 1);
	assert_false(script.other_thread);
}

static void a_long_pause_lengthens_the_interval(void **state)
{
	struct script script = { .tracing = true, .pause_ns = 50000000 };
	struct queue *queue = queue_create();
	struct sampler *sampler = start(&script, queue, 1000);
	struct event *event = queue_next(queue, EV_SAMPLE);

	(void)state;
	assert_int_equal(event->sample.interval_ms, 5000);
	event_destroy(event);
	sampler_destroy(sampler);
	queue_destroy(queue);
}

static void no_sample_is_taken_while_tracing_is_off(void **state)
{
	struct script script = { .refuse_opens = 1 };
	struct queue *queue = queue_create();
	struct sampler *sampler = start(&script, queue, 100);
	struct event *event = queue_next(queue, EV_FAILED);

	(void)state;
	assert_true(event->failed.opening);
	assert_false(event->failed.fatal);
	event_destroy(event);
	event_destroy(queue_next(queue, EV_OPENED)); /* it is tried again */
	for (int i = 0; i < 3; i++)
		event_destroy(queue_next(queue, EV_STATUS));
	assert_int_equal(script.samples, 0);
	script.tracing = true;
	event_destroy(queue_next(queue, EV_SAMPLE));
	script.gone = true;
	event = queue_next(queue, EV_FAILED);
	assert_true(event->failed.fatal);
	event_destroy(event);
	sampler_destroy(sampler);
	queue_destroy(queue);
	assert_int_equal(script.closes, 1);
}

static struct event *ask(struct sampler *sampler, struct queue *queue,
			 enum request request, uint32_t nframe)
{
	sampler_ask(sampler, 3, request, nframe);
	return queue_next(queue, EV_DONE);
}

static void tracing_is_controlled_on_the_thread(void **state)
{
	struct script script = { .tracing = false };
	struct queue *queue = queue_create();
	/* Paused for good as it were: samples come because of what was asked. */
	struct sampler *sampler = start(&script, queue, 3600000);
	struct event *event;

	(void)state;
	event_destroy(queue_next(queue, EV_STATUS));
	sampler_interval(sampler, 3600000, true);
	event = ask(sampler, queue, REQUEST_START, 7);
	assert_int_equal(event->source, 3);
	assert_int_equal(event->done.request, REQUEST_START);
	assert_int_equal(event->done.err.kind, TM_ERR_NONE);
	assert_true(event->done.control.changed);
	assert_int_equal(event->done.control.traceback_limit, 7);
	event_destroy(event);
	event_destroy(queue_next(queue, EV_SAMPLE));
	event_destroy(ask(sampler, queue, REQUEST_CLEAR, 0));
	event_destroy(queue_next(queue, EV_SAMPLE));
	script.refuse_controls = true;
	event = ask(sampler, queue, REQUEST_CLEAR, 0);
	assert_int_equal(event->done.err.kind, TM_ERR_BUSY);
	event_destroy(event);
	script.refuse_controls = false;
	event = ask(sampler, queue, REQUEST_STOP, 0);
	assert_true(event->done.control.changed);
	event_destroy(event);
	sampler_ask(sampler, 9, REQUEST_START, 1); /* none of ours */
	sampler_destroy(sampler);
	queue_destroy(queue);
	assert_int_equal(script.controls[REQUEST_START], 1);
	assert_int_equal(script.controls[REQUEST_STOP], 1);
	assert_false(script.other_thread);
}

static void processes_come_and_take_the_places_of_gone_ones(void **state)
{
	struct script script = { .tracing = true, .others = 6 };
	size_t ended[6];
	struct queue *queue = queue_create();
	struct sampler *sampler = start(&script, queue, 100);
	struct event *event;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		event = queue_next(queue, EV_ADDED);
		assert_int_equal(event->source, 10 + i);
		assert_int_equal(event->pid, 101 + i);
		event_destroy(event);
	}
	for (bool seen = false; !seen; event_destroy(event)) {
		event = queue_next(queue, EV_SAMPLE);
		seen = event->source == 15;
	}
	sampler_ask(sampler, 12, REQUEST_RESET_PEAK, 0);
	event = queue_next(queue, EV_DONE);
	assert_int_equal(event->source, 12);
	event_destroy(event);
	script.gone = true;
	for (size_t i = 0; i < 6;) {
		event = queue_next(queue, EV_FAILED);
		assert_true(event->failed.fatal);
		if (event->source != 3)
			ended[i++] = event->source;
		event_destroy(event);
	}
	script.gone = false;
	script.others = 3;
	/* Two give way, and four stay to be seen; who was named stays anyway. */
	for (size_t i = 0; i < 3; i++) {
		event = queue_next(queue, EV_ADDED);
		assert_int_equal(event->source, i < 2 ? ended[i] : 16);
		event_destroy(event);
	}
	sampler_destroy(sampler);
	queue_destroy(queue);
	assert_false(script.other_thread);
}

static void threads_are_asked_for_with_a_reader_of_their_own(void **state)
{
	/* It is no Python that one could attach a session to. */
	struct script script = { .refuse_opens = 1 << 30 };
	struct queue *queue = queue_create();
	struct sampler *sampler = start(&script, queue, 100);
	struct event *event;

	(void)state;
	for (int i = 0; i < 2; i++) {
		event = ask(sampler, queue, REQUEST_THREADS, 0);
		assert_null(event->done.threads);
		assert_int_equal(event->done.err.kind, TM_ERR_DENIED);
		event_destroy(event);
	}
	script.gone = true;
	event = ask(sampler, queue, REQUEST_THREADS, 0);
	assert_int_equal(event->done.err.kind, TM_ERR_GONE);
	event_destroy(event);
	sampler_destroy(sampler);
	queue_destroy(queue);
	assert_int_equal(script.readers, 1); /* the one that was never opened */
	assert_false(script.other_thread);
}

static void another_program_by_exec_is_opened_again(void **state)
{
	struct script script = { .tracing = true };
	struct queue *queue = queue_create();
	struct sampler *sampler = start(&script, queue, 100);
	struct event *event;

	(void)state;
	event_destroy(queue_next(queue, EV_SAMPLE));
	script.refuse_opens = 2; /* it takes a while to start up */
	script.replaced = true;
	script.gone = true;
	event = queue_next(queue, EV_FAILED);
	assert_true(event->failed.replaced);
	assert_false(event->failed.fatal);
	assert_false(event->failed.opening);
	event_destroy(event);
	script.gone = false;
	for (int i = 0; i < 2; i++) {
		event = queue_next(queue, EV_FAILED);
		assert_true(event->failed.opening);
		assert_false(event->failed.replaced);
		event_destroy(event);
	}
	event_destroy(queue_next(queue, EV_OPENED));
	event_destroy(queue_next(queue, EV_SAMPLE));
	script.replaced = false;
	script.gone = true;
	event = queue_next(queue, EV_FAILED);
	assert_true(event->failed.fatal);
	event_destroy(event);
	sampler_destroy(sampler);
	queue_destroy(queue);
	assert_int_equal(script.closes, 2);
	assert_false(script.other_thread);
}

/* No Python, or one that cannot be read. */
static void the_recorder_comes_to(struct script script)
{
	struct queue *queue = queue_create();
	struct sampler *sampler = start(&script, queue, 100);
	struct event *event;

	event = queue_next(queue, EV_FAILED);
	assert_true(event->failed.opening);
	event_destroy(event);
	sampler_ask(sampler, 3, REQUEST_START, 7); /* not by this one */
	sampler_ask(sampler, 3, REQUEST_RECORD, 9);
	event_destroy(queue_next(queue, EV_OPENED));
	event = queue_next(queue, EV_DONE);
	assert_int_equal(event->done.request, REQUEST_START);
	assert_int_equal(event->done.control.traceback_limit, 9);
	event_destroy(event);
	event_destroy(queue_next(queue, EV_SAMPLE));
	assert_int_equal(script.controls[REQUEST_START], 1);
	/* It is one that is known now. */
	sampler_ask(sampler, 3, REQUEST_RECORD, 9);
	event_destroy(ask(sampler, queue, REQUEST_CLEAR, 0));
	assert_int_equal(script.controls[REQUEST_START], 1);
	sampler_destroy(sampler);
	queue_destroy(queue);
	assert_false(script.other_thread);
}

static void the_recorder_is_for_what_is_unknown(void **state)
{
	(void)state;
	the_recorder_comes_to((struct script){ .refuse_opens = 1 << 30 });
	the_recorder_comes_to((struct script){ .unsupported = true });
}

static void nothing_is_called_while_held(void **state)
{
	struct script script = { .tracing = true };
	struct queue *queue = queue_create();
	struct sampler *sampler = start(&script, queue, 100);
	int before;

	(void)state;
	event_destroy(queue_next(queue, EV_SAMPLE));
	sampler_hold(sampler);
	before = script.statuses + script.samples + script.controls[REQUEST_RESET_PEAK];
	sampler_ask(sampler, SIZE_MAX, REQUEST_RESET_PEAK, 0);
	sampler_now(sampler);
	sampler_interval(sampler, 50, false);
	for (int i = 0; i < 1000; i++)
		sched_yield();
	assert_int_equal(script.statuses + script.samples + script.controls[REQUEST_RESET_PEAK], before);
	sampler_release(sampler);
	event_destroy(queue_next(queue, EV_DONE));
	sampler_interval(sampler, 100, true);
	sampler_destroy(sampler);
	queue_destroy(queue);
}

static void a_long_sample_is_told_of_and_the_figures_go_on(void **state)
{
	struct script script = { .tracing = true, .endless = true };
	struct queue *queue = queue_create();
	struct sampler *sampler = start(&script, queue, 100);
	struct event *event = queue_next(queue, EV_PROGRESS);
	int before = script.statuses;

	(void)state;
	assert_int_equal(event->source, 3);
	assert_int_equal(event->progress.total, 1000);
	assert_in_range(event->progress.done, 1, UINT32_MAX);
	event_destroy(event);
	event_destroy(queue_next(queue, EV_STATUS));
	event_destroy(queue_next(queue, EV_STATUS));
	assert_in_range(script.statuses, before + 1, 1000000);
	assert_int_equal(script.samples, 1);
	/* Figures that cannot be had are the sample's to complain of. */
	script.gone = true;
	for (int i = 0; i < 6; i++) /* longer than between two figures */
		event_destroy(queue_next(queue, EV_PROGRESS));
	assert_int_equal(script.closes, 0);
	sampler_destroy(sampler);
	queue_destroy(queue);
	assert_int_equal(script.given_up, 1);
	assert_int_equal(script.closes, 1);
	assert_false(script.other_thread);
}

static void a_running_sample_is_given_up_for_a_hold(void **state)
{
	struct script script = { .tracing = true, .endless = true };
	struct queue *queue = queue_create();
	struct sampler *sampler = start(&script, queue, 3600000);
	struct event *event;

	(void)state;
	event_destroy(queue_next(queue, EV_PROGRESS));
	sampler_hold(sampler);
	assert_int_equal(script.given_up, 1);
	while ((event = queue_pop(queue))) {
		assert_int_not_equal(event->kind, EV_FAILED);
		event_destroy(event);
	}
	script.endless = false;
	sampler_release(sampler);
	event_destroy(queue_next(queue, EV_SAMPLE)); /* not an hour later */
	sampler_destroy(sampler);
	queue_destroy(queue);
	assert_int_equal(script.samples, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_and_snapshots_arrive),
		cmocka_unit_test(a_long_pause_lengthens_the_interval),
		cmocka_unit_test(no_sample_is_taken_while_tracing_is_off),
		cmocka_unit_test(tracing_is_controlled_on_the_thread),
		cmocka_unit_test(threads_are_asked_for_with_a_reader_of_their_own),
		cmocka_unit_test(processes_come_and_take_the_places_of_gone_ones),
		cmocka_unit_test(another_program_by_exec_is_opened_again),
		cmocka_unit_test(the_recorder_is_for_what_is_unknown),
		cmocka_unit_test(nothing_is_called_while_held),
		cmocka_unit_test(a_long_sample_is_told_of_and_the_figures_go_on),
		cmocka_unit_test(a_running_sample_is_given_up_for_a_hold),
	};

	return cmocka_run_group_tests_name("tui_sampler", tests, NULL, NULL);
}
