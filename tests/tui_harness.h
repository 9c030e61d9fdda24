/*
 * The view without a terminal and without threads: events go in, what the
 * loop would ask the worker for is computed at once, screens come out.
 */
#ifndef TESTS_TUI_HARNESS_H
#define TESTS_TUI_HARNESS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "apply.h"
#include "event.h"
#include "pyscope.h"
#include "tests/heap/shop.h"
#include "tmattach/stats.h"
#include "tmattach/threads.h"
#include "view.h"

struct harness {
	struct state state;
	struct screen screen;
	struct table_cache *cache;
	unsigned reactions; /* of the last event */
	uint64_t now_ms;
};

static const char harness_source[] =
	"import json\n"
	"\n"
	"class Handler:\n"
	"    def get(self, request):\n"
	"        body = json.loads(request.body)\n"
	"        self.cache[request.key] = body\n"
	"        return body\n"
	"\n"
	"def main():\n"
	"    serve(Handler())\n";

static inline void harness_apply(struct harness *h, struct event *event);

static inline struct event harness_event(enum event_kind kind, size_t source)
{
	return (struct event){ .kind = kind, .source = source };
}

static inline void harness_compute(struct harness *h)
{
	struct event event = harness_event(EV_TABLE, 0);
	struct table_query query;
	struct tm_err err = { 0 };

	state_query(&h->state, &query);
	event.table = table_compute(&query, h->cache, &err);
	if (!event.table) {
		event.kind = EV_TROUBLE;
		event.err = err;
	}
	table_query_deinit(&query);
	harness_apply(h, &event);
}

static inline void harness_apply(struct harness *h, struct event *event)
{
	unsigned reactions;

	event->at_ms = h->now_ms;
	reactions = state_apply(&h->state, event);
	if (event->kind == EV_SAMPLE)
		snap_put(event->sample.snap);
	if (event->kind == EV_DETAIL)
		detail_destroy(event->detail);
	if (event->kind == EV_DONE)
		answer_deinit(&event->done);
	if (event->kind == EV_OBJECTS)
		objects_answer_deinit(&event->objects);
	h->reactions = reactions;
	if (reactions & R_QUERY)
		harness_compute(h);
	if (reactions & R_LOOK_INTO) {
		struct event answer = harness_event(EV_OBJECTS, 0);
		struct objects_query query;

		state_objects_query(&h->state, &query);
		objects_answer_init(&answer.objects, &query);
		harness_apply(h, &answer);
	}
	if ((reactions & R_DETAIL) && state_selected(&h->state)) {
		struct event answer = harness_event(EV_DETAIL, 0);

		answer.detail = detail_create(h->state.table,
					      state_selected(&h->state));
		harness_apply(h, &answer);
	}
	h->reactions = reactions;
}

/* Ten lines of text for every file there is. */
static inline void harness_answer_lines(struct harness *h)
{
	struct event event = harness_event(EV_LINES, 0);
	struct pyscope *scope = pyscope_create(harness_source,
					       sizeof(harness_source) - 1);

	lines_take_wanted(&h->state.lines, &event.lines);
	for (size_t i = 0; i < event.lines.n; i++) {
		struct line *line = &event.lines.items[i];
		const char *p = harness_source, *name;

		for (uint32_t n = 1; p && n < line->lineno; n++)
			p = (p = strchr(p, '\n')) ? p + 1 : NULL;
		if (!p || !*p)
			continue;
		while (*p == ' ')
			p++;
		line->text = tm_memdup(p, strcspn(p, "\n"));
		name = pyscope_name(scope, line->lineno);
		line->function = name ? tm_strdup(name) : NULL;
	}
	pyscope_destroy(scope);
	harness_apply(h, &event);
}

static inline void harness_draw(struct harness *h)
{
	view_draw(&h->state, &h->state.lines, &h->screen);
	if (h->state.lines.wanted == 0)
		return;
	harness_answer_lines(h);
	view_draw(&h->state, &h->state.lines, &h->screen);
}

static inline void harness_resize(struct harness *h, int rows, int cols)
{
	struct event event = harness_event(EV_RESIZE, 0);

	event.size.rows = rows;
	event.size.cols = cols;
	harness_apply(h, &event);
}

static inline void harness_key(struct harness *h, int key)
{
	struct event event = harness_event(EV_KEY, 0);

	event.key = key;
	harness_apply(h, &event);
}

static inline void harness_keys(struct harness *h, const char *keys)
{
	for (; *keys; keys++)
		harness_key(h, (unsigned char)*keys);
}

static inline void harness_opened(struct harness *h, size_t source, pid_t pid,
			   const char *command)
{
	struct event event = harness_event(EV_OPENED, source);

	event.opened.pid = pid;
	snprintf(event.opened.command, sizeof(event.opened.command), "%s",
		 command);
	harness_apply(h, &event);
}

