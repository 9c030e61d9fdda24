/*
 * Readers meet the same frames again and again: as a memo place of a pickle,
 * as the same text in JSON and CSV. Here a list of frames has a number, and
 * its traceback and site are looked up again only when total_nframe or domain
 * differ from the last time.
 */
#ifndef TM_CODEC_SITES_H
#define TM_CODEC_SITES_H

#include "tmattach/model.h"

struct frames_list {
	uint64_t first;  /* in sites.frames, oldest frame first */
	uint32_t n;
	uint32_t domain, total;
	tm_id traceback; /* with `total`; TM_ID_NONE: none yet */
	tm_id site;      /* of `traceback` and `domain`; TM_ID_NONE: none yet */
};

enum { SITES_ROWS = 4096 };

/* A struct that is zero but for the builder is empty. */
struct sites {
	struct tm_builder *builder;
	struct frames_list *lists;
	size_t n, cap;
	tm_id *frames;
	size_t nframes, frames_cap;
	uint64_t used_frames; /* handed to the builder */
	struct tm_row rows[SITES_ROWS];
	size_t nrows;
};

/* Begin a list; its number is sites->n - 1. Then its frames, oldest first. */
void sites_begin(struct sites *sites);
void sites_frame(struct sites *sites, tm_id frame);
/* The list that was begun last is without frames again. */
void sites_empty(struct sites *sites);

/*
 * The site of a list's traceback. `offset` is how much of the file was read:
 * a small file must not fill the memory with a long list under ever new
 * total_nframes. TM_ID_NONE if it tries to.
 */
tm_id sites_find(struct sites *sites, uint32_t list, uint32_t domain,
		 uint32_t total, uint64_t offset);

/* One trace; the builder gets them in batches, the last by sites_flush(). */
void sites_trace(struct sites *sites, tm_id site, uint64_t size);
void sites_flush(struct sites *sites);

/* Forget the lists (not the rows). */
void sites_forget(struct sites *sites);
void sites_deinit(struct sites *sites);

#endif
