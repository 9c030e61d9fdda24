/*
 * The mappings in a copy of the recorder's table. Private to who copies it.
 */
#ifndef TM_TRACE_RECORDER_MAPS_H
#define TM_TRACE_RECORDER_MAPS_H

#include "base/range.h"
#include "trace/recorder_copy.h"

struct tm_recorder_mapped {
	struct tm_range range;
	uint64_t size;  /* how much of it is memory */
	uint32_t stack;
	uint32_t birth;
	uint32_t age;   /* as in struct tm_site */
	bool of_file;   /* as in struct tm_recorder_mapping */
};

/* Those of the instant. TM_ERR_BUSY: they are just being changed, try another one. */
bool tm_recorder_maps_take(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
			   struct tm_err *err) TM_MUST_CHECK;

/*
 * Keep what of them was memory at that instant: tm_maps_memory(). Of a file's shared mapping
 * the recorder cannot tell, and what was unmapped by a system call that no hook has seen goes,
 * too.
 */
void tm_recorder_maps_keep(struct tm_recorder_copy *copy, const struct tm_range *memory,
			   size_t n);

/*
 * Have them be those that were there at the peak `peak`: what of them is that old, and what
 * has been noted down since. What is noted may be in the list, or there again. Of a file's
 * that have gone nobody can tell whether they were memory: they are counted in
 * copy->files_gone.
 */
void tm_recorder_maps_at_peak(struct tm_recorder_copy *copy, uint32_t peak);

/* How much memory they are together; that of no file. */
uint64_t tm_recorder_mapped(const struct tm_recorder_copy *copy);
uint64_t tm_recorder_mapped_anonymous(const struct tm_recorder_copy *copy);

/* Keep only the one that holds `address`; false: none does. */
bool tm_recorder_maps_pick(struct tm_recorder_copy *copy, tm_addr address);

#endif
