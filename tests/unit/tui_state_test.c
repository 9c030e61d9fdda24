#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <locale.h>
#include <cmocka.h>

#include "actions.h"
#include "columns.h"
#include "history.h"
#include "keys.h"
#include "layout.h"
#include "order.h"
#include "tui_harness.h"

static int setup(void **state)
{
	struct harness *h = tm_calloc(1, sizeof(*h));

	harness_init(h, 1, true);
	harness_start(h);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	harness_deinit(*state);
	free(*state);
	return 0;
}

static void keys_change_what_is_asked_for(void **state)
{
	struct harness *h = *state;

	harness_keys(h, "1");
	assert_true(h->reactions & R_QUERY);
	assert_int_equal(h->state.table->key, TM_KEY_FILENAME);
	harness_keys(h, "1");
	assert_false(h->reactions & R_QUERY); /* nothing new */
	harness_keys(h, "g");
	assert_int_equal(h->state.table->key, TM_KEY_LINENO);
	harness_keys(h, "g");
	assert_int_equal(h->state.table->key, TM_KEY_TRACEBACK);
	harness_keys(h, "c");
	assert_false(h->state.cumulative); /* not with tracebacks */
	assert_int_equal(h->state.message_role, ROLE_ERROR);
	harness_keys(h, "1c");
	assert_true(h->state.table->cumulative);
	harness_keys(h, "3");
	assert_int_equal(h->state.key, TM_KEY_FILENAME);
	harness_keys(h, "q");
	assert_int_equal(h->reactions & R_QUIT, R_QUIT);
}

/* What the recorder has of two threads. */
static struct tm_snapshot *of_threads(void)
{
	static const struct tm_meta meta = { .pid = 4711 };
	struct tm_builder *b = tm_builder_create();
	tm_id frame = tm_builder_frame(b, tm_builder_string(b, "a.py", 4), 3);
	tm_id traceback = tm_builder_traceback(b, &frame, 1, 1);
	struct tm_err err;

	tm_builder_traces(b, tm_builder_thread_site(b, traceback, 0,
			  tm_builder_string(b, "web (7)", 7)), 10, 1);
	tm_builder_traces(b, tm_builder_thread_site(b, traceback, 0,
			  tm_builder_string(b, "job (9)", 7)), 20, 1);
	return tm_builder_finish(b, &meta, &err);
}

static void threads_are_grouped_by_where_they_are_told(void **state)
{
	static const enum tm_key next[] = {
		TM_KEY_TRACEBACK, TM_KEY_FUNCTION, TM_KEY_THREAD, TM_KEY_FILENAME,
	};
	struct harness *h = *state;

	harness_keys(h, "5");
	assert_int_equal(h->state.key, TM_KEY_LINENO); /* tracemalloc's traces */
	assert_int_equal(h->state.message_role, ROLE_ERROR);
	harness_keys(h, "4g");
	assert_int_equal(h->state.table->key, TM_KEY_FILENAME);
	harness_keys(h, "2");
	harness_sample(h, 0, of_threads(), true);
	for (size_t i = 0; i < sizeof(next) / sizeof(next[0]); i++) {
		harness_keys(h, "g");
		assert_int_equal(h->state.table->key, next[i]);
	}
	harness_keys(h, "5");
	assert_int_equal(h->state.table->nrows, 2);
	harness_keys(h, "c");
	assert_false(h->state.cumulative); /* a thread counts once */
	assert_int_equal(h->state.message_role, ROLE_ERROR);
	harness_keys(h, "i"); /* its name is no file's */
	assert_int_equal(h->state.filters.n, 0);
	assert_int_equal(h->state.table->nrows, 2);
	harness_keys(h, "1c5");
	assert_int_equal(h->state.key, TM_KEY_FILENAME);
}

static void the_cursor_stays_in_the_table(void **state)
{
	struct harness *h = *state;
	struct scroll *scroll = &h->state.scroll[MODE_TABLE];
	size_t n = h->state.table->nrows;

	harness_keys(h, "k");
	assert_int_equal(scroll->cursor, 0);
	harness_key(h, K_END);
	assert_int_equal(scroll->cursor, n - 1);
	harness_keys(h, "j");
	assert_int_equal(scroll->cursor, n - 1);
	assert_int_equal(scroll->top, n - state_list_height(&h->state, MODE_TABLE));
	harness_key(h, K_PAGE_UP);
	assert_true(scroll->cursor < n - 1);
	harness_resize(h, 8, 80);
	assert_true(scroll->cursor < scroll->top +
		    state_list_height(&h->state, MODE_TABLE));
	harness_key(h, K_HOME);
	assert_int_equal(scroll->top, 0);
}

