/*
 * Python frames in the recorder's stacks: what the recorder has kept of their
 * code. Private to src/trace.
 */
#ifndef TM_TRACE_RECORDER_CODES_H
#define TM_TRACE_RECORDER_CODES_H

#include "base/buf.h"
#include "base/map.h"
#include "mem/mem.h"
#include "py/stack_layout.h"
#include "recorder/abi.h"
#include "tmattach/model.h"

struct tm_recorder_codes {
	struct tm_mem *mem;
	tm_addr at;         /* of the area */
	uint64_t size;
	enum py_lines_kind lines;
	struct tm_map ids;  /* of records -> index into `known` */
	struct recorder_code {
		tm_id filename, name; /* TM_ID_NONE: it could not be read */
		uint32_t first_line;
		size_t table, table_len; /* its line table, in `tables` */
	} *known;
	size_t n, cap;
	struct tm_buf tables;
};

/* The code area of the table at `table`. */
void tm_recorder_codes_begin(struct tm_recorder_codes *ret, struct tm_mem *mem,
			     tm_addr table, const struct tm_recorder_table *head,
			     enum py_lines_kind lines);
void tm_recorder_codes_free(struct tm_recorder_codes *codes);

/* The frame that the word `pc` stands for. TM_ERR_CORRUPT if the area has no such
 * code; "<unknown>" where the recorder had no room for it. */
bool tm_recorder_codes_frame(struct tm_recorder_codes *codes, struct tm_builder *builder,
			     uint64_t pc, tm_id *ret, struct tm_err *err) TM_MUST_CHECK;

/* The same without a builder: its file name is appended to the buffer. */
bool tm_recorder_codes_place(struct tm_recorder_codes *codes, uint64_t pc, struct tm_buf *ret,
			     uint32_t *ret_lineno, struct tm_err *err) TM_MUST_CHECK;

#endif
