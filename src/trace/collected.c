#include "trace/collected.h"

#include <stdlib.h>

#include "base/alloc.h"

static uint32_t note_traceback(struct tm_collected *out, tm_addr at)
{
	uint32_t *id = tm_map_put(&out->traceback_ids, at);

	if (*id == TM_MAP_NONE) {
		*id = (uint32_t)out->ntracebacks;
		out->tracebacks = tm_grow(out->tracebacks, &out->tracebacks_cap,
					  out->ntracebacks + 1,
					  sizeof(*out->tracebacks));
		out->tracebacks[out->ntracebacks++] =
			(struct collected_traceback){ .at = at };
	}
	return *id;
}

uint32_t tm_collected_site(struct tm_collected *out, struct tm_map *sites,
			   tm_addr traceback, uint32_t domain)
{
	uint32_t *id = tm_map_put(sites, traceback);

	if (*id == TM_MAP_NONE) {
		*id = (uint32_t)out->nsites;
		out->sites = tm_grow(out->sites, &out->sites_cap,
				     out->nsites + 1, sizeof(*out->sites));
		out->sites[out->nsites++] = (struct collected_site){
			.traceback = note_traceback(out, traceback),
			.domain = domain,
		};
	}
	return *id;
}

void tm_collected_destroy(struct tm_collected *collected)
{
	if (!collected)
		return;
	free(collected->rows);
	free(collected->sites);
	free(collected->tracebacks);
	tm_map_free(&collected->traceback_ids);
	tm_buf_free(&collected->records);
	free(collected->name_list);
	tm_map_free(&collected->name_ids);
	tm_buf_free(&collected->names);
	free(collected);
}