static inline void harness_status(struct harness *h, size_t source, uint64_t current,
			   uint64_t peak, enum tm_tracing tracing)
{
	struct event event = harness_event(EV_STATUS, source);

	event.status = (struct tm_status){
		.kind = TM_RUNTIME_CPYTHON, .tracing = tracing,
		.traceback_limit = 10, .traced_current = current,
		.traced_peak = peak, .rss = 300 << 20,
	};
	strcpy(event.status.runtime, "CPython 3.13.5");
	h->now_ms += 250;
	harness_apply(h, &event);
}

/* `once` is what the snapshot adds to those of the sources before. */
static inline void harness_member(struct harness *h, size_t source,
				  struct tm_snapshot *snapshot, struct tm_snapshot *once,
				  bool round_done)
{
	struct event event = harness_event(EV_SAMPLE, source);

	event.sample.snap = snap_create(snapshot, once);
	event.sample.took_ms = 42;
	event.sample.interval_ms = h->state.interval_ms;
	event.sample.round_done = round_done;
	harness_apply(h, &event);
}

static inline void harness_sample(struct harness *h, size_t source,
			   struct tm_snapshot *snapshot, bool round_done)
{
	harness_member(h, source, snapshot, NULL, round_done);
}

static inline void harness_failed(struct harness *h, size_t source,
			   enum tm_err_kind kind, bool opening,
			   const char *object, const char *cause,
			   const char *hint)
{
	struct event event = harness_event(EV_FAILED, source);

	tm_err_set(&event.failed.err, kind, object, "%s", cause);
	tm_err_hint(&event.failed.err, "%s", hint);
	event.failed.opening = opening;
	event.failed.fatal = kind == TM_ERR_GONE;
	harness_apply(h, &event);
}

static inline void harness_init(struct harness *h, size_t nsources, bool utf8)
{
	struct state_opts opts = { .pages = pages, .nsources = nsources,
				   .key = TM_KEY_LINENO, .interval_ms = 2000,
				   .utf8 = utf8 };

	*h = (struct harness){ .now_ms = 1000 };
	state_init(&h->state, &opts);
	screen_init(&h->screen, utf8);
	h->cache = table_cache_create();
	harness_resize(h, 24, 80);
}

static inline void harness_deinit(struct harness *h)
{
	state_deinit(&h->state);
	screen_deinit(&h->screen);
	table_cache_destroy(h->cache);
}

/* ---- threads ---------------------------------------------------------------------- */

#define HARNESS_TEXT(s) { s, sizeof(s) - 1 }

/* Of a server that waits, works, and has a thread that cannot be stopped. */
static inline void harness_threads(struct harness *h, size_t source)
{
	static const struct tm_frame_view python[] = {
		{ .filename = HARNESS_TEXT("/srv/shop/manage.py"), .lineno = 22,
		  .function = HARNESS_TEXT("<module>") },
		{ .filename = HARNESS_TEXT("/srv/shop/handlers/cart.py"),
		  .lineno = 6, .function = HARNESS_TEXT("Handler.get") },
		{ .filename = HARNESS_TEXT("/srv/\xe6\x97\xa5\xe6\x9c\xac/\x1b[2J.py"),
		  .lineno = 3, .function = HARNESS_TEXT("wait") },
	};
	static const struct tm_frame_view native[] = {
		{ .native = true, .function = HARNESS_TEXT("_start"),
		  .module = HARNESS_TEXT("/usr/bin/python3.13"), .address = 0x1f2 },
		{ .native = true, .function = HARNESS_TEXT("_PyEval_EvalFrameDefault"),
		  .filename = HARNESS_TEXT("Python/ceval.c"), .lineno = 1234 },
		{ .native = true, .inlined = true,
		  .function = HARNESS_TEXT("pysleep"),
		  .filename = HARNESS_TEXT("Modules/timemodule.c"), .lineno = 2047 },
		{ .native = true, .address = 0x7f1234567890 },
	};
	static const struct tm_thread_info infos[] = {
		{ .tid = 4711, .name = "python3", .state = 'S',
		  .syscall = "clock_nanosleep", .native = native, .nnative = 4,
		  .native_complete = true, .python = python, .npython = 3,
		  .python_complete = true },
		{ .tid = 4715, .name = "mail \x1b[31m", .state = 'R',
		  .native = native, .nnative = 3, .python = python + 1,
		  .npython = 1 },
		{ .tid = 4716, .name = "flush", .state = 'D' },
		{ .kind = TM_KIND_TASK, .name = "Task-7 \x1b[31m",
		  .type = "_asyncio.Task", .doing = "waiting",
		  .waits_for = "task Task-8", .python = python + 1, .npython = 2,
		  .python_complete = true },
		{ .kind = TM_KIND_GREENLET, .address = 0x7f0012345678,
		  .type = "greenlet.greenlet", .doing = "waiting",
		  .python = python, .npython = 1 },
	};
	static const struct tm_threads threads = {
		.meta = { .pid = 4711, .pause_ns = 2300000 },
		.threads = infos, .n = 5, .nthreads = 3,
	};
	static const struct tm_threads bare = {
		.meta = { .pid = 4713, .pause_ns = 900000 },
		.threads = infos + 1, .n = 1, .nthreads = 1,
		.note = "no Python stacks: it is shutting down",
	};
	struct event event = harness_event(EV_DONE, source);

	event.done.request = REQUEST_THREADS;
	event.done.threads = thread_page_borrow(source ? &bare : &threads);
	harness_apply(h, &event);
}

