/*
 * CPU time that it takes to say who holds what in a heap of six million blocks, half
 * of them leaves, a quarter in a linked list whose payloads an index holds as
 * well. usage: heap_bench [MILLIONS], 6 without.
 */
#include <time.h>

#include "codec/tmh.h"
#include "tests/heap/shop.h"

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* whatever else runs */
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Of memory; from now on. */
static void forget_peak(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "we");

	if (file) {
		fputs("5", file);
		fclose(file);
	}
}

static uint64_t status_bytes(const char *key)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long long kib = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, key, strlen(key)) == 0)
			sscanf(line + strlen(key), ": %llu", &kib);
	if (file)
		fclose(file);
	return kib * 1024;
}

static void row(const char *what, double start, double n)
{
	double ms = now_ms() - start;

	printf("%-34s %8.1f ms  %6.1f ns a block\n", what, ms, ms * 1e6 / n);
}

static void bench_file(struct tm_heap *heap, double n)
{
	struct heap_census *again;
	struct tm_err err = { 0 };
	struct tm_meta meta;
	double start = now_ms();
	size_t len;
	char *bytes;
	FILE *file = open_memstream(&bytes, &len);

	if (!tmh_write(heap->census, &heap->meta, file, &err))
		exit(1);
	fclose(file);
	row(".tmh written", start, n);
	file = fmemopen(bytes, len, "r");
	start = now_ms();
	again = tmh_read(file, &meta, &err);
	row(".tmh read", start, n);
	fclose(file);
	heap_census_destroy(again);
	free(bytes);
}

int main(int argc, char **argv)
{
	double millions = argc > 1 ? atof(argv[1]) : 6;
	struct tm_heap_query query = { .retained = true, .limit = 10 };
	struct tm_heap_groups *groups;
	struct tm_heap_refs *refs;
	struct shop shop;
	struct tm_heap *heap;
	struct tm_err err;
	uint64_t before;
	double n, start;

	/* A session is six blocks and a quarter, a link two. */
	heap = shop_make(&shop, (uint32_t)(millions * 120000),
			 (uint32_t)(millions * 125000));
	n = heap->census->graph.nodes;
	printf("%.0f blocks, %llu references\n", n,
	       (unsigned long long)heap->census->graph.edges);
	before = status_bytes("VmRSS");
	forget_peak();
	start = now_ms();
	if (!heap_need_dominators(heap, &err))
		return 1;
	row("dominators", start, n);
	printf("%-34s %8.1f B a block\n", "  memory above the graph's",
	       (double)(status_bytes("VmHWM") - before) / n);
	start = now_ms();
	if (!heap_need_retained(heap, &err))
		return 1;
	row("retained sizes", start, n);
	start = now_ms();
	groups = tm_heap_group(heap, &query, &err);
	row("by type, together", start, n);
	start = now_ms();
	refs = tm_heap_refs(heap, "shop.models.User", false, &err);
	row("paths to a type", start, n);
	tm_heap_groups_destroy(groups);
	tm_heap_refs_destroy(refs);
	bench_file(heap, n);
	tm_heap_destroy(heap);
	return 0;
}
