/*
 * allocators PID: CPython's allocator tables as they are found from outside, a line
 * each for raw, mem and obj: `ADDRESS CTX MALLOC CALLOC REALLOC FREE`, and a last one
 * with who that is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/guard.h"
#include "py/allocators.h"
#include "target/maps.h"

static void show(const struct py_allocator *table)
{
	printf("%" PRIu64 " %" PRIu64, table->at, table->ctx);
	for (size_t i = 0; i < PY_NFUNCTIONS; i++)
		printf(" %" PRIu64, table->functions[i]);
	putchar('\n');
}

static bool find(pid_t pid, struct py_allocators *ret, struct tm_err *err)
{
	TM_GUARD(tm_mem_guard) struct tm_mem *mem = tm_mem_proc(pid, err);
	static struct tm_maps maps;
	struct py_runtime runtime;

	return mem && tm_maps_read(pid, &maps, err) &&
	       py_runtime_find(mem, &maps, pid, &runtime, err) &&
	       py_allocators_find(mem, &maps, &runtime, ret, err);
}

int main(int argc, char **argv)
{
	struct py_allocators all;
	struct tm_err err;

	if (argc != 2 || !find(atoi(argv[1]), &all, &err)) {
		fprintf(stderr, "%s: %s\n", err.object, err.cause);
		return 1;
	}
	for (size_t i = 0; i < PY_NDOMAINS; i++)
		show(&all.domains[i]);
	printf("%s%s%s\n", py_allocators_name(all.kind), all.others ? " of " : "",
	       all.others ? all.others : "");
	return 0;
}
