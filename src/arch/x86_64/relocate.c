#include "arch/arch.h"

#include <string.h>
#include <sys/syscall.h>

#include "arch/x86_64/insn.h"

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

static void put_plain(struct writer *w, const struct x86_insn *insn,
		      const uint8_t *bytes, uint64_t at)
{
	uint8_t copy[16];
	uint64_t next = w->to + w->out->size + insn->length;
	uint64_t operand;
	int32_t disp;

	memcpy(copy, bytes, insn->length);
	if (insn->disp_at) {
		operand = x86_operand(insn, bytes, at);
		disp = (int32_t)(operand - next);
		if (!fits32(next, operand))
			w->refused = "no free address near enough to it";
		memcpy(copy + insn->disp_at, &disp, sizeof(disp));
	}
	put(w, copy, insn->length);
}

static void put_insn(struct writer *w, const struct x86_insn *insn,
		     const uint8_t *bytes, uint64_t at)
{
	uint8_t branch[2] = { 0x0f, (uint8_t)(0x80 | insn->condition) };

	switch (insn->flow) {
	case X86_CALL:
		put_rel32(w, (const uint8_t[]){ 0xe8 }, 1,
			  x86_target(insn, bytes, at));
		break;
	case X86_JUMP:
		put_rel32(w, (const uint8_t[]){ 0xe9 }, 1,
			  x86_target(insn, bytes, at));
		break;
	case X86_BRANCH:
		put_rel32(w, branch, 2, x86_target(insn, bytes, at));
		break;
	case X86_LOOP:
		w->refused = "it begins with a loop instruction";
		break;
	case X86_PLAIN:
	case X86_END:
		put_plain(w, insn, bytes, at);
		break;
	}
}

/* Is what follows the end of a short function never executed: traps, zeroes,
 * or instructions that do nothing? */
static bool is_padding(const uint8_t *bytes, size_t len, size_t wanted)
{
	struct x86_insn insn;
	size_t at = 0, op;

	while (at < wanted) {
		if (bytes[at] == 0xcc || bytes[at] == 0x00) {
			at++;
			continue;
		}
		if (!x86_decode(bytes + at, len - at, &insn))
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
	struct x86_insn insn;

	for (size_t at = 0; at < len && x86_decode(bytes + at, len - at, &insn);
	     at += insn.length) {
		uint64_t target;

		if (!insn.rel_at)
			continue;
		target = x86_target(&insn, bytes + at, from + at);
		if (target > from && target < from + taken)
			return true;
	}
	return false;
}

size_t tm_landing_len(const uint8_t *bytes, size_t len)
{
	static const uint8_t endbr64[TM_LANDING_LEN] = { 0xf3, 0x0f, 0x1e, 0xfa };

	return len > sizeof(endbr64) && memcmp(bytes, endbr64, sizeof(endbr64)) == 0
		? sizeof(endbr64) : 0;
}

bool tm_function_is_idle(const uint8_t *bytes, size_t len)
{
	static const struct {
		uint8_t bytes[4];
		size_t len;
	} forms[] = {
		{ { 0xc3 }, 1 },             /* ret */
		{ { 0xf3, 0xc3 }, 2 },       /* rep ret */
		{ { 0x31, 0xc0, 0xc3 }, 3 }, /* xor %eax, %eax; ret */
		{ { 0x33, 0xc0, 0xc3 }, 3 },
	};
	const size_t at = tm_landing_len(bytes, len);

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (len - at >= forms[i].len &&
		    memcmp(bytes + at, forms[i].bytes, forms[i].len) == 0)
			return true;
	return false;
}

uint64_t tm_function_jumps_to(const uint8_t *bytes, size_t len, uint64_t at)
{
	const size_t landing = tm_landing_len(bytes, len);
	struct x86_insn insn;

	return x86_decode(bytes + landing, len - landing, &insn) &&
	       insn.flow == X86_JUMP && insn.rel_at
		? x86_target(&insn, bytes + landing, at + landing) : 0;
}

bool tm_door_in_place(const uint8_t *bytes, size_t len, size_t *ret_at, uint64_t *ret_word)
{
	/* mov $SYS_getpid, %eax; syscall; ret */
	static const uint8_t door[] = { 0xb8, SYS_getpid, 0, 0, 0, 0x0f, 0x05, 0xc3 };
	const size_t at = tm_landing_len(bytes, len), end = at + 1;
	_Static_assert(sizeof(door) == sizeof(*ret_word) && sizeof(door) == TM_DOOR_CALL_LEN + 1,
		       "one word");

	if (len < at + sizeof(door) || bytes[at] != 0xc3 ||
	    !is_padding(bytes + end, len - end, sizeof(door) - 1))
		return false;
	*ret_at = at;
	memcpy(ret_word, door, sizeof(door));
	return true;
}

const char *tm_trampoline_make(const uint8_t *bytes, size_t len, uint64_t from,
			       uint64_t to, struct tm_trampoline *ret)
{
	struct writer w = { .out = ret, .to = to };
	struct x86_insn insn = { .flow = X86_PLAIN };
	size_t at = 0;
	bool ends = false;

	*ret = (struct tm_trampoline){ 0 };
	while (at < TM_JUMP_SIZE && !ends && !w.refused) {
		if (!x86_decode(bytes + at, len - at, &insn))
			return "its first instructions are unknown";
		ret->moved[at] = ret->size;
		put_insn(&w, &insn, bytes + at, from + at);
		at += insn.length;
		ends = insn.flow == X86_JUMP || insn.flow == X86_END;
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

/* What comes into entry.S: rbp and ~entry pushed. The hook has it in memory where
 * it has to jump to, because no register is free, and that must not stay there. */
void tm_stub_make(uint64_t entry, uint64_t hook, uint8_t ret[TM_STUB_SIZE])
{
	enum { NOT_ENTRY = 16, HOOK = 24 };
	static const uint8_t enter[] = {
		0x55,                               /* push %rbp */
		0xff, 0x35, NOT_ENTRY - 7, 0, 0, 0, /* push not_entry(%rip) */
		0xff, 0x25, HOOK - 13, 0, 0, 0,     /* jmp *hook(%rip) */
	};
	static const uint8_t clear[] = { /* movq $0, -8(%rsp) */
		0x48, 0xc7, 0x44, 0x24, 0xf8, 0, 0, 0, 0,
	};
	uint64_t not_entry = ~entry;

	_Static_assert(TM_STUB_ORIGINAL + sizeof(clear) == TM_STUB_SIZE,
		       "the trampoline is next");
	tm_code_trap(ret, TM_STUB_SIZE);
	memcpy(ret, enter, sizeof(enter));
	memcpy(ret + NOT_ENTRY, &not_entry, 8);
	memcpy(ret + HOOK, &hook, 8);
	memcpy(ret + TM_STUB_ORIGINAL, clear, sizeof(clear));
}
