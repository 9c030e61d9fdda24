/*
 * How long the model takes for two million traces of ten frames; one line per
 * question. usage: model_bench [TRACEBACKS], 50 000 without.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "tmattach/stats.h"

enum { NTRACES = 2000000, NFRAME = 10, BATCH = 65536 };

static uint64_t state;

static uint32_t roll(uint32_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((state >> 33) % n);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void report(const char *what, size_t n, double ms)
{
	printf("%-34s %8.1f ms  %9zu\n", what, ms, n);
}

static tm_id roll_frame(struct tm_builder *b, bool newest)
{
	char name[64];
	int len = snprintf(name, sizeof(name),
			   "/usr/lib/python3/dist-packages/pkg%u/mod.py",
			   roll(500));

	return tm_builder_frame(b, tm_builder_string(b, name, (size_t)len),
				newest ? roll(400) : roll(5));
}

static void add_tracebacks(struct tm_builder *b, uint32_t n)
{
	static tm_id pool[50000];
	tm_id frames[NFRAME];
	double start = now_ms();

	for (uint32_t i = 0; i < 50000; i++)
		pool[i] = roll_frame(b, i >= 5000);
	report("intern names and frames", 50000, now_ms() - start);
	start = now_ms();
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t f = 0; f < NFRAME; f++)
			frames[f] = pool[f < 3 ? 0 : f < 9 ? roll(5000) :
					 roll(50000)];
		tm_builder_site(b, tm_builder_traceback(b, frames, NFRAME,
							NFRAME), 0);
	}
	report("intern tracebacks and sites", n, now_ms() - start);
}

static struct tm_snapshot *build(uint32_t ntracebacks, uint64_t seed)
{
	static struct tm_row rows[BATCH];
	static const struct tm_meta meta;
	struct tm_builder *b = tm_builder_create();
	struct tm_snapshot *s;
	struct tm_err err;
	double fill = 0;

	state = seed;
	add_tracebacks(b, ntracebacks);
	for (uint32_t done = 0, n; done < NTRACES; done += n) {
		n = NTRACES - done < BATCH ? NTRACES - done : BATCH;
		for (uint32_t i = 0; i < n; i++)
			rows[i] = (struct tm_row){ 32 + 8 * roll(60),
						   roll(ntracebacks), 1 };
		fill -= now_ms();
		tm_builder_rows(b, rows, n);
		fill += now_ms();
	}
	report("add rows", NTRACES, fill);
	s = tm_builder_finish(b, &meta, &err);
	if (!s)
		exit(1);
	return s;
}

static void ask(const char *what, const struct tm_snapshot *s,
		const struct tm_snapshot *older, struct tm_query query)
{
	double start = now_ms();
	struct tm_stats *stats;
	struct tm_err err;

	stats = older ? tm_snapshot_compare(s, older, &query, &err) :
			tm_snapshot_statistics(s, &query, &err);
	if (!stats)
		exit(1);
	report(what, stats->n, now_ms() - start);
	tm_stats_destroy(stats);
}

int main(int argc, char **argv)
{
	uint32_t n = argc > 1 ? (uint32_t)atoi(argv[1]) : 50000;
	struct tm_filter filter = { .inclusive = true, .all_frames = true,
				    .pattern = { "*/pkg1*/*.py", 12 } };
	struct tm_query lineno = { .key = TM_KEY_LINENO };
	struct tm_query cumulative = { .key = TM_KEY_LINENO,
				       .cumulative = true };
	struct tm_query filtered = { .key = TM_KEY_LINENO, .filters = &filter,
				     .nfilters = 1 };
	struct tm_query traceback = { .key = TM_KEY_TRACEBACK };
	struct tm_snapshot *s = build(n, 1), *older, *few;
	struct rusage usage;
	double start;

	getrusage(RUSAGE_SELF, &usage);
	printf("%-34s %8.1f bytes per trace\n", "peak memory so far",
	       (double)usage.ru_maxrss * 1024 / NTRACES);
	ask("statistics lineno", s, NULL, lineno);
	ask("statistics lineno cumulative", s, NULL, cumulative);
	ask("statistics lineno filtered", s, NULL, filtered);
	ask("statistics traceback", s, NULL, traceback);
	start = now_ms();
	few = tm_snapshot_filter(s, &filter, 1);
	report("filter_traces", few->nrows, now_ms() - start);
	tm_snapshot_destroy(few);
	older = build(n, 2);
	ask("compare_to lineno", s, older, lineno);
	ask("compare_to traceback", s, older, traceback);
	tm_snapshot_destroy(s);
	tm_snapshot_destroy(older);
	return 0;
}
