#include "codec/sites.h"

#include <stdlib.h>

#include "base/alloc.h"

void sites_begin(struct sites *sites)
{
	sites->lists = tm_grow(sites->lists, &sites->cap, sites->n + 1,
			       sizeof(*sites->lists));
	sites->lists[sites->n++] = (struct frames_list){
		.first = sites->nframes,
		.traceback = TM_ID_NONE,
		.site = TM_ID_NONE,
	};
}

void sites_frame(struct sites *sites, tm_id frame)
{
	sites->frames = tm_grow(sites->frames, &sites->frames_cap,
				sites->nframes + 1, sizeof(*sites->frames));
	sites->frames[sites->nframes++] = frame;
	sites->lists[sites->n - 1].n++;
}

void sites_empty(struct sites *sites)
{
	struct frames_list *list = &sites->lists[sites->n - 1];

	sites->nframes = list->first;
	list->n = 0;
}

/* In every format a frame of a new traceback takes a byte at the least. */
static bool find_traceback(struct sites *sites, struct frames_list *list,
			   uint32_t total, uint64_t offset)
{
	if (list->traceback != TM_ID_NONE && list->total == total)
		return true;
	sites->used_frames += list->n;
	if (sites->used_frames > offset)
		return false;
	list->traceback = tm_builder_traceback(sites->builder,
					       sites->frames + list->first,
					       list->n, total);
	list->total = total;
	list->site = TM_ID_NONE;
	return true;
}

tm_id sites_find(struct sites *sites, uint32_t number, uint32_t domain,
		 uint32_t total, uint64_t offset)
{
	struct frames_list *list = &sites->lists[number];

	if (!find_traceback(sites, list, total, offset))
		return TM_ID_NONE;
	if (list->site == TM_ID_NONE || list->domain != domain) {
		list->site = tm_builder_site(sites->builder, list->traceback,
					     domain);
		list->domain = domain;
	}
	return list->site;
}

void sites_flush(struct sites *sites)
{
	tm_builder_rows(sites->builder, sites->rows, sites->nrows);
	sites->nrows = 0;
}

void sites_trace(struct sites *sites, tm_id site, uint64_t size)
{
	if (sites->nrows == SITES_ROWS)
		sites_flush(sites);
	sites->rows[sites->nrows++] = (struct tm_row){
		.size = size, .site = site, .count = 1,
	};
}

void sites_forget(struct sites *sites)
{
	sites->n = 0;
	sites->nframes = 0;
}

void sites_deinit(struct sites *sites)
{
	free(sites->lists);
	free(sites->frames);
}
