#include "report/figures.h"

#include <string.h>

void report_figures(const struct report_info *info, struct figure ret[FIGURES])
{
	const struct tm_memory *m = info->memory;
	const struct tm_meta *meta = &info->snapshot->meta;
	uint64_t explained = meta->traced_current + meta->tracer_memory;
	bool res = m->has_resident, py = m->has_arenas, libc = m->has_malloc;
	bool on = info->tracing && res;
	const struct figure figures[FIGURES] = {
		{ "rss", "resident:", m->rss, res, NULL },
		{ "file_maps", "  of files:", m->file_maps, res, NULL },
		{ "anonymous", "  anonymous:", m->anonymous, res, NULL },
		{ "arenas", "    arenas:", m->arenas, py && res,
		  res ? m->why_no_arenas : NULL },
		{ "other_heap", "    other heap:", m->anonymous - m->arenas,
		  py && res, NULL },
		{ "arenas_size", "size of arenas:", m->arenas_size, py,
		  res ? NULL : m->why_no_arenas },
		{ "arenas_used", "  in use:", m->arenas_used, py, NULL },
		{ "arenas_free", "  free:", m->arenas_size - m->arenas_used, py, NULL },
		{ "arenas_free_blocks", "    blocks:", m->arenas_free_blocks, py, NULL },
		{ "arenas_free_pools", "    pools:", m->arenas_free_pools, py, NULL },
		{ "arenas_overhead", "    overhead:", m->arenas_overhead, py, NULL },
		{ "malloc_size", "size of malloc:", m->malloc_size, libc, m->why_no_malloc },
		{ "malloc_used", "  used:", m->malloc_used, libc, NULL },
		{ "malloc_free", "  unused:", m->malloc_free, libc, NULL },
		/* The same once more, divided in another way. */
		{ NULL, "anonymous:", m->anonymous, on, NULL },
		{ "traced", "  traced:", meta->traced_current, on, NULL },
		{ "tracer", "  tracer:", meta->tracer_memory, on, NULL },
		/* Traced blocks need not be resident: then it is not known. */
		{ "untracked", "  untracked:", m->anonymous - explained,
		  on && m->anonymous >= explained, NULL },
	};

	memcpy(ret, figures, sizeof(figures));
}
