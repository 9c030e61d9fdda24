/*
 * Which line has allocated which block: the addresses in tracemalloc's table of
 * domain 0, with the newest frames of their tracebacks.
 */
#ifndef TM_TRACE_BLOCK_LINES_H
#define TM_TRACE_BLOCK_LINES_H

#include "base/arena.h"
#include "mem/mem.h"
#include "py/runtime.h"
#include "trace/recorder_copy.h"

struct tm_block_line {
	const char *filename; /* UTF-8 with surrogatepass */
	uint32_t lineno;
};

struct tm_block_lines {
	struct tm_block {
		tm_addr at;
		uint32_t line;        /* in `lines` */
	} *blocks;
	size_t n;
	struct tm_block_line *lines;
	size_t nlines, lines_cap;
	struct tm_arena names;
};

/* Of memory that stands still, with the lock of the tables free; `writable_bytes` as
 * in struct tm_collect_opts. TM_ERR_CORRUPT: the table contradicts itself. */
bool tm_block_lines_read(struct tm_mem *mem, const struct py_runtime *runtime,
			 uint64_t writable_bytes, struct tm_block_lines *ret,
			 struct tm_err *err) TM_MUST_CHECK;
/* The same from the recorder's table at `at`, of which `copy` is a copy of one instant: with
 * the newest Python frames of what Python allocated. */
bool tm_block_lines_recorded(const struct tm_recorder_copy *copy, struct tm_mem *mem,
			     tm_addr at, enum py_lines_kind kind, struct tm_block_lines *ret,
			     struct tm_err *err) TM_MUST_CHECK;
void tm_block_lines_free(struct tm_block_lines *lines); /* a guard; zeroed is fine */

#endif
