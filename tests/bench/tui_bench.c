/*
 * The view on a large snapshot: what the worker takes to answer, and what the
 * loop takes for a key, both as processor time of the thread.
 */
#include <locale.h>
#include <time.h>

#include "tests/tui_harness.h"

#define TRACES 2000000u
#define GROUPS 150000u

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static struct tm_snapshot *large_snapshot(unsigned grown)
{
	struct tm_builder *b = tm_builder_create();
	struct tm_meta meta = { .pid = 1, .traceback_limit = 10 };
	struct tm_err err;
	uint32_t seed = 12345;
	tm_id names[1000], *sites = tm_calloc(GROUPS, sizeof(*sites));

	for (unsigned i = 0; i < 1000; i++) {
		char name[64];
		int len = snprintf(name, sizeof(name),
				   "/srv/app/package%u/module%u.py", i % 37, i);

		names[i] = tm_builder_string(b, name, (size_t)len);
	}
	for (unsigned i = 0; i < GROUPS; i++) {
		tm_id frames[10];

		for (unsigned k = 0; k < 9; k++)
			frames[k] = tm_builder_frame(b, names[(i * 7 + k) % 1000],
						     i % 13 + k);
		frames[9] = tm_builder_frame(b, names[i % 1000], 1 + i / 1000);
		sites[i] = tm_builder_site(
			b, tm_builder_traceback(b, frames, 10, 10), 0);
	}
	for (unsigned i = 0; i < TRACES; i++) {
		seed = seed * 1664525u + 1013904223u;
		tm_builder_traces(b, sites[(i + grown) % GROUPS],
				  16 + (seed >> 20), 1);
	}
	free(sites);
	return tm_builder_finish(b, &meta, &err);
}

static void show_key(struct harness *h, const char *what, int key)
{
	double start = now_ms(), drawn;

	harness_key(h, key); /* computes, as the worker would */
	drawn = now_ms();
	harness_draw(h);
	printf("%-34s computed in %7.1f ms (worker)   drawn in %5.2f ms (loop)"
	       "  %zu rows\n", what, drawn - start, now_ms() - drawn,
	       h->state.table->nrows);
}

static void show_scrolling(struct harness *h, const char *what)
{
	double start = now_ms(), worst = 0;

	for (int i = 0; i < 1000; i++) {
		double one = now_ms();

		harness_key(h, i % 3 ? K_PAGE_DOWN : K_DOWN);
		view_draw(&h->state, &h->state.lines, &h->screen);
		worst = now_ms() - one > worst ? now_ms() - one : worst;
	}
	printf("%-34s %.3f ms a key, worst %.2f ms\n", what,
	       (now_ms() - start) / 1000, worst);
}

int main(void)
{
	struct harness h;

	setlocale(LC_CTYPE, "C.UTF-8");
	harness_init(&h, 1, true);
	harness_resize(&h, 60, 200);
	harness_opened(&h, 0, 1, "large");
	harness_sample(&h, 0, large_snapshot(0), true);
	show_scrolling(&h, "scroll, by line");
	show_key(&h, "1: group by file", '1');
	show_key(&h, "3: group by traceback", '3');
	show_scrolling(&h, "scroll, by traceback");
	show_key(&h, "2: group by line", '2');
	show_key(&h, "c: cumulative", 'c');
	show_key(&h, "c: not cumulative", 'c');
	show_key(&h, ">: sort by count", '>');
	h.state.scroll[MODE_SORT].cursor = 5;
	h.state.mode = MODE_SORT;
	show_key(&h, "sort by location", K_ENTER);
	show_key(&h, "I: reverse", 'I');
	show_key(&h, "m: mark", 'm');
	harness_sample(&h, 0, large_snapshot(1), true);
	show_key(&h, "d: differences", 'd');
	show_key(&h, "Enter: tracebacks", K_ENTER);
	harness_key(&h, K_ESCAPE);
	show_key(&h, "D: one domain", 'D');
	show_key(&h, "\\: search (prompt)", '\\');
	show_key(&h, "search text nowhere", '~');
	harness_deinit(&h);
	return 0;
}
