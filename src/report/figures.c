#include "report/figures.h"

#include <string.h>

#include "report/json.h"

/* Parts of the other heap, or of all that is anonymous. */
#define WORD(text) (py && res ? "      " text : "    " text)

void report_figures(const struct report_info *info, struct figure ret[FIGURES])
{
	const struct tm_memory *m = info->memory;
	const struct tm_meta *meta = &info->snapshot->meta;
	bool res = m->has_resident, py = m->has_arenas, libc = m->has_malloc;
	bool on = info->tracing && res, parts = res && m->has_parts;
	bool some = libc && m->has_untraced;
	/* The recorder's tables are shared memory, tracemalloc's the target's own heap. */
	bool apart = info->status && info->status->recorder;
	uint64_t tables = meta->tracer_memory < m->shared ? meta->tracer_memory : m->shared;
	uint64_t explained = meta->traced_current + (apart ? 0 : meta->tracer_memory);
	const struct figure figures[FIGURES] = {
		{ "rss", "resident:", m->rss, res, NULL },
		{ "file_maps", "  of files:", m->file_maps, res, NULL },
		{ "files", "    files:", m->file_maps - m->shared, res, NULL },
		{ "shared", "    shared:", m->shared, res, NULL },
		{ "tracer_shared", "      tracer:", tables, apart && res, NULL },
		{ "shared_other", "      other:", m->shared - tables, apart && res, NULL },
		{ "anonymous", "  anonymous:", m->anonymous, res, NULL },
		{ "arenas", "    arenas:", m->arenas, py && res,
		  res ? m->why_no_arenas : NULL },
		{ "other_heap", "    other heap:", m->anonymous - m->arenas,
		  py && res, NULL },
		{ NULL, WORD("malloc:"), m->malloc_used_resident + m->malloc_free_resident,
		  parts && libc, NULL },
		{ "malloc_used_resident", WORD("  used:"), m->malloc_used_resident,
		  parts && libc, NULL },
		{ "malloc_free_resident", WORD("  unused:"), m->malloc_free_resident,
		  parts && libc, NULL },
		{ "stacks", WORD("stacks:"), m->stacks, parts, NULL },
		{ "images", WORD("images:"), m->images, parts, NULL },
		{ "mapped", libc ? WORD("mappings:") : WORD("heap, maps:"), m->mapped, parts,
		  res ? m->why_no_parts : NULL },
		{ "unseen", WORD("not seen:"), m->unseen, parts && m->unseen, NULL },
		{ "arenas_size", "size of arenas:", m->arenas_size, py,
		  res ? NULL : m->why_no_arenas },
		{ "arenas_used", "  in use:", m->arenas_used, py, NULL },
		{ "arenas_free", "  free:", m->arenas_size - m->arenas_used, py, NULL },
		{ "arenas_free_blocks", "    blocks:", m->arenas_free_blocks, py, NULL },
		{ "arenas_free_pools", "    pools:", m->arenas_free_pools, py, NULL },
		{ "arenas_overhead", "    overhead:", m->arenas_overhead, py, NULL },
		{ "malloc_size", "size of malloc:", m->malloc_size, libc, m->why_no_malloc },
		{ "malloc_used", "  used:", m->malloc_used, libc, NULL },
		{ "malloc_traced", "    traced:", m->malloc_traced, some, NULL },
		{ "malloc_untraced", "    not traced:", m->malloc_untraced, some, NULL },
		{ "malloc_overhead", "    overhead:",
		  m->malloc_used - m->malloc_traced - m->malloc_untraced, some, NULL },
		{ "malloc_free", "  unused:", m->malloc_free, libc, NULL },
		/* The same once more, divided in another way. */
		{ NULL, "anonymous:", m->anonymous, on, NULL },
		{ "traced", "  traced:", meta->traced_current, on, NULL },
		{ "tracer", "  tracer:", meta->tracer_memory, on && !apart, NULL },
		/* Traced blocks need not be resident: then it is not known. */
		{ "untracked", "  untracked:", m->anonymous - explained,
		  on && m->anonymous >= explained, NULL },
	};

	memcpy(ret, figures, sizeof(figures));
}

/* Half of what is resident, and more than a few MiB. */
static bool stands_out(const struct tm_memory *m, uint64_t size)
{
	return m->has_parts && size >= (UINT64_C(16) << 20) && size >= m->anonymous / 2;
}

const char *report_advice(const struct report_info *info)
{
	const struct tm_memory *m = info->memory;

	if (!m->has_malloc || !stands_out(m, m->malloc_free_resident))
		return NULL;
	if (m->malloc_arenas > 1)
		return "RSS is freed memory in malloc arenas: malloc_trim(0) gives it back, "
		       "MALLOC_ARENA_MAX=2 in the environment has fewer of them keep it";
	return "RSS is freed memory in malloc's heap: malloc_trim(0) gives it back";
}

json_t *report_memory_json(const struct report_info *info)
{
	struct figure figures[FIGURES];
	json_t *object = json_object();

	report_figures(info, figures);
	for (size_t i = 0; i < FIGURES; i++)
		if (figures[i].known && figures[i].name)
			json_object_set_new(object, figures[i].name,
					    json_count(figures[i].bytes));
	if (info->memory->has_malloc) {
		json_object_set_new(object, "malloc_arenas",
				    json_count(info->memory->malloc_arenas));
		json_object_set_new(object, "malloc_free_most",
				    json_count(info->memory->malloc_free_most));
	}
	if (report_advice(info))
		json_object_set_new(object, "advice", json_string(report_advice(info)));
	return object;
}
