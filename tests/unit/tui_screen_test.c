#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <locale.h>
#include <cmocka.h>

#include "tui_harness.h"

/*
 * Every view and dialog as text, at three sizes: tests/screen/NAME-COLSxROWS.txt.
 * UPDATE=1 writes them anew; then look at each of them.
 */

struct scene {
	const char *name;
	size_t nsources;
	bool ascii;
	void (*play)(struct harness *h);
};

static void play_opening(struct harness *h)
{
	(void)h;
}

static void play_reading(struct harness *h)
{
	harness_opened(h, 0, 4711, "python3 manage.py runserver 0.0.0.0:8000");
	harness_status(h, 0, 1 << 20, 2 << 20, TM_TRACING_ON);
}

static void play_tracing_off(struct harness *h)
{
	harness_opened(h, 0, 4711, "python3 manage.py runserver 0.0.0.0:8000");
	harness_status(h, 0, 0, 0, TM_TRACING_OFF);
}

static void play_unsupported(struct harness *h)
{
	h->state.sources[0].pid = 815;
	harness_failed(h, 0, TM_ERR_UNSUPPORTED, true, "pid 815",
		       "no CPython in this process (/usr/bin/nginx)",
		       "`tmattach start 815' injects the recorder for "
		       "native programs");
}

static void play_by_file(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "1");
}

static void play_by_traceback(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "3");
}

static void play_cumulative(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "c");
}

static void play_cumulative_error(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "3c");
}

static void play_marked(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "m");
	harness_sample(h, 0, harness_snapshot(40), true);
}

static void play_diff(struct harness *h)
{
	play_marked(h);
	harness_keys(h, "d");
}

static void play_detail(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "1jj\n");
}

/* A native program's: of each traceback blocks of several ages. */
static struct tm_snapshot *aged_snapshot(void)
{
	static const struct {
		const char *function;
		uint32_t line, size, count, ages[4]; /* in seconds */
	} all[] = {
		{ "parse_header", 12, 4096, 300, { 3, 59, 600, 90000 } },
		{ "session_new", 40, 512, 900, { 7300, 7200, 8000, 200000 } },
		{ "buffer_grow", 88, 65536, 2, { 0, 0, 1, 1 } },
		{ "log_line", 7, 80, 10, { 61, 65, 61, 119 } },
	};
	struct tm_builder *b = tm_builder_create();
	struct tm_meta meta = { .pid = 4711, .traceback_limit = 10, .runtime = "native",
				.command = "/srv/shopd" };
	tm_id file = tm_builder_string(b, "shopd.c", 7);
	struct tm_err err;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct tm_native_frame native = {
			.function = tm_builder_string(b, all[i].function, strlen(all[i].function)),
			.module = TM_ID_NONE, .address = 4096 + i,
		};
		tm_id frame = tm_builder_native_frame(b, file, all[i].line, &native);
		tm_id traceback = tm_builder_traceback(b, &frame, 1, TM_TOTAL_NFRAME_NONE);

		for (size_t k = 0; k < 4; k++)
			tm_builder_traces(b, tm_builder_aged_site(b, traceback, 0, TM_ID_NONE,
								  all[i].ages[k] * 10),
					  all[i].size, all[i].count);
	}
	return tm_builder_finish(b, &meta, &err);
}

static void play_ages(struct harness *h)
{
	harness_start(h);
	harness_sample(h, 0, aged_snapshot(), true);
	harness_key(h, K_F6);
	harness_keys(h, "jjj\n");
}

static void play_older(struct harness *h)
{
	play_ages(h);
	harness_keys(h, "/>2m\n");
}

/* Of one traceback, whatever the ages. */
static void play_older_detail(struct harness *h)
{
	play_older(h);
	harness_key(h, K_HOME);
	harness_keys(h, "\n");
}

static void play_help(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "h");
}

static void play_sort_menu(struct harness *h)
{
	harness_start(h);
	harness_key(h, K_F6);
	harness_keys(h, "j");
}

