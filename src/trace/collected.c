#include "trace/collected.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/load.h"

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

void tm_collected_sites_begin(struct collected_sites *sites, uint32_t domain)
{
	tm_map_free(&sites->ids);
	*sites = (struct collected_sites){ .domain = domain };
}

static uint32_t new_or_known(struct tm_collected *out, struct collected_sites *sites,
			     tm_addr traceback)
{
	uint32_t *id = tm_map_put(&sites->ids, traceback);

	if (*id == TM_MAP_NONE) {
		*id = (uint32_t)out->nsites;
		out->sites = tm_grow(out->sites, &out->sites_cap,
				     out->nsites + 1, sizeof(*out->sites));
		out->sites[out->nsites++] = (struct collected_site){
			.traceback = note_traceback(out, traceback),
			.domain = sites->domain,
		};
	}
	return *id;
}

/* The site of a traceback in a domain, new or not. */
static uint32_t site_of(struct tm_collected *out, struct collected_sites *sites,
			tm_addr traceback, uint32_t domain)
{
	/* Only 3.7 and 3.8 mix domains in one table. */
	if (domain != sites->domain)
		tm_collected_sites_begin(sites, domain);
	if (traceback == sites->last_traceback && traceback)
		return sites->last_site;
	sites->last_traceback = traceback;
	sites->last_site = new_or_known(out, sites, traceback);
	return sites->last_site;
}

void tm_collected_reserve(struct tm_collected *out, size_t n, bool with_blocks)
{
	if (out->nrows + n <= out->rows_cap)
		return;
	out->rows_cap = out->nrows + n;
	out->rows = tm_reallocarray(out->rows, out->rows_cap, sizeof(*out->rows));
	if (with_blocks)
		out->blocks = tm_reallocarray(out->blocks, out->rows_cap,
					      sizeof(*out->blocks));
}

void tm_collected_add(struct tm_collected *out, struct collected_sites *sites,
		      const struct collected_trace *trace)
{
	if (out->blocks)
		out->blocks[out->nrows] = trace->block;
	out->rows[out->nrows++] = (struct tm_row){
		.size = trace->size,
		.site = site_of(out, sites, trace->traceback, trace->domain),
		.count = 1,
	};
}

bool tm_collected_block(struct tm_collected *collected, size_t i,
			struct tm_collected_block *ret)
{
	if (!collected->blocks || i >= collected->nrows)
		return false;
	*ret = (struct tm_collected_block){
		.at = collected->blocks[i],
		.size = &collected->rows[i].size,
		.count = &collected->rows[i].count,
	};
	return true;
}

struct tm_text tm_collected_name(const struct tm_collected *collected, uint32_t name)
{
	const struct collected_name *found = &collected->name_list[name];

	return (struct tm_text){
		found->len ? collected->names.data + found->text : "",
		found->unreadable ? 0 : found->len,
	};
}

struct collected_frame tm_collected_frame(const struct tm_collected *collected,
					  const struct py_layout *layout, uint32_t id,
					  uint32_t i)
{
	const char *frame = collected->records.data + collected->tracebacks[id].record +
			    tm_record_size(layout, i);
	tm_addr name = tm_load_u64(frame, layout->frame.filename);

	return (struct collected_frame){
		.name = tm_map_get(&collected->name_ids, name),
		.lineno = tm_load_u32(frame, layout->frame.lineno),
	};
}

void tm_collected_destroy(struct tm_collected *collected)
{
	if (!collected)
		return;
	free(collected->rows);
	free(collected->blocks);
	free(collected->sites);
	free(collected->tracebacks);
	tm_map_free(&collected->traceback_ids);
	tm_buf_free(&collected->records);
	free(collected->name_list);
	tm_map_free(&collected->name_ids);
	tm_buf_free(&collected->names);
	free(collected);
}
