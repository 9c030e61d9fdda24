/*
 * What a census says, for tests/live/census to compare with what the process
 * says of itself:
 *
 *	census SOURCE summary     its proof, and objects by type
 *	census SOURCE types       the same, without references
 *	census SOURCE names       every edge of the first nodes
 *	census SOURCE both NODES EDGES
 *
 * SOURCE: a PID, or a core file, whose executable $EXE may name.
 *
 * NODES: per used block u64 address of its object (or where it begins), u64 size,
 * u64 size with buffers, u64 address of the type, u64 flags. EDGES: per reference
 * of objects and memory that is nobody's, those of buffers being their owners': u64
 * from, u64 to.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "session/objects.h"

static uint64_t object_of(const struct heap_census *census, uint32_t node)
{
	return node ? census->ops->address(census, node) + heap_object_offset(census, node) : 0;
}

/* Memory that no object owns stands for itself. */
static uint32_t holder_of(const struct heap_census *census, uint32_t node)
{
	uint32_t owner = heap_census_owner(census, node);

	return owner ? owner : node;
}

static int fail(const struct tm_err *err)
{
	fprintf(stderr, "%s: %s\n%s\n", err->object, err->cause, err->hint);
	return 1;
}

static void print_proof(const struct heap_census *census)
{
	const struct heap_proof *p = &census->proof;

	printf("blocks %" PRIu64 " objects %" PRIu64 " dead %" PRIu64 " tracked %" PRIu64
	       " listed %" PRIu64 " unexplained %" PRIu64 " ambiguous %" PRIu64
	       " garbage %" PRIu64 " edges %" PRIu64 " estimated %" PRIu64 "\n",
	       p->blocks, p->objects, p->dead, p->tracked, p->listed, p->unexplained,
	       p->ambiguous, p->garbage, census->graph.edges, p->estimated);
}

static void print_types(const struct heap_census *census)
{
	uint64_t *counts = calloc(census->ntypes + 1, 8), *sizes = calloc(census->ntypes + 1, 8);
	uint64_t *garbage = calloc(census->ntypes + 1, 8), *holder = calloc(census->ntypes + 1, 8);

	for (uint32_t i = 1; i < census->graph.nodes; i++) {
		uint32_t type = heap_census_type(census, i);
		enum heap_kind kind = heap_node_kind(census, i);

		if (kind == HEAP_DEAD)
			continue;
		if (type == HEAP_NO_TYPE)
			type = census->ntypes;
		counts[type] += kind != HEAP_BUFFER;
		sizes[type] += census->ops->size(census, i);
		garbage[type] += kind == HEAP_OBJECT && census->flags[i] & HEAP_GARBAGE;
		holder[type] += kind == HEAP_OBJECT && census->flags[i] & HEAP_HOLDER;
	}
	for (uint32_t i = 0; i <= census->ntypes; i++)
		if (counts[i])
			printf("%s.%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
			       i < census->ntypes ? census->types[i].module : "-",
			       i < census->ntypes ? census->types[i].name : "native",
			       counts[i], sizes[i], garbage[i], holder[i]);
	free(counts); free(sizes); free(garbage); free(holder);
}

static void write_nodes(const struct heap_census *census, FILE *out)
{
	uint64_t *buffers = calloc(census->graph.nodes, 8);

	for (uint32_t i = 1; i < census->graph.nodes; i++)
		if (heap_node_kind(census, i) == HEAP_BUFFER)
			buffers[heap_census_owner(census, i)] += census->ops->size(census, i);
	for (uint32_t i = 1; i < census->graph.nodes; i++) {
		uint64_t size = census->ops->size(census, i);
		uint64_t row[5] = { object_of(census, i), size, size + buffers[i], 0,
				    census->flags[i] };

		if (heap_node_kind(census, i) == HEAP_OBJECT)
			row[3] = census->types[census->info[i]].address;
		fwrite(row, sizeof(row), 1, out);
	}
	free(buffers);
}

static void write_edges(const struct heap_census *census, FILE *out)
{
	const struct heap_graph *graph = &census->graph;

	for (uint32_t i = 0; i < graph->nodes; i++)
		for (uint64_t k = graph->row[i]; k < graph->row[i + 1]; k++) {
			uint32_t holder = holder_of(census, i);
			uint64_t row[2] = { object_of(census, holder),
					    object_of(census, graph->to[k]) };

			if (heap_node_kind(census, graph->to[k]) != HEAP_BUFFER)
				fwrite(row, sizeof(row), 1, out);
		}
}

static void print_paths(struct heap_census *census)
{
	struct tm_buf text = { 0 };

	for (uint32_t n = 0; n < census->graph.nodes && n < 3000; n++)
		for (uint64_t k = census->graph.row[n]; k < census->graph.row[n + 1]; k++) {
			tm_buf_clear(&text);
			heap_edge_text(census, n, k, &text);
			printf("%u -> %u %.*s\n", n, census->graph.to[k], (int)text.len, text.data);
		}
	tm_buf_free(&text);
}

static struct tm_session *open_source(const char *source, struct tm_err *err)
{
	const struct tm_session_opts opts = { .exe = getenv("EXE") };

	return strchr(source, '/') ? tm_session_open_core(source, &opts, err)
				   : tm_session_open(atoi(source), &opts, err);
}

int main(int argc, char **argv)
{
	struct tm_census_opts wanted = { .graph = argc > 2 && strcmp(argv[2], "types") != 0 };
	struct tm_err err;
	struct tm_session *session;
	struct heap_census *census;
	struct rusage usage;
	uint64_t pause = 0, before;
	FILE *out = argc > 3 ? fopen(argv[3], "w") : NULL;

	if (argc < 3)
		return 2;
	wanted.names = strcmp(argv[2], "names") == 0;
	session = open_source(argv[1], &err);
	if (!session)
		return fail(&err);
	before = tm_now_ns();
	census = tm_session_census(session, &wanted, &pause, &err);
	if (!census)
		return fail(&err);
	getrusage(RUSAGE_SELF, &usage);
	printf("ms %" PRIu64 " pause_us %" PRIu64 " rss_kib %ld\n", (tm_now_ns() - before) / 1000000,
	       pause / 1000, usage.ru_maxrss);
	print_proof(census);
	if (strcmp(argv[2], "summary") == 0 || strcmp(argv[2], "types") == 0)
		print_types(census);
	if (wanted.names)
		print_paths(census);
	if (out && strcmp(argv[2], "both") == 0) {
		FILE *more = argc > 4 ? fopen(argv[4], "w") : NULL;

		write_nodes(census, out);
		if (more) {
			write_edges(census, more);
			fclose(more);
		}
	}
	if (out)
		fclose(out);
	heap_census_destroy(census);
	tm_session_close(session);
	return 0;
}