static void play_sorted_by_location(struct harness *h)
{
	harness_start(h);
	harness_key(h, K_F6);
	harness_key(h, K_END);
	harness_keys(h, "\n");
}

static void play_filter_prompt(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "/shop/\t");
}

static void play_filters(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "jxji/*json*:5\nf");
}

static void play_filtered_out(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "/no such file\n");
}

static void play_search(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "\\_compiler");
}

static void play_save_prompt(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "s");
}

static void play_save_exists(struct harness *h)
{
	struct event event = harness_event(EV_EXISTS, 0);

	harness_start(h);
	harness_keys(h, "s\n");
	snprintf(event.text, sizeof(event.text), "%s", h->state.save_path);
	harness_apply(h, &event);
}

static void play_tracing_menu(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "t");
}

static void play_tracing_start(struct harness *h)
{
	play_tracing_off(h);
	harness_keys(h, "t\n1x0"); /* an x is no number */
}

static void play_tracing_started(struct harness *h)
{
	struct event event = harness_event(EV_DONE, 0);

	play_tracing_start(h);
	harness_keys(h, "\n");
	event.done.request = REQUEST_START;
	event.done.control = (struct tm_control_result){ true, 10 };
	harness_apply(h, &event);
	harness_status(h, 0, 0, 0, TM_TRACING_ON);
}

static void play_tracing_clear(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "tj\n");
}

static void play_tracing_stop(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "tjj\n");
}

static void play_tracing_stopped(struct harness *h)
{
	struct event event = harness_event(EV_DONE, 0);

	play_tracing_stop(h);
	harness_keys(h, "y");
	event.done.request = REQUEST_STOP;
	event.done.control.changed = true;
	harness_apply(h, &event);
	harness_status(h, 0, 0, 0, TM_TRACING_OFF);
}

static void play_tracing_busy(struct harness *h)
{
	struct event event = harness_event(EV_DONE, 0);

	play_tracing_clear(h);
	harness_keys(h, "y");
	event.done.request = REQUEST_CLEAR;
	tm_err_set(&event.done.err, TM_ERR_BUSY, "pid 4711",
		   "a C call holds the GIL");
	tm_err_hint(&event.done.err, "try again when it is over");
	harness_apply(h, &event);
}

static void play_threads(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "T");
	harness_threads(h, 0);
}

/* tracemalloc does not know whose blocks are. */
static void play_refused(struct harness *h)
{
	h->state.key = TM_KEY_THREAD;
	harness_start(h);
}

static void play_threads_failed(struct harness *h)
{
	struct event event = harness_event(EV_DONE, 0);

	play_unsupported(h);
	harness_keys(h, "T");
	event.done.request = REQUEST_THREADS;
	tm_err_set(&event.done.err, TM_ERR_DENIED, "pid 815",
		   "another process traces it (gdb, 816)");
	tm_err_hint(&event.done.err, "let gdb detach from it first");
	harness_apply(h, &event);
}

static void play_threads_waiting(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "T");
}

static void play_objects(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "O");
	harness_objects(h, 0, 100);
}

static void play_objects_waiting(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "O");
}

static void play_objects_marked(struct harness *h)
{
	play_objects(h);
	harness_keys(h, "mu");
	harness_objects(h, 0, 140);
	harness_keys(h, "rd");
	h->state.message[0] = '\0';
}

static void play_objects_filtered(struct harness *h)
{
	play_objects(h);
	harness_keys(h, "/shop.m");
}

static void play_objects_sort(struct harness *h)
{
	play_objects(h);
	harness_keys(h, "o");
}

static void play_objects_holders(struct harness *h)
{
	play_objects(h);
	harness_keys(h, "/Session\n\n");
}

static void play_objects_instances(struct harness *h)
{
	play_objects_holders(h);
	harness_keys(h, "\nj");
}