/* ---- objects ---------------------------------------------------------------------- */

/* A shop with so many sessions. */
static inline void harness_objects(struct harness *h, size_t source, uint32_t sessions)
{
	struct event event = harness_event(EV_DONE, source);
	struct shop shop;
	struct tm_err err;

	event.done.request = REQUEST_OBJECTS;
	event.done.objects = objects_create(shop_make(&shop, sessions, 10), &err);
	event.done.objects->pause_ns = 1800000;
	harness_apply(h, &event);
}

/* ---- snapshots ------------------------------------------------------------------- */

/* A web application's memory; `growth` is added to some of the counts. */
static inline struct tm_snapshot *harness_snapshot(unsigned growth)
{
	static const char *const files[] = {
		"/srv/shop/handlers/cart.py",
		"/srv/shop/models.py",
		"/usr/lib/python3.13/json/decoder.py",
		"/usr/lib/python3.13/re/_compiler.py",
		"/srv/shop/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e/\xe5\x95\x86\xe5\x93\x81.py",
		"/srv/shop/re\xcc\x81sume\xcc\x81/cafe\xcc\x81.py",
		"/tmp/\x1b]0;pwned\x07\x1b[31mred.py",
		"/srv/shop/bad\xed\xb3\xbf""byte\n.py",
		"/srv/shop/a/very/deep/tree/of/packages/that/does/not/end/soon/"
		"and/needs/a/wide/terminal/to/be/seen/in/full/module.py",
		"<frozen importlib._bootstrap>",
	};
	const size_t nfiles = sizeof(files) / sizeof(files[0]);
	struct tm_builder *b = tm_builder_create();
	struct tm_meta meta = { .pid = 4711, .traceback_limit = 10,
		.taken_at = 1769860800000, .pause_ns = 3100000,
		.has_total_nframe = true, .runtime = "CPython 3.13.5",
		.command = "python3 manage.py runserver 0.0.0.0:8000" };
	struct tm_err err = { 0 };
	struct tm_snapshot *snapshot;
	tm_id names[16], entry, caller;

	for (size_t i = 0; i < nfiles; i++)
		names[i] = tm_builder_string(b, files[i], strlen(files[i]));
	entry = tm_builder_frame(b, names[1], 10);
	caller = tm_builder_frame(b, names[0], 6);
	for (uint32_t i = 0; i < 60; i++) {
		uint32_t line = i < nfiles ? 5 : i;
		tm_id frames[3] = { entry, caller, tm_builder_frame(
					b, names[i % nfiles], line) };
		tm_id traceback = tm_builder_traceback(
			b, i % 7 == 6 ? frames + 2 : frames, i % 7 == 6 ? 1 : 3,
			i % 5 == 0 ? 12 : 3);
		tm_id site = tm_builder_site(b, traceback, i % 11 == 10);
		uint32_t count = 1 + 70000 / (i * i * i + 1) +
				 (i % 3 == 1 ? growth * (i + 1) : 0);

		if (i % 13 == 12 && growth)
			continue; /* freed meanwhile */
		tm_builder_traces(b, site, 64 + 40 * (i % 9), count);
	}
	snapshot = tm_builder_finish(b, &meta, &err);
	if (!snapshot)
		abort();
	return snapshot;
}

/* A process with some history and one sample. */
static inline void harness_start(struct harness *h)
{
	harness_opened(h, 0, 4711, "python3 manage.py runserver 0.0.0.0:8000");
	for (uint64_t i = 0; i < 90; i++)
		harness_status(h, 0, (20 + i * (i % 30) / 20) << 20, 180 << 20,
			       TM_TRACING_ON);
	harness_sample(h, 0, harness_snapshot(0), true);
}

#endif