static void the_cursor_follows_its_row_through_a_refresh(void **state)
{
	struct harness *h = *state;
	struct group_name name;
	const struct tm_stat *now;

	harness_keys(h, "jjjjjjjjjjjj");
	group_name_init(&name, state_selected(&h->state));
	harness_sample(h, 0, harness_snapshot(40), true);
	now = state_selected(&h->state);
	assert_int_equal(tm_stat_frame(now, 0).lineno, name.frames[0].lineno);
	assert_int_equal(tm_stat_frame(now, 0).filename.len, name.frames[0].len);
	assert_memory_equal(tm_stat_frame(now, 0).filename.bytes,
			    name.frames[0].bytes, name.frames[0].len);
	group_name_deinit(&name);
	harness_keys(h, "I"); /* and is found when read backwards */
	harness_sample(h, 0, harness_snapshot(41), true);
	assert_true(h->state.scroll[MODE_TABLE].cursor < h->state.table->nrows);
}

static void every_column_sorts_both_ways(void **state)
{
	struct harness *h = *state;

	harness_keys(h, "m");
	harness_sample(h, 0, harness_snapshot(40), true);
	for (size_t i = 0; i < columns_menu_length(); i++) {
		const struct column *column = columns_at(columns_menu_column(i));
		const struct tm_stat *first, *last;

		harness_key(h, K_F6);
		h->state.scroll[MODE_SORT].cursor = i;
		harness_keys(h, "\n");
		assert_int_equal(h->state.table->sort, column->sort);
		first = table_row(h->state.table, 0, false);
		last = table_row(h->state.table, h->state.table->nrows - 1, false);
		if (column->sort == SORT_SIZE)
			assert_true(first->size > last->size);
		else if (column->sort == SORT_COUNT)
			assert_true(first->count > last->count);
		else if (column->sort == SORT_AVERAGE)
			assert_true(first->size * last->count >
				    last->size * first->count);
		else if (column->sort == SORT_SIZE_DIFF)
			assert_true(first->size_diff > last->size_diff);
		else if (column->sort == SORT_COUNT_DIFF)
			assert_true(first->count_diff > last->count_diff);
		else if (column->sort == SORT_AGE)
			assert_true(first->size >= last->size); /* none is known */
		else
			assert_true(order_by_location(first, last) < 0);
		harness_keys(h, "I");
		assert_ptr_equal(table_row(h->state.table, 0, h->state.reverse),
				 last);
	}
}

/* With a baseline the table stays what statistics() gives, and d gives what
 * compare_to() gives: order included. */
static void a_baseline_changes_no_order(void **state)
{
	struct harness *h = *state;
	struct tm_query query = { .key = TM_KEY_LINENO };
	struct tm_err err;
	struct tm_stats *want;
	const struct table *table;

	harness_keys(h, "d");
	assert_false(h->state.diff); /* nothing is marked yet */
	harness_keys(h, "m");
	harness_sample(h, 0, harness_snapshot(40), true);
	table = h->state.table;
	want = tm_snapshot_statistics(h->state.sources[0].latest->snapshot,
				      &query, &err);
	assert_int_equal(table->nrows, want->n);
	for (size_t i = 0; i < want->n; i++) {
		assert_int_equal(table_row(table, i, false)->size,
				 want->items[i].size);
		assert_int_equal(table_row(table, i, false)->group,
				 want->items[i].group);
	}
	tm_stats_destroy(want);
	harness_keys(h, "d");
	table = h->state.table;
	want = tm_snapshot_compare(h->state.sources[0].latest->snapshot,
				   h->state.sources[0].marked->snapshot, &query,
				   &err);
	assert_int_equal(table->nrows, want->n);
	for (size_t i = 0; i < want->n; i++)
		assert_int_equal(table_row(table, i, false)->size_diff,
				 want->items[i].size_diff);
	tm_stats_destroy(want);
	harness_keys(h, "M");
	assert_false(h->state.diff);
	assert_false(h->state.table->has_older);
}

static void filters_follow_the_typing(void **state)
{
	struct harness *h = *state;
	size_t all = h->state.table->nrows;

	harness_keys(h, "/js");
	assert_true(h->state.table->nrows > 0 && h->state.table->nrows < all);
	harness_key(h, K_ESCAPE);
	assert_int_equal(h->state.table->nrows, all);
	assert_int_equal(h->state.filters.n, 0);
	harness_keys(h, "/json\n");
	assert_int_equal(h->state.filters.n, 1);
	harness_keys(h, "/!:5\n"); /* a line alone is no pattern */
	assert_int_equal(h->state.filters.n, 1);
	harness_keys(h, "C");
	assert_int_equal(h->state.table->nrows, all);
	harness_keys(h, "/json\t\n");
	assert_false(h->state.filters.items[0].inclusive);
	assert_true(h->state.table->nrows < all);
	harness_keys(h, "fxq");
	assert_int_equal(h->state.filters.n, 0);
	assert_int_equal(h->state.table->nrows, all);
}