static void play_objects_failed(struct harness *h)
{
	struct event event = harness_event(EV_DONE, 0);

	harness_start(h);
	harness_keys(h, "O");
	event.done.request = REQUEST_OBJECTS;
	tm_err_set(&event.done.err, TM_ERR_UNSUPPORTED, "pid 4711",
		   "CPython 3.14.0 is free-threaded: its objects are not known yet");
	tm_err_hint(&event.done.err, "with tracing on, `stats' shows where its memory comes from");
	harness_apply(h, &event);
}

static void play_domain(struct harness *h)
{
	harness_start(h);
	harness_keys(h, "DD");
}

static void play_paused(struct harness *h)
{
	harness_start(h);
	harness_keys(h, " -");
}

static void play_slowed(struct harness *h)
{
	harness_start(h);
	h->state.effective_ms = 5300;
}

static void play_sampling(struct harness *h)
{
	struct event event = harness_event(EV_PROGRESS, 0);

	harness_start(h);
	event.progress.done = 431ull << 20;
	event.progress.total = 1000ull << 20;
	harness_apply(h, &event);
}

static void play_reading_long(struct harness *h)
{
	struct event event = harness_event(EV_PROGRESS, 0);

	play_reading(h);
	event.progress.done = 120ull << 20;
	event.progress.total = 480ull << 20;
	harness_apply(h, &event);
}

static void play_reset_peak(struct harness *h)
{
	struct event event = harness_event(EV_DONE, 0);

	harness_start(h);
	harness_keys(h, "r");
	harness_apply(h, &event);
	harness_status(h, 0, 61 << 20, 61 << 20, TM_TRACING_ON);
}

static void play_exited(struct harness *h)
{
	harness_start(h);
	harness_failed(h, 0, TM_ERR_GONE, false, "pid 4711", "has exited", "");
	h->state.message[0] = '\0';
}

static void play_replaced(struct harness *h)
{
	struct event event = harness_event(EV_FAILED, 0);

	harness_start(h);
	tm_err_set(&event.failed.err, TM_ERR_GONE, "pid 4711",
		   "the process now runs another program (exec)");
	event.failed.replaced = true;
	harness_apply(h, &event);
	harness_opened(h, 0, 4711, "python3 -m http.server");
	harness_status(h, 0, 0, 0, TM_TRACING_OFF);
	h->state.message[0] = '\0';
}

static void play_record_question(struct harness *h)
{
	play_unsupported(h);
	harness_keys(h, "t\n12\n");
}

static void play_not_recorded(struct harness *h)
{
	struct event event = harness_event(EV_STATUS, 0);

	harness_opened(h, 0, 815, "nginx: master process");
	event.status = (struct tm_status){ .kind = TM_RUNTIME_NATIVE,
					   .tracing = TM_TRACING_OFF,
					   .runtime = "native", .rss = 9 << 20 };
	harness_apply(h, &event);
}

static void play_note(struct harness *h)
{
	struct event event = harness_event(EV_NOTE, 0);

	harness_start(h);
	strcpy(event.text, "read without a copy: the kernel refused it");
	harness_apply(h, &event);
}

static void play_offline(struct harness *h)
{
	struct event event = harness_event(EV_RESIZE, 0);
	struct source *source = &h->state.sources[0];

	source->is_file = true;
	strcpy(source->name, "night.tms");
	source->latest = snap_create(harness_snapshot(0), NULL);
	event.size.rows = h->state.rows;
	event.size.cols = h->state.cols;
	harness_apply(h, &event);
	harness_compute(h);
}

static void play_processes(struct harness *h)
{
	harness_opened(h, 1, 4712, "python3 worker.py --queue mail");
	harness_opened(h, 2, 4713, "python3 worker.py --queue thumbs");
	harness_status(h, 1, 30 << 20, 40 << 20, TM_TRACING_ON);
	harness_status(h, 2, 31 << 20, 45 << 20, TM_TRACING_ON);
	harness_sample(h, 1, harness_snapshot(3), false);
	harness_sample(h, 2, harness_snapshot(9), false);
	harness_start(h);
	harness_failed(h, 2, TM_ERR_GONE, false, "pid 4713", "has exited", "");
	h->state.message[0] = '\0';
}

