#include "trace/recorder_codes.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "py/lines.h"
#include "py/str.h"
#include "trace/recorder_copy.h"

void tm_recorder_codes_begin(struct tm_recorder_codes *ret, struct tm_mem *mem,
			     tm_addr table, const struct tm_recorder_table *head,
			     enum py_lines_kind lines)
{
	*ret = (struct tm_recorder_codes){
		.mem = mem, .at = table + head->codes, .size = head->codes_size,
		.lines = lines,
	};
}

void tm_recorder_codes_free(struct tm_recorder_codes *codes)
{
	tm_map_free(&codes->ids);
	tm_buf_free(&codes->tables);
	free(codes->known);
}

/* tracemalloc's name for what it does not know. */
static tm_id unknown(struct tm_builder *builder)
{
	return tm_builder_string(builder, "<unknown>", 9);
}

/* ---- records ---------------------------------------------------------------------- */

static bool read_area(struct tm_recorder_codes *codes, uint64_t at, void *buf, size_t len,
		      struct tm_err *err)
{
	if (!tm_recorder_inside(at, len, codes->size))
		return tm_recorder_damaged(err);
	return tm_mem_read(codes->mem, codes->at + at, buf, len, err);
}

/* Its bytes, appended; *ret_kind says what they are. */
static bool read_record(struct tm_recorder_codes *codes, uint32_t id, uint32_t *ret_kind,
			struct tm_buf *ret, struct tm_err *err)
{
	struct tm_recorder_py_record record;
	uint64_t at = (uint64_t)id * 8;
	size_t before = ret->len;

	if (!read_area(codes, at, &record, sizeof(record), err))
		return false;
	if (record.size > TM_PY_MAX_TEXT)
		return tm_recorder_damaged(err);
	*ret_kind = record.kind;
	tm_buf_room(ret, record.size);
	ret->len = before + record.size;
	return read_area(codes, at + sizeof(record), ret->data + before, record.size, err);
}

static bool to_utf8(const struct tm_buf *raw, uint32_t kind, struct tm_buf *ret,
		    struct tm_err *err)
{
	return ((kind == TM_PY_CHARS_1 || kind == TM_PY_CHARS_2 || kind == TM_PY_CHARS_4) &&
		py_chars_to_utf8(raw->data, kind, raw->len / kind, ret)) ||
	       tm_recorder_damaged(err);
}

static bool string_of(struct tm_recorder_codes *codes, struct tm_builder *builder,
		      uint32_t id, tm_id *ret, struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf raw = { 0 };
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	uint32_t kind;

	*ret = TM_ID_NONE;
	if (!id)
		return true;
	if (!read_record(codes, id, &kind, &raw, err) || !to_utf8(&raw, kind, &text, err))
		return false;
	*ret = tm_builder_string(builder, text.data, text.len);
	return true;
}

/* ---- code ------------------------------------------------------------------------- */

static bool read_code(struct tm_recorder_codes *codes, struct tm_builder *builder,
		      uint32_t id, struct recorder_code *ret, struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf bytes = { 0 };
	struct tm_recorder_py_code code;
	uint32_t kind;

	if (!read_record(codes, id, &kind, &bytes, err))
		return false;
	if (kind != TM_PY_CODE || bytes.len != sizeof(code))
		return tm_recorder_damaged(err);
	memcpy(&code, bytes.data, sizeof(code));
	*ret = (struct recorder_code){
		.first_line = code.first_line > 0 ? (uint32_t)code.first_line : 0,
		.table = codes->tables.len,
	};
	if (!string_of(codes, builder, code.filename, &ret->filename, err) ||
	    !string_of(codes, builder, code.name, &ret->name, err) ||
	    (code.lines && !read_record(codes, code.lines, &kind, &codes->tables, err)))
		return false;
	ret->table_len = codes->tables.len - ret->table;
	if (ret->filename == TM_ID_NONE)
		ret->filename = unknown(builder);
	return true;
}

static const struct recorder_code *code_of(struct tm_recorder_codes *codes,
					   struct tm_builder *builder, uint32_t id,
					   struct tm_err *err)
{
	uint32_t *at = tm_map_put(&codes->ids, id);

	if (*at != TM_MAP_NONE)
		return &codes->known[*at];
	codes->known = tm_grow(codes->known, &codes->cap, codes->n + 1,
			       sizeof(*codes->known));
	if (!read_code(codes, builder, id, &codes->known[codes->n], err))
		return NULL;
	*at = (uint32_t)codes->n;
	return &codes->known[codes->n++];
}

/* Into the code, in bytes: 3.10 counts words of two. */
static int64_t offset_of(const struct tm_recorder_codes *codes, uint64_t pc)
{
	int64_t at = tm_py_frame_at(pc);

	return codes->lines == PY_LINES_RANGES ? at * 2 : at;
}

static uint32_t line_of(const struct tm_recorder_codes *codes,
			const struct recorder_code *code, uint64_t pc)
{
	const uint8_t *table = (const uint8_t *)codes->tables.data;

	return py_line_at(codes->lines, table + code->table, code->table_len,
			  code->first_line, offset_of(codes, pc));
}

bool tm_recorder_codes_frame(struct tm_recorder_codes *codes, struct tm_builder *builder,
			     uint64_t pc, tm_id *ret, struct tm_err *err)
{
	const struct recorder_code *code;

	if (!tm_py_frame_code(pc)) {
		*ret = tm_builder_frame(builder, unknown(builder), 0);
		return true;
	}
	code = code_of(codes, builder, tm_py_frame_code(pc), err);
	if (!code)
		return false;
	*ret = tm_builder_function_frame(builder, code->filename, line_of(codes, code, pc),
				       code->name);
	return true;
}

/* The text of a record, appended. */
static bool text_of(struct tm_recorder_codes *codes, uint32_t id, struct tm_buf *ret,
		    struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf raw = { 0 };
	uint32_t kind;

	return read_record(codes, id, &kind, &raw, err) && to_utf8(&raw, kind, ret, err);
}

bool tm_recorder_codes_place(struct tm_recorder_codes *codes, uint64_t pc, struct tm_buf *ret,
			     uint32_t *ret_lineno, struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf bytes = { 0 };
	struct tm_recorder_py_code code = { 0 };
	struct recorder_code place = { .table = codes->tables.len };
	uint32_t kind;

	*ret_lineno = 0;
	if (tm_py_frame_code(pc)) {
		if (!read_record(codes, tm_py_frame_code(pc), &kind, &bytes, err))
			return false;
		if (kind != TM_PY_CODE || bytes.len != sizeof(code))
			return tm_recorder_damaged(err);
		memcpy(&code, bytes.data, sizeof(code));
	}
	if (!code.filename) {
		tm_buf_adds(ret, "<unknown>");
		return true;
	}
	if (!text_of(codes, code.filename, ret, err) ||
	    (code.lines && !read_record(codes, code.lines, &kind, &codes->tables, err)))
		return false;
	place.first_line = code.first_line > 0 ? (uint32_t)code.first_line : 0;
	place.table_len = codes->tables.len - place.table;
	*ret_lineno = line_of(codes, &place, pc);
	return true;
}
