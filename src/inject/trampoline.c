#include "inject/trampoline.h"

#include <string.h>

#include "inject/insn.h"

struct writer {
	struct tm_trampoline *out;
	uint64_t to;
	const char *refused;
};

static bool fits32(uint64_t from, uint64_t to)
{
	return (int64_t)(to - from) == (int32_t)(to - from);
}

static void put(struct writer *w, const void *bytes, size_t len)
{
	if (w->out->size + len > TM_TRAMPOLINE_SIZE) {
		w->refused = "its first instructions take too much room";
		return;
	}
	memcpy(w->out->code + w->out->size, bytes, len);
	w->out->size = (uint8_t)(w->out->size + len);
}

/* `opcode` bytes and the displacement to `target`. */
static void put_rel32(struct writer *w, const uint8_t *opcode, size_t len,
		      uint64_t target)
{
	uint64_t next = w->to + w->out->size + len + 4;
	int32_t rel = (int32_t)(target - next);

	if (!fits32(next, target))
		w->refused = "no free address near enough to it";
	put(w, opcode, len);
	put(w, &rel, sizeof(rel));
}

static void put_plain(struct writer *w, const struct tm_insn *insn,
		      const uint8_t *bytes, uint64_t at)
{
	uint8_t copy[16];
	uint64_t next = w->to + w->out->size + insn->length;
	uint64_t operand;
	int32_t disp;

	memcpy(copy, bytes, insn->length);
	if (insn->disp_at) {
		operand = tm_insn_operand(insn, bytes, at);
		disp = (int32_t)(operand - next);
		if (!fits32(next, operand))
			w->refused = "no free address near enough to it";
		memcpy(copy + insn->disp_at, &disp, sizeof(disp));
	}
	put(w, copy, insn->length);
}

static void put_insn(struct writer *w, const struct tm_insn *insn,
		     const uint8_t *bytes, uint64_t at)
{
	uint8_t branch[2] = { 0x0f, (uint8_t)(0x80 | insn->condition) };

	switch (insn->flow) {
	case TM_INSN_CALL:
		put_rel32(w, (const uint8_t[]){ 0xe8 }, 1,
			  tm_insn_target(insn, bytes, at));
		break;
	case TM_INSN_JUMP:
		put_rel32(w, (const uint8_t[]){ 0xe9 }, 1,
			  tm_insn_target(insn, bytes, at));
		break;
	case TM_INSN_BRANCH:
		put_rel32(w, branch, 2, tm_insn_target(insn, bytes, at));
		break;
	case TM_INSN_LOOP:
		w->refused = "it begins with a loop instruction";
		break;
	case TM_INSN_PLAIN:
	case TM_INSN_END:
		put_plain(w, insn, bytes, at);
		break;
	}
}

/* Is what stands behind the end of a short function never executed: traps,
 * zeroes, or instructions that do nothing? */
static bool is_padding(const uint8_t *bytes, size_t len, size_t wanted)
{
	struct tm_insn insn;
	size_t at = 0, op;

	while (at < wanted) {
		if (bytes[at] == 0xcc || bytes[at] == 0x00) {
			at++;
			continue;
		}
		if (!tm_insn_decode(bytes + at, len - at, &insn))
			return false;
		for (op = at; bytes[op] == 0x66 || bytes[op] == 0x2e; op++)
			;
		if (bytes[op] != 0x90 && (bytes[op] != 0x0f || bytes[op + 1] != 0x1f))
			return false;
		at += insn.length;
	}
	return true;
}

/* Does any branch of the function lead into the bytes that were moved? */
static bool enters(const uint8_t *bytes, size_t len, uint64_t from, uint64_t taken)
{
	struct tm_insn insn;

	for (size_t at = 0; at < len && tm_insn_decode(bytes + at, len - at, &insn);
	     at += insn.length) {
		uint64_t target;

		if (!insn.rel_at)
			continue;
		target = tm_insn_target(&insn, bytes + at, from + at);
		if (target > from && target < from + taken)
			return true;
	}
	return false;
}

const char *tm_trampoline_make(const uint8_t *bytes, size_t len, uint64_t from,
			       uint64_t to, struct tm_trampoline *ret)
{
	struct writer w = { .out = ret, .to = to };
	struct tm_insn insn = { .flow = TM_INSN_PLAIN };
	size_t at = 0;
	bool ends = false;

	*ret = (struct tm_trampoline){ 0 };
	while (at < TM_JUMP_SIZE && !ends && !w.refused) {
		if (!tm_insn_decode(bytes + at, len - at, &insn))
			return "its first instructions are unknown";
		ret->moved[at] = ret->size;
		put_insn(&w, &insn, bytes + at, from + at);
		at += insn.length;
		ends = insn.flow == TM_INSN_JUMP || insn.flow == TM_INSN_END;
	}
	if (w.refused)
		return w.refused;
	if (at < TM_JUMP_SIZE) {
		if (len < TM_JUMP_SIZE ||
		    !is_padding(bytes + at, len - at, TM_JUMP_SIZE - at))
			return "it is too short";
		at = TM_JUMP_SIZE;
	}
	ret->taken = (uint8_t)at;
	if (!ends)
		put_rel32(&w, (const uint8_t[]){ 0xe9 }, 1, from + at);
	if (!w.refused && enters(bytes, len, from, at))
		return "it jumps back into its first instructions";
	return w.refused;
}

bool tm_jump_make(uint64_t from, uint64_t to, uint8_t ret[TM_JUMP_SIZE])
{
	int32_t rel = (int32_t)(to - (from + TM_JUMP_SIZE));

	ret[0] = 0xe9;
	memcpy(ret + 1, &rel, sizeof(rel));
	return fits32(from + TM_JUMP_SIZE, to);
}

void tm_stub_make(uint64_t entry, uint64_t hook, uint8_t ret[TM_STUB_SIZE])
{
	static const uint8_t mov_r9[] = { 0x49, 0xb9 };
	static const uint8_t jmp_rip0[] = { 0xff, 0x25, 0, 0, 0, 0 };

	memset(ret, 0xcc, TM_STUB_SIZE);
	memcpy(ret, mov_r9, 2);
	memcpy(ret + 2, &entry, 8);
	memcpy(ret + 10, jmp_rip0, 6);
	memcpy(ret + 16, &hook, 8);
}