static void play_threads_all(struct harness *h)
{
	play_processes(h);
	harness_keys(h, "T");
	harness_threads(h, 2);
}

/* O means one process; Tab leads to the next that runs. */
static void play_objects_next(struct harness *h)
{
	play_processes(h);
	harness_keys(h, "O");
	harness_objects(h, 0, 100);
	harness_keys(h, "\t");
	harness_objects(h, 1, 20);
}

static void play_one_process(struct harness *h)
{
	play_processes(h);
	harness_keys(h, "\t\t");
}

/* What the README shows: a leak, half a minute after `m` and `d`. */
static struct tm_snapshot *leak(unsigned grown)
{
	static const struct { const char *file; unsigned line, size, count, grows; }
	rows[] = {
		{ "/srv/shop/handlers/cart.py", 6, 839, 6001, 400 },
		{ "/usr/lib/python3.13/json/decoder.py", 5, 96, 18403, 900 },
		{ "/srv/shop/models.py", 5, 512, 2210, 31 },
		{ "<frozen importlib._bootstrap_external>", 784, 133, 16762, 0 },
		{ "/srv/shop/templates.py", 6, 2048, 340, 2 },
		{ "/usr/lib/python3.13/re/_compiler.py", 5, 164, 1120, 0 },
		{ "/usr/lib/python3.13/functools.py", 58, 224, 801, 0 },
		{ "/usr/lib/python3.13/collections/__init__.py", 447, 368, 212, 0 },
	};
	struct tm_builder *b = tm_builder_create();
	struct tm_meta meta = { .pid = 4711, .traceback_limit = 10,
				.pause_ns = 2600000, .has_total_nframe = true };
	struct tm_err err;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tm_id name = tm_builder_string(b, rows[i].file,
					       strlen(rows[i].file));
		tm_id frame = tm_builder_frame(b, name, rows[i].line);
		tm_id traceback = tm_builder_traceback(b, &frame, 1, 1);

		tm_builder_traces(b, tm_builder_site(b, traceback, 0),
				  rows[i].size,
				  rows[i].count + grown * rows[i].grows);
	}
	return tm_builder_finish(b, &meta, &err);
}

static void play_readme(struct harness *h)
{
	harness_opened(h, 0, 4711, "python3 manage.py runserver");
	for (uint64_t i = 0; i < 120; i++)
		harness_status(h, 0, ((10 << 20) + (i << 15)) +
			       ((i % 8) << 18), 19 << 20, TM_TRACING_ON);
	harness_sample(h, 0, leak(0), true);
	harness_keys(h, "m");
	harness_sample(h, 0, leak(5), true);
	harness_keys(h, "dj");
}

