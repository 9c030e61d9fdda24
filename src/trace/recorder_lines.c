#include "base/alloc.h"
#include "base/guard.h"
#include "base/map.h"
#include "trace/block_lines.h"
#include "trace/recorder_codes.h"

enum { NO_LINE = UINT32_MAX - 1 };

struct reading {
	const struct tm_recorder_copy *copy;
	struct tm_mem *mem;
	tm_addr at;
	struct tm_recorder_codes codes;
	struct tm_map stacks;      /* id -> line, or NO_LINE */
	struct tm_map frames;      /* word of a stack -> line */
	struct tm_block_lines *ret;
};

/* Its newest Python frame; *ret 0: it has none, or is no stack of Python's. */
static bool newest(struct reading *r, uint32_t stack, uint64_t *ret, struct tm_err *err)
{
	const struct tm_recorder_table *table = &r->copy->table;
	const uint64_t at = (uint64_t)stack * 8;
	struct tm_recorder_stack head;
	uint64_t pcs[TM_RECORDER_MAX_FRAMES];

	*ret = 0;
	if (stack == 0)
		return true;
	if (!tm_recorder_inside(at, sizeof(head), table->stacks_size))
		return tm_recorder_damaged(err);
	if (!tm_mem_read(r->mem, r->at + table->stacks + at, &head, sizeof(head), err))
		return false;
	if (head.n > TM_RECORDER_MAX_FRAMES ||
	    !tm_recorder_inside(at + sizeof(head), head.n * sizeof(*pcs), table->stacks_size))
		return tm_recorder_damaged(err);
	if (head.domain == TM_RECORDER_C_DOMAIN)
		return true;
	if (!tm_mem_read(r->mem, r->at + table->stacks + at + sizeof(head), pcs,
			 head.n * sizeof(*pcs), err))
		return false;
	for (uint32_t i = 0; i < head.n && *ret == 0; i++)
		if (pcs[i] & TM_PY_FRAME)
			*ret = pcs[i];
	return true;
}

static bool line_of(struct reading *r, uint64_t frame, uint32_t *ret, struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf name = { 0 };
	struct tm_block_lines *lines = r->ret;
	uint32_t lineno, *known = tm_map_put(&r->frames, frame);

	if (*known == TM_MAP_NONE) {
		*known = (uint32_t)lines->nlines;
		if (!tm_recorder_codes_place(&r->codes, frame, &name, &lineno, err))
			return false;
		lines->lines = tm_grow(lines->lines, &lines->lines_cap, lines->nlines + 1,
				       sizeof(*lines->lines));
		lines->lines[lines->nlines++] = (struct tm_block_line){
			tm_arena_bytes(&lines->names, name.data ? name.data : "", name.len),
			lineno,
		};
	}
	*ret = *known;
	return true;
}

static bool line_of_stack(struct reading *r, uint32_t stack, uint32_t *ret, struct tm_err *err)
{
	uint32_t known = tm_map_get(&r->stacks, stack);
	uint64_t frame;

	if (known == TM_MAP_NONE) {
		known = NO_LINE;
		if (!newest(r, stack, &frame, err) || (frame && !line_of(r, frame, &known, err)))
			return false;
		*tm_map_put(&r->stacks, stack) = known;
	}
	*ret = known;
	return true;
}

static bool read_slots(struct reading *r, struct tm_err *err)
{
	const struct tm_recorder_copy *copy = r->copy;
	struct tm_block_lines *ret = r->ret;

	ret->blocks = tm_reallocarray(NULL, copy->nslots + 1, sizeof(*ret->blocks));
	for (size_t i = 0; i < copy->nslots; i++) {
		uint32_t line;

		if (!line_of_stack(r, tm_slot_stack(&copy->slots[i]), &line, err))
			return false;
		if (line != NO_LINE)
			ret->blocks[ret->n++] = (struct tm_block){
				copy->slots[i].key & TM_SLOT_ADDRESS, line,
			};
	}
	return true;
}

bool tm_block_lines_recorded(const struct tm_recorder_copy *copy, struct tm_mem *mem,
			     tm_addr at, enum py_lines_kind kind, struct tm_block_lines *ret,
			     struct tm_err *err)
{
	struct reading r = { .copy = copy, .mem = mem, .at = at, .ret = ret };
	bool ok;

	*ret = (struct tm_block_lines){ 0 };
	tm_recorder_codes_begin(&r.codes, mem, at, &copy->table, kind);
	ok = read_slots(&r, err);
	tm_recorder_codes_free(&r.codes);
	tm_map_free(&r.stacks);
	tm_map_free(&r.frames);
	return ok;
}
