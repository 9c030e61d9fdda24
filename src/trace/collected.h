/* What collect leaves for decode. Private to src/trace. */
#ifndef TM_TRACE_COLLECTED_H
#define TM_TRACE_COLLECTED_H

#include "base/buf.h"
#include "base/map.h"
#include "trace/tracemalloc.h"

/* One trace of a table. */
struct collected_trace {
	tm_addr block;
	uint64_t size;
	tm_addr traceback;
	uint32_t domain;
};

/* Site ids here are local: index into `sites`. */
struct collected_site {
	uint32_t traceback; /* index into `tracebacks` */
	uint32_t domain;
};

struct collected_traceback {
	tm_addr at;
	size_t record;      /* offset of its bytes in `records` */
};

struct collected_name {
	tm_addr at;
	size_t text;        /* offset in `names` */
	uint32_t len;
	bool unreadable;
};

struct tm_collected {
	struct tm_row *rows;
	size_t nrows;
	size_t rows_cap;
	tm_addr *blocks;            /* of each row; NULL: not wanted */

	struct collected_site *sites;
	size_t nsites;
	size_t sites_cap;

	struct collected_traceback *tracebacks;
	size_t ntracebacks;
	size_t tracebacks_cap;
	struct tm_map traceback_ids; /* address -> index */

	struct tm_buf records;      /* traceback_t as in the target */

	struct collected_name *name_list;
	size_t nnames;
	size_t names_cap;
	struct tm_map name_ids;     /* address -> index */
	struct tm_buf names;

	/* Records and names are in writable memory once each: more bytes
	 * than that are a forgery. */
	uint64_t limit;
};

/* The sites of one domain so far. Zeroed: none. */
struct collected_sites {
	struct tm_map ids;          /* traceback address -> site */
	uint32_t domain;
	tm_addr last_traceback;     /* neighbours mostly share their traceback */
	uint32_t last_site;
};

void tm_collected_sites_begin(struct collected_sites *sites, uint32_t domain);

/* Room for `n` more rows. */
void tm_collected_reserve(struct tm_collected *out, size_t n, bool with_blocks);
/* A trace, for which there is room. */
void tm_collected_add(struct tm_collected *out, struct collected_sites *sites,
		      const struct collected_trace *trace);

/* The nframe of a traceback record. */
uint32_t tm_record_nframe(const struct py_layout *layout, const char *record);
/* Its length in bytes. */
size_t tm_record_size(const struct py_layout *layout, uint32_t nframe);

/* One frame of a record. */
struct collected_frame {
	uint32_t name;      /* index into `name_list` */
	uint32_t lineno;
};

/* Of traceback `id`; frame 0 is the most recent call. */
struct collected_frame tm_collected_frame(const struct tm_collected *collected,
					  const struct py_layout *layout, uint32_t id,
					  uint32_t i);
/* Frames with the same key are the same. */
static inline uint64_t collected_frame_key(struct collected_frame frame)
{
	return (uint64_t)frame.name << 32 | frame.lineno;
}

/* Empty if it is unreadable. Borrowed. */
struct tm_text tm_collected_name(const struct tm_collected *collected, uint32_t name);

/* Read the records of all tracebacks that were noted, and the names that
 * their frames point to. */
bool tm_collect_tracebacks(struct tm_mem *mem, const struct py_runtime *runtime,
			   struct tm_collected *collected,
			   struct tm_err *err) TM_MUST_CHECK;

#endif