static const struct scene scenes[] = {
	{ "readme", 1, false, play_readme },
	{ "opening", 1, false, play_opening },
	{ "reading", 1, false, play_reading },
	{ "tracing-off", 1, false, play_tracing_off },
	{ "unsupported", 1, false, play_unsupported },
	{ "by-line", 1, false, harness_start },
	{ "by-line-ascii", 1, true, harness_start },
	{ "by-file", 1, false, play_by_file },
	{ "by-traceback", 1, false, play_by_traceback },
	{ "cumulative", 1, false, play_cumulative },
	{ "cumulative-error", 1, false, play_cumulative_error },
	{ "marked", 1, false, play_marked },
	{ "diff", 1, false, play_diff },
	{ "detail", 1, false, play_detail },
	{ "ages", 1, false, play_ages },
	{ "older", 1, false, play_older },
	{ "older-detail", 1, false, play_older_detail },
	{ "help", 1, false, play_help },
	{ "sort-menu", 1, false, play_sort_menu },
	{ "sort-menu-ascii", 1, true, play_sort_menu },
	{ "sorted-by-location", 1, false, play_sorted_by_location },
	{ "filter-prompt", 1, false, play_filter_prompt },
	{ "filters", 1, false, play_filters },
	{ "filtered-out", 1, false, play_filtered_out },
	{ "search", 1, false, play_search },
	{ "save-prompt", 1, false, play_save_prompt },
	{ "save-exists", 1, false, play_save_exists },
	{ "tracing-menu", 1, false, play_tracing_menu },
	{ "tracing-start", 1, false, play_tracing_start },
	{ "tracing-started", 1, false, play_tracing_started },
	{ "tracing-clear", 1, false, play_tracing_clear },
	{ "tracing-stop", 1, false, play_tracing_stop },
	{ "tracing-stopped", 1, false, play_tracing_stopped },
	{ "tracing-busy", 1, false, play_tracing_busy },
	{ "threads", 1, false, play_threads },
	{ "threads-all", 3, false, play_threads_all },
	{ "threads-failed", 1, false, play_threads_failed },
	{ "threads-waiting", 1, false, play_threads_waiting },
	{ "refused", 1, false, play_refused },
	{ "objects", 1, false, play_objects },
	{ "objects-waiting", 1, false, play_objects_waiting },
	{ "objects-marked", 1, false, play_objects_marked },
	{ "objects-filtered", 1, false, play_objects_filtered },
	{ "objects-sort", 1, true, play_objects_sort },
	{ "objects-holders", 1, false, play_objects_holders },
	{ "objects-instances", 1, false, play_objects_instances },
	{ "objects-failed", 1, false, play_objects_failed },
	{ "objects-next", 3, false, play_objects_next },
	{ "domain", 1, false, play_domain },
	{ "paused", 1, false, play_paused },
	{ "slowed", 1, false, play_slowed },
	{ "sampling", 1, false, play_sampling },
	{ "reading-long", 1, false, play_reading_long },
	{ "reset-peak", 1, false, play_reset_peak },
	{ "exited", 1, false, play_exited },
	{ "replaced", 1, false, play_replaced },
	{ "record-question", 1, false, play_record_question },
	{ "not-recorded", 1, false, play_not_recorded },
	{ "note", 1, false, play_note },
	{ "offline", 1, false, play_offline },
	{ "processes", 3, false, play_processes },
	{ "one-process", 3, false, play_one_process },
};

#define NSCENES (sizeof(scenes) / sizeof(scenes[0]))

static char *read_whole(const char *path)
{
	char *text = NULL;
	size_t size = 0;
	FILE *in = fopen(path, "r");

	if (!in)
		return strdup("");
	if (getdelim(&text, &size, '\0', in) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(in);
	return text;
}

static void write_whole(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

/* Roles are kept at the smallest size only: they do not depend on it. */
static char *show(struct harness *h, bool roles)
{
	char *cells = screen_dump(&h->screen, false), *letters, *text;

	if (!roles)
		return cells;
	letters = screen_dump(&h->screen, true);
	if (asprintf(&text, "%s---- roles ----\n%s", cells, letters) < 0)
		abort();
	free(cells);
	free(letters);
	return text;
}

static bool scene_is_right(const struct scene *scene, int rows, int cols)
{
	struct harness h;
	char path[256], *want, *got;
	bool same;

	snprintf(path, sizeof(path), "tests/screen/%s-%dx%d.txt", scene->name,
		 cols, rows);
	harness_init(&h, scene->nsources, !scene->ascii);
	harness_resize(&h, rows, cols);
	scene->play(&h);
	harness_draw(&h);
	got = show(&h, rows == 24);
	if (getenv("UPDATE"))
		write_whole(path, got);
	want = read_whole(path);
	same = strcmp(want, got) == 0;
	if (!same)
		print_message("%s differs; this was drawn:\n%s", path, got);
	free(want);
	free(got);
	harness_deinit(&h);
	return same;
}

static void every_scene_looks_as_reviewed(void **state)
{
	static const int sizes[][2] = { { 24, 80 }, { 40, 120 }, { 60, 200 } };
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < NSCENES; i++)
		for (size_t k = 0; k < 3; k++)
			wrong += !scene_is_right(&scenes[i], sizes[k][0],
						 sizes[k][1]);
	assert_int_equal(wrong, 0);
}

/* No character of a screen may act on a terminal, whatever was read. */
static void check_cells(const struct screen *screen)
{
	for (size_t i = 0; i < (size_t)screen->rows * (size_t)screen->cols; i++)
		for (size_t k = 0; k < CELL_CHARS; k++) {
			wchar_t c = screen->cells[i].text[k];

			assert_true(c == 0 || (c >= 0x20 && c < 0x7f) || c >= 0xa0);
			assert_true(screen->utf8 || c < 0x80);
		}
}

static void no_size_is_too_absurd(void **state)
{
	static const int sizes[][2] = { { 0, 0 }, { 1, 1 }, { 5, 20 }, { 2, 300 },
					{ 300, 2 }, { 7, 33 }, { 100, 500 } };

	(void)state;
	for (size_t i = 0; i < NSCENES; i++) {
		struct harness h;

		harness_init(&h, scenes[i].nsources, !scenes[i].ascii);
		scenes[i].play(&h);
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			harness_resize(&h, sizes[k][0], sizes[k][1]);
			harness_draw(&h);
			assert_int_equal(h.screen.rows, sizes[k][0]);
			check_cells(&h.screen);
		}
		harness_deinit(&h);
	}
}

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static int random_key(uint32_t *seed)
{
	uint32_t r = next_random(seed);

	switch (r % 4) {
	case 0:
		return KEYS_FIRST + (int)(r >> 8) % (KEYS_END - KEYS_FIRST);
	case 1:
		return (int)(r >> 8) % 32;
	case 2:
		return 0x20 + (int)(r >> 8) % 0x5f;
	default: /* lists come back to the table, and prompts to an end */
		return "\n\x1bqgmd123"[(r >> 8) % 9];
	}
}