static void rows_are_included_and_excluded(void **state)
{
	struct harness *h = *state;
	size_t all = h->state.table->nrows;
	uint64_t size = table_row(h->state.table, 1, false)->size;

	harness_keys(h, "jx");
	assert_int_equal(h->state.table->nrows, all - 1);
	harness_keys(h, "Cji");
	assert_int_equal(h->state.table->nrows, 1);
	assert_int_equal(table_row(h->state.table, 0, false)->size, size);
	/* Only this row, also where a filter has let others in. */
	harness_keys(h, "C/py\n");
	assert_true(h->state.table->nrows > 1);
	harness_keys(h, "i");
	assert_int_equal(h->state.table->nrows, 1);
	harness_keys(h, "C1");
	harness_key(h, K_END);
	harness_keys(h, "i"); /* "<frozen ...>" or a name with a bracket */
	assert_int_equal(h->state.table->nrows, 1);
}

static void typed_filters_mean_what_they_say(void **state)
{
	static const struct { const char *typed, *said; } cases[] = {
		{ "json", "include *json*" },
		{ "!json", "exclude *json*" },
		{ "lib/*.py", "include lib/*.py" },
		{ "a?c:12", "include a?c:12" },
		{ "x:y", "include *x:y*" },
		{ "C:\\x.py:7", "include *C:\\x.py*:7" },
		{ "parse()", "include *parse*()" },
		{ "!std::*()", "exclude std::*()" },
		{ "()", "include *()*" },
		{ ">5m", "older than 300 s" },
		{ "<1.5", "newer than 1.5 s" },
		{ "!>2h", "newer than 7200 s" },
		{ "<frozen", "include *<frozen*" },
		{ ">5 m", "include *>5 m*" },
	};
	struct tm_filter filter;
	size_t len;
	char *said;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(filters_parse(cases[i].typed, &filter));
		said = filters_describe(&filter);
		assert_string_equal(said, cases[i].said);
		free(said);
		filter_free(&filter);
	}
	assert_false(filters_parse("", &filter));
	assert_false(filters_parse("!", &filter));
	said = filters_literal((struct tm_text){ "a[b]*?", 6 }, &len);
	assert_true(tm_fnmatch((struct tm_text){ said, len },
			       (struct tm_text){ "a[b]*?", 6 }));
	assert_false(tm_fnmatch((struct tm_text){ said, len },
				(struct tm_text){ "ab]*?", 5 }));
	assert_false(tm_fnmatch((struct tm_text){ said, len },
				(struct tm_text){ "a[b]x?", 6 }));
	assert_false(tm_fnmatch((struct tm_text){ said, len },
				(struct tm_text){ "a[b]*x", 6 }));
	free(said);
}

static void domains_are_shown_one_by_one(void **state)
{
	struct harness *h = *state;
	size_t all = h->state.table->nrows, n0;

	harness_keys(h, "D");
	assert_int_equal(h->state.domain, 0);
	n0 = h->state.table->nrows;
	harness_keys(h, "D");
	assert_int_equal(h->state.domain, 1);
	assert_int_equal(h->state.table->nrows + n0, all);
	/* On top of the filters, not beside them. */
	harness_keys(h, "/models\n");
	assert_int_equal(h->state.table->nrows, 1);
	harness_keys(h, "CD");
	assert_int_equal(h->state.domain, -1);
	assert_int_equal(h->state.table->nrows, all);
}

static void searching_finds_the_next_and_the_one_before(void **state)
{
	struct harness *h = *state;
	size_t first;

	harness_keys(h, "\\_compiler\n");
	first = h->state.scroll[MODE_TABLE].cursor;
	harness_keys(h, "n");
	assert_true(h->state.scroll[MODE_TABLE].cursor > first);
	harness_keys(h, "N");
	assert_int_equal(h->state.scroll[MODE_TABLE].cursor, first);
	harness_keys(h, "\\models");
	assert_int_not_equal(h->state.scroll[MODE_TABLE].cursor, first);
	harness_key(h, K_ESCAPE);
	assert_int_equal(h->state.scroll[MODE_TABLE].cursor, first);
	harness_keys(h, "\\nowhere\n");
	assert_int_equal(h->state.scroll[MODE_TABLE].cursor, first);
}

static void saving_asks_before_it_replaces(void **state)
{
	struct harness *h = *state;
	struct event event = harness_event(EV_EXISTS, 0);

	harness_keys(h, "s");
	assert_string_equal(h->state.prompt.text,
			    "tmattach-4711-20260131-120000.tms");
	for (int i = 0; i < 40; i++)
		harness_key(h, K_BACKSPACE);
	assert_int_equal(h->state.mode, MODE_TABLE); /* erased away */
	harness_keys(h, "s");
	harness_key(h, K_CTRL('U'));
	harness_keys(h, "a.pickle\n");
	assert_true(h->reactions & R_SAVE);
	assert_string_equal(h->state.save_path, "a.pickle");
	assert_false(h->state.save_overwrite);
	strcpy(event.text, "a.pickle");
	harness_apply(h, &event);
	harness_keys(h, "n");
	assert_false(h->reactions & R_SAVE);
	harness_apply(h, &event);
	harness_keys(h, "y");
	assert_true(h->reactions & R_SAVE);
	assert_true(h->state.save_overwrite);
}