static void random_event(struct harness *h, uint32_t *seed)
{
	uint32_t r = next_random(seed);
	struct event mouse = harness_event(EV_MOUSE, 0);
	size_t source = (r >> 8) % h->state.nsources;

	switch (r % 34) {
	case 32:
		if (r & 0x100)
			harness_threads(h, source);
		break;
	case 33:
		mouse.kind = EV_DONE;
		mouse.source = source;
		memset(&mouse.done, 0, sizeof(mouse.done));
		mouse.done.request = (r >> 12) % REQUEST_THREADS;
		mouse.done.err.kind = (r >> 16) % 3;
		harness_apply(h, &mouse);
		break;
	case 0:
		harness_resize(h, (int)(r >> 8) % 70, (int)(r >> 16) % 210);
		break;
	case 1:
		harness_sample(h, source, harness_snapshot((r >> 9) % 50),
			       r & 0x400);
		break;
	case 2:
		harness_status(h, source, r, r, (r >> 12) % 3);
		break;
	case 3:
		harness_failed(h, source, 1 + (r >> 12) % 10, r & 0x100, "pid 1",
			       "it is so", "do otherwise");
		break;
	case 4: case 5:
		mouse.mouse.button = (r >> 8) % 4;
		mouse.mouse.row = (int)(r >> 10) % 80 - 2;
		mouse.mouse.col = (int)(r >> 18) % 220 - 2;
		harness_apply(h, &mouse);
		break;
	default:
		harness_key(h, random_key(seed));
	}
}

static void no_sequence_of_events_is_too_absurd(void **state)
{
	struct harness h;
	uint32_t seed = 20240229;

	(void)state;
	harness_init(&h, 3, true);
	harness_start(&h);
	for (int i = 0; i < 100000; i++) {
		random_event(&h, &seed);
		if (i % 8)
			continue;
		harness_draw(&h);
		check_cells(&h.screen);
	}
	harness_deinit(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_scene_looks_as_reviewed),
		cmocka_unit_test(no_size_is_too_absurd),
		cmocka_unit_test(no_sequence_of_events_is_too_absurd),
	};

	setlocale(LC_CTYPE, "C.UTF-8"); /* wcwidth() */
	return cmocka_run_group_tests_name("tui_screen", tests, NULL, NULL);
}