static void the_rate_changes_in_steps(void **state)
{
	struct harness *h = *state;

	harness_keys(h, "+");
	assert_int_equal(h->state.interval_ms, 1000);
	assert_true(h->reactions & R_INTERVAL);
	harness_keys(h, "++++++");
	assert_int_equal(h->state.interval_ms, 100);
	assert_false(h->reactions & R_INTERVAL);
	harness_keys(h, "--");
	assert_int_equal(h->state.interval_ms, 500);
	harness_keys(h, " ");
	assert_true(h->state.paused);
	harness_keys(h, "r");
	assert_true(h->reactions & R_RESET_PEAK);
	harness_key(h, K_CTRL('Z'));
	assert_true(h->reactions & R_SUSPEND);
}

static void processes_are_merged_and_switched(void **state)
{
	const struct tm_filter none = { .domain_only = true, .inclusive = true, .domain = 4242 };
	struct harness two;
	uint64_t one;

	(void)state;
	harness_init(&two, 2, true);
	harness_opened(&two, 0, 1, "a");
	harness_opened(&two, 1, 2, "b");
	harness_sample(&two, 0, harness_snapshot(0), false);
	harness_sample(&two, 1, harness_snapshot(0), true);
	one = two.state.sources[0].latest->snapshot->total_size;
	assert_int_equal(two.state.table->stats->total_size, 2 * one);
	assert_int_equal(two.state.table->nrows, 60);
	harness_keys(&two, "\t");
	assert_int_equal(two.state.table->stats->total_size, one);
	assert_ptr_equal(two.state.table->newer, two.state.sources[0].latest);
	harness_key(&two, K_BACKTAB);
	assert_int_equal(two.state.scope, SCOPE_ALL);
	/* All of the second is shared with the first: it counts once. */
	harness_member(&two, 1, harness_snapshot(0),
		       tm_snapshot_filter(two.state.sources[0].latest->snapshot, &none, 1), true);
	assert_int_equal(two.state.table->stats->total_size, one);
	harness_keys(&two, "\t\t");
	assert_ptr_equal(two.state.table->newer, two.state.sources[1].latest);
	assert_int_equal(two.state.table->stats->total_size, one);
	harness_deinit(&two);
}

static void children_come_and_go(void **state)
{
	struct harness two, *h = &two;
	struct event event = harness_event(EV_ADDED, 2);

	(void)state;
	harness_init(h, 2, true);
	harness_opened(h, 0, 4711, "a");
	harness_opened(h, 1, 4713, "b");
	event.pid = 4800;
	harness_apply(h, &event);
	assert_int_equal(h->state.nsources, 3);
	assert_true(state_in_scope(&h->state, 2));
	assert_string_equal(h->state.message, "pid 4800 has started");
	h->state.scope = 2;
	harness_failed(h, 2, TM_ERR_GONE, false, "pid 4800", "has exited", "");
	assert_string_equal(h->state.message, "pid 4800 has ended");
	assert_int_equal(h->state.message_role, ROLE_NORMAL);
	assert_true(h->reactions & R_DRAW);
	/* Its last table can still be looked at; among all it counts no more, */
	assert_true(state_in_scope(&h->state, 2));
	h->state.scope = SCOPE_ALL;
	assert_false(state_in_scope(&h->state, 2));
	/* until another takes its place, or nothing runs. */
	harness_failed(h, 0, TM_ERR_GONE, false, "pid 4711", "has exited", "");
	assert_true(state_in_scope(&h->state, 0));
	assert_false(state_in_scope(&h->state, 2));
	harness_failed(h, 1, TM_ERR_GONE, false, "pid 4713", "has exited", "");
	assert_true(state_in_scope(&h->state, 2));
	h->state.scope = 2;
	event.pid = 4801;
	harness_apply(h, &event);
	assert_int_equal(h->state.nsources, 3);
	assert_int_equal(h->state.sources[2].pid, 4801);
	assert_false(h->state.sources[2].gone);
	assert_true(h->state.scope == SCOPE_ALL);
	harness_deinit(h);
}

static void clicks_sort_and_select(void **state)
{
	struct harness *h = *state;
	struct layout layout = layout_compute(24);
	struct event click = harness_event(EV_MOUSE, 0);

	click.mouse.row = layout.title;
	click.mouse.col = 20;
	harness_apply(h, &click);
	assert_int_equal(h->state.sort, SORT_COUNT);
	harness_apply(h, &click);
	assert_true(h->state.reverse);
	click.mouse.row = layout.first + 4;
	harness_apply(h, &click);
	assert_int_equal(h->state.scroll[MODE_TABLE].cursor, 4);
	click.mouse.button = MOUSE_DOUBLE;
	harness_apply(h, &click);
	assert_int_equal(h->state.mode, MODE_DETAIL);
	assert_non_null(h->state.detail);
	click.mouse.button = MOUSE_WHEEL_DOWN;
	harness_apply(h, &click);
	assert_int_equal(h->state.scroll[MODE_DETAIL].top, 0); /* it fits */
}

static bool share_a_key(const struct key_binding *a, const struct key_binding *b)
{
	for (int x = 0; x < KEYS_PER_BINDING; x++)
		for (int y = 0; y < KEYS_PER_BINDING; y++)
			if (a->keys[x] && a->keys[x] == b->keys[y])
				return true;
	return false;
}

/* Two bindings for one key on one page: the second would never be reached. */
static void no_key_is_bound_twice(void **state)
{
	struct harness *h = *state;

	for (enum mode mode = 0; mode < MODE_COUNT; mode++) {
		h->state.mode = mode;
		for (size_t i = 0; i < keys_count(); i++)
			for (size_t k = 0; k < i; k++)
				if (share_a_key(keys_at(i), keys_at(k)))
					assert_false(keys_bound(&h->state, keys_at(i)) &&
						     keys_bound(&h->state, keys_at(k)));
	}
	h->state.mode = MODE_TABLE;
}

static void done(struct harness *h, enum request request, bool changed,
		 enum tm_err_kind kind)
{
	struct event event = harness_event(EV_DONE, 0);

	event.done.request = request;
	event.done.control = (struct tm_control_result){ changed, 5 };
	event.done.err.kind = kind;
	harness_apply(h, &event);
}

static void starting_asks_for_the_frames(void **state)
{
	struct harness *h = *state;

	h->state.sources[0].opened = true;
	assert_int_equal(h->state.nframe, 10); /* as the target traces */
	harness_keys(h, "t\n");
	assert_int_equal(h->state.mode, MODE_PROMPT);
	assert_false(h->reactions & R_START);
	harness_keys(h, "\n"); /* as offered */
	assert_true(h->reactions & R_START);
	assert_int_equal(h->state.nframe, 10);
	harness_keys(h, "t\n6x5y535\n");
	assert_true(h->reactions & R_START);
	assert_int_equal(h->state.nframe, 65535);
	harness_keys(h, "t\n0\n");
	assert_false(h->reactions & R_START);
	assert_int_equal(h->state.message_role, ROLE_ERROR);
	harness_keys(h, "t\n65536\n");
	assert_false(h->reactions & R_START);
	harness_keys(h, "t\n99999999999999999999999\n");
	assert_false(h->reactions & R_START);
	assert_int_equal(h->state.nframe, 65535);
	harness_keys(h, "t\n7\x1b");
	assert_false(h->reactions & R_START);
	assert_int_equal(h->state.mode, MODE_TABLE);
	done(h, REQUEST_START, false, TM_ERR_NONE);
	assert_int_equal(h->state.message_role, ROLE_WARNING);
}

static void clearing_and_stopping_ask_first(void **state)
{
	struct harness *h = *state;

	harness_keys(h, "tj\n");
	assert_int_equal(h->state.mode, MODE_CONFIRM);
	assert_non_null(strstr(h->state.question, "pid 4711"));
	harness_keys(h, "n");
	assert_false(h->reactions & R_CLEAR);
	harness_keys(h, "t\n\x1b"); /* the menu begins at its top again */
	assert_int_equal(h->state.mode, MODE_TABLE);
	harness_keys(h, "tj\n\n"); /* Enter is no */
	assert_false(h->reactions & R_CLEAR);
	harness_keys(h, "tj\ny");
	assert_int_equal(h->reactions & (R_START | R_CLEAR | R_STOP), R_CLEAR);
	harness_keys(h, "tjj\ny");
	assert_int_equal(h->reactions & (R_START | R_CLEAR | R_STOP), R_STOP);
	done(h, REQUEST_STOP, true, TM_ERR_BUSY);
	assert_int_equal(h->state.message_role, ROLE_ERROR);
	done(h, REQUEST_STOP, true, TM_ERR_NONE);
	assert_int_equal(h->state.message_role, ROLE_NORMAL);
	assert_int_equal(h->state.sources[0].shown_peak, 0);
	harness_failed(h, 0, TM_ERR_GONE, false, "pid 4711", "has exited", "");
	harness_keys(h, "t");
	assert_int_equal(h->state.mode, MODE_TABLE);
}

static void the_threads_are_a_page(void **state)
{
	struct harness *h = *state;
	struct event event = harness_event(EV_DONE, 0);

	event.done.request = REQUEST_THREADS;
	harness_keys(h, "T");
	assert_true(h->reactions & R_THREADS);
	assert_int_equal(h->state.mode, MODE_THREADS);
	harness_threads(h, 0);
	/* 1 + (1 + 4 + 5 + 1) + (1 + 3 + 5 + 1) + (1 + 1 + 1) + the tasks: 10 */
	assert_int_equal(state_list_length(&h->state, MODE_THREADS), 35);
	harness_key(h, K_END);
	assert_int_equal(h->state.scroll[MODE_THREADS].top,
			 35 - state_list_height(&h->state, MODE_THREADS));
	harness_keys(h, "h");
	harness_keys(h, "q");
	assert_int_equal(h->state.mode, MODE_THREADS);
	harness_keys(h, "u");
	assert_true(h->reactions & R_THREADS);
	event.done.err.kind = TM_ERR_GONE;
	harness_apply(h, &event);
	assert_int_equal(state_list_length(&h->state, MODE_THREADS), 1);
	harness_keys(h, "q");
	assert_int_equal(h->state.mode, MODE_TABLE);
	h->state.sources[0].is_file = true;
	harness_keys(h, "T");
	assert_false(h->reactions & R_THREADS);
	assert_int_equal(h->state.mode, MODE_TABLE);
}

static void every_line_of_a_thread_is_told(void **state)
{
	struct harness *h = *state;
	const struct thread_page *page;
	struct thread_line line;

	harness_threads(h, 0);
	page = h->state.sources[0].answers[REQUEST_THREADS]->threads;
	assert_int_equal(thread_page_nlines(page), 34);
	line = thread_page_line(page, 0);
	assert_int_equal(line.kind, THREAD_LINE_HEAD);
	assert_int_equal(line.thread->tid, 4711);
	line = thread_page_line(page, 2);
	assert_int_equal(line.kind, THREAD_LINE_PYTHON_FRAME);
	assert_int_equal(line.frame->lineno, 3); /* the newest */
	line = thread_page_line(page, 9);
	assert_int_equal(line.kind, THREAD_LINE_NATIVE_FRAME);
	assert_string_equal(line.frame->function.bytes, "_start");
	assert_int_equal(line.number, 3);
	assert_int_equal(thread_page_line(page, 10).kind, THREAD_LINE_BLANK);
	assert_int_equal(thread_page_line(page, 11).thread->tid, 4715);
	assert_int_equal(thread_page_line(page, 14).kind, THREAD_LINE_PYTHON_CUT);
	assert_int_equal(thread_page_line(page, 19).kind, THREAD_LINE_NATIVE_CUT);
	assert_int_equal(thread_page_line(page, 22).kind, THREAD_LINE_NO_STACK);
	assert_int_equal(thread_page_line(page, 23).kind, THREAD_LINE_BLANK);
}

static const char *type_under_cursor(const struct harness *h)
{
	return types_row(&h->state.types, h->state.scroll[MODE_OBJECTS].cursor)->name;
}

static void the_objects_are_three_pages(void **state)
{
	struct harness h;
	const struct types *types = &h.state.types;

	(void)state;
	harness_init(&h, 1, true);
	harness_start(&h);
	harness_keys(&h, "O");
	assert_int_equal(h.state.mode, MODE_OBJECTS);
	assert_true(h.reactions & R_OBJECTS);
	harness_keys(&h, "r\nm"); /* nothing to ask about yet */
	assert_false(h.reactions & R_LOOK_INTO);
	assert_int_equal(h.state.mode, MODE_OBJECTS);
	harness_objects(&h, 0, 100);
	assert_int_equal(types->n, 7);
	/* It was asked for before they came. */
	assert_non_null(types->retained);
	assert_string_equal(type_under_cursor(&h), "dict");
	/* The cursor stays on its type, wherever that goes. */
	harness_keys(&h, "mjjjj");
	assert_string_equal(type_under_cursor(&h), "int");
	harness_objects(&h, 0, 4);
	assert_string_equal(type_under_cursor(&h), "int");
	assert_int_equal(types_row(types, types_row_of(types, "shop.models.Session"))
			 ->count_diff, -96);
	harness_keys(&h, "/shop.models.?ser\n");
	assert_int_equal(types->n, 1);
	harness_keys(&h, "\n");
	assert_int_equal(h.state.mode, MODE_HOLDERS);
	assert_string_equal(types->holders->what, "shop.models.User");
	harness_keys(&h, "\n");
	assert_int_equal(h.state.mode, MODE_INSTANCES);
	assert_int_equal(types->instances->count, 1);
	/* Read again meanwhile: what is looked at stays, until it is left. */
	harness_objects(&h, 0, 8);
	assert_int_equal(types->instances->count, 1);
	harness_keys(&h, "qq");
	assert_int_equal(h.state.mode, MODE_OBJECTS);
	assert_null(types->holders);
	harness_keys(&h, "/\x15Session");
	assert_int_equal(types->n, 1);
	harness_key(&h, K_ESCAPE); /* as before the typing */
	assert_string_equal(types->filter, "shop.models.?ser");
	harness_keys(&h, "CM");
	assert_int_equal(types->n, 7);
	assert_null(types->since);
	harness_keys(&h, "q");
	assert_int_equal(h.state.mode, MODE_TABLE);
	harness_deinit(&h);
}

/* Two processes that are traced, the objects of both read. */
static void look_at_objects_of_two(struct harness *h)
{
	harness_init(h, 2, true);
	harness_opened(h, 0, 4711, "a");
	harness_opened(h, 1, 4713, "b");
	harness_sample(h, 0, harness_snapshot(0), false);
	harness_sample(h, 1, harness_snapshot(0), true);
	harness_keys(h, "O");
	harness_objects(h, 0, 100);
	harness_keys(h, "\t");
	assert_true(h->reactions & R_OBJECTS);
	harness_objects(h, 1, 4);
}

static void what_objects_are_of_the_table_is_of(void **state)
{
	struct harness two, *h = &two;
	const struct types *types = &h->state.types;

	(void)state;
	look_at_objects_of_two(h);
	assert_ptr_equal(h->state.table->newer, h->state.sources[1].latest);
	harness_keys(h, "q\tO"); /* all, and of all the first */
	assert_ptr_equal(types->objects, h->state.sources[0].answers[REQUEST_OBJECTS]->objects);
	assert_ptr_equal(h->state.table->newer, h->state.sources[0].latest);
	harness_keys(h, "q\t");
	assert_ptr_equal(types->objects, h->state.sources[1].answers[REQUEST_OBJECTS]->objects);
	harness_deinit(h);
}

static void what_types_retain_is_computed_when_they_are_shown(void **state)
{
	struct harness two, *h = &two;
	const struct types *types = &h->state.types;

	(void)state;
	look_at_objects_of_two(h);
	harness_keys(h, "r");
	assert_non_null(types->retained);
	harness_keys(h, "\t"); /* of the first they have been read */
	assert_false(h->reactions & R_OBJECTS);
	assert_non_null(types->retained);
	harness_keys(h, "\n");
	assert_int_equal(h->state.mode, MODE_HOLDERS);
	harness_objects(h, 0, 50);
	harness_keys(h, "q");
	assert_ptr_equal(types->objects, h->state.sources[0].answers[REQUEST_OBJECTS]->objects);
	assert_non_null(types->retained);
	harness_deinit(h);
}

static void a_dialog_takes_nothing_from_the_page_below(void **state)
{
	struct harness *h = *state;
	struct event event = harness_event(EV_DETAIL, 0);

	harness_keys(h, "\ns");
	event.detail = detail_create(h->state.table, state_selected(&h->state));
	harness_apply(h, &event);
	assert_null(event.detail);
	harness_key(h, K_ESCAPE);
	harness_keys(h, "qO");
	harness_objects(h, 0, 100);
	harness_keys(h, "\n?");
	assert_int_equal(h->state.mode, MODE_HELP);
	harness_objects(h, 0, 4);
	harness_keys(h, "q");
	assert_int_equal(h->state.mode, MODE_HOLDERS);
	assert_non_null(h->state.types.holders);
	harness_keys(h, "q");
	assert_ptr_equal(h->state.types.objects,
			 h->state.sources[0].answers[REQUEST_OBJECTS]->objects);
}

static void harness_objects_failed(struct harness *h, enum objects_about about,
				   const char *type)
{
	struct event event = harness_event(EV_OBJECTS, 0);
	struct objects_answer *answer = &event.objects;

	answer->query = (struct objects_query){
		.objects = objects_get(h->state.types.objects),
		.about = about, .type = type ? tm_strdup(type) : NULL,
	};
	tm_err_set(&answer->err, TM_ERR_CORRUPT, type ? type : "heap", "too deep");
	harness_apply(h, &event);
}

static void a_failure_is_of_what_was_asked(void **state)
{
	struct harness *h = *state;
	const struct types *types = &h->state.types;

	harness_keys(h, "O");
	harness_objects(h, 0, 100);
	harness_keys(h, "r\n");
	harness_objects_failed(h, OBJECTS_HOLDERS, "another type");
	assert_int_equal(types->err.kind, TM_ERR_NONE);
	harness_objects_failed(h, OBJECTS_HOLDERS, types->looked_at);
	assert_int_equal(types->err.kind, TM_ERR_CORRUPT);
	assert_true(types->with_retained);
	harness_objects_failed(h, OBJECTS_RETAINED, NULL);
	assert_false(types->with_retained);
	assert_string_equal(h->state.message, "heap: too deep");
}

static void the_objects_of_a_child_go_with_it(void **state)
{
	struct harness two, *h = &two;
	struct event event = harness_event(EV_ADDED, 1);

	(void)state;
	look_at_objects_of_two(h);
	harness_keys(h, "\n?");
	event.pid = 4800;
	harness_apply(h, &event);
	harness_key(h, K_ESCAPE);
	assert_int_equal(h->state.mode, MODE_TABLE);
	assert_int_equal(h->state.scope, SCOPE_ALL);
	assert_ptr_equal(h->state.types.objects,
			 h->state.sources[0].answers[REQUEST_OBJECTS]->objects);
	harness_deinit(h);
}

static void a_lone_process_is_all_until_children_come(void **state)
{
	struct harness *h = *state;
	struct event event = harness_event(EV_ADDED, 1);

	harness_keys(h, "O");
	harness_objects(h, 0, 4);
	harness_keys(h, "q");
	harness_apply(h, &event);
	assert_true(state_in_scope(&h->state, 1));
}

static void types_are_sorted_by_every_column(void **state)
{
	struct harness h;
	const struct types *types = &h.state.types;
	struct event click = harness_event(EV_MOUSE, 0);

	(void)state;
	harness_init(&h, 1, true);
	harness_start(&h);
	harness_keys(&h, "O");
	harness_objects(&h, 0, 100);
	harness_keys(&h, "o");
	harness_key(&h, K_END);
	harness_keys(&h, "\n");
	assert_int_equal(h.state.mode, MODE_OBJECTS);
	assert_int_equal(types->sort, TYPE_NAME);
	for (size_t i = 1; i < types->n; i++)
		assert_true(strcmp(types_row(types, i - 1)->name,
				   types_row(types, i)->name) < 0);
	harness_keys(&h, "R");
	assert_string_equal(types_row(types, 0)->name, "str");
	harness_keys(&h, "<<<<<"); /* the first that is shown */
	assert_int_equal(types->sort, TYPE_COUNT);
	for (size_t i = 1; i < types->n; i++)
		assert_true(types_row(types, i - 1)->count >= types_row(types, i)->count);
	click.mouse.row = 1;
	click.mouse.col = 12; /* SIZE */
	harness_apply(&h, &click);
	assert_int_equal(types->sort, TYPE_SIZE);
	assert_false(types->reverse);
	harness_apply(&h, &click);
	assert_true(types->reverse);
	harness_keys(&h, "o\n"); /* the same column, in its own direction */
	assert_int_equal(types->sort, TYPE_SIZE);
	assert_false(types->reverse);
	harness_deinit(&h);
}

static void messages_go_away(void **state)
{
	struct harness *h = *state;
	struct event clock = harness_event(EV_CLOCK, 0);

	harness_apply(h, &clock);
	state_say(&h->state, ROLE_NORMAL, "hello");
	h->now_ms += 1000;
	harness_apply(h, &clock);
	assert_string_equal(h->state.message, "hello");
	h->now_ms += 10000;
	harness_apply(h, &clock);
	assert_string_equal(h->state.message, "");
}

static void the_history_keeps_peaks_and_all_its_time(void **state)
{
	struct history history = { 0 };

	(void)state;
	for (uint64_t t = 0; t < 100000; t++)
		history_add(&history, 5000 + t * 250, t == 70000 ? 9999 : 10);
	assert_int_equal(history_max(&history), 9999);
	assert_true(history_span_ms(&history) >= 25000000);
	assert_int_equal(history_part(&history, 6, 10), 10);
	assert_int_equal(history_part(&history, 7, 10), 9999);
	history_add(&history, 1, 5); /* a clock that goes back */
	history_add(&history, UINT64_MAX / 2, 7); /* a very long sleep */
	assert_true(history.n <= HISTORY_SLOTS);
}

#define WITH_TABLE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TABLE(keys_change_what_is_asked_for),
		WITH_TABLE(threads_are_grouped_by_where_they_are_told),
		WITH_TABLE(the_cursor_stays_in_the_table),
		WITH_TABLE(the_cursor_follows_its_row_through_a_refresh),
		WITH_TABLE(every_column_sorts_both_ways),
		WITH_TABLE(a_baseline_changes_no_order),
		WITH_TABLE(filters_follow_the_typing),
		WITH_TABLE(rows_are_included_and_excluded),
		cmocka_unit_test(typed_filters_mean_what_they_say),
		WITH_TABLE(domains_are_shown_one_by_one),
		WITH_TABLE(searching_finds_the_next_and_the_one_before),
		WITH_TABLE(saving_asks_before_it_replaces),
		WITH_TABLE(the_rate_changes_in_steps),
		cmocka_unit_test(processes_are_merged_and_switched),
		cmocka_unit_test(children_come_and_go),
		WITH_TABLE(clicks_sort_and_select),
		WITH_TABLE(no_key_is_bound_twice),
		WITH_TABLE(starting_asks_for_the_frames),
		WITH_TABLE(clearing_and_stopping_ask_first),
		WITH_TABLE(the_threads_are_a_page),
		WITH_TABLE(every_line_of_a_thread_is_told),
		cmocka_unit_test(the_objects_are_three_pages),
		cmocka_unit_test(what_objects_are_of_the_table_is_of),
		cmocka_unit_test(what_types_retain_is_computed_when_they_are_shown),
		WITH_TABLE(a_dialog_takes_nothing_from_the_page_below),
		WITH_TABLE(a_failure_is_of_what_was_asked),
		cmocka_unit_test(the_objects_of_a_child_go_with_it),
		WITH_TABLE(a_lone_process_is_all_until_children_come),
		cmocka_unit_test(types_are_sorted_by_every_column),
		WITH_TABLE(messages_go_away),
		cmocka_unit_test(the_history_keeps_peaks_and_all_its_time),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests_name("tui_state", tests, NULL, NULL);
}
