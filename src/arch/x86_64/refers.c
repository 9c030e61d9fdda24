#include "arch/x86_64/values.h"

#include <string.h>

#include "base/load.h"

enum { MAX_STEPS = 2048, MAX_PATHS = 64, UNKNOWN_SIZE = 64, MAX_LOCAL = 16 };

/* ---- all that a function refers to ---------------------------------------------- */

/* What is left to be walked: a branch that was not taken. */
struct path {
	uint64_t pc;
	struct tm_value registers[TM_READS_REGISTERS];
};

struct walk {
	struct tm_reads at;
	uint64_t start, size;
	uint64_t seen[MAX_STEPS];
	size_t nseen;
	struct path paths[MAX_PATHS];
	size_t npaths;
	struct tm_refers *ret;
};

static void note(struct walk *walk, uint64_t address)
{
	struct tm_refers *ret = walk->ret;

	for (size_t i = 0; i < ret->n; i++)
		if (ret->at[i] == address)
			return;
	if (ret->n < TM_REFERS_MAX)
		ret->at[ret->n++] = address;
}

/* The operand in memory, and what has got into a register. */
static void note_step(struct walk *walk, const struct x86_step *step,
		      const struct tm_value before[TM_READS_REGISTERS])
{
	if (step->memory && step->address.kind == TM_VALUE_CONSTANT && !step->slot)
		note(walk, step->address.value);
	for (size_t i = 0; i < TM_READS_REGISTERS; i++) {
		const struct tm_value *now = &walk->at.registers[i];

		if (now->kind == TM_VALUE_CONSTANT &&
		    (before[i].kind != now->kind || before[i].value != now->value))
			note(walk, now->value);
	}
}

static bool is_new(struct walk *walk, uint64_t pc)
{
	for (size_t i = 0; i < walk->nseen; i++)
		if (walk->seen[i] == pc)
			return false;
	if (walk->nseen == MAX_STEPS)
		return false;
	walk->seen[walk->nseen++] = pc;
	return true;
}

static void keep_path(struct walk *walk, uint64_t pc)
{
	struct path *path = &walk->paths[walk->npaths];

	if (walk->npaths == MAX_PATHS)
		return;
	path->pc = pc;
	memcpy(path->registers, walk->at.registers, sizeof(path->registers));
	walk->npaths++;
}

/*
 * Where the path goes on; 0: nowhere. A branch out of the function leads to its
 * rarely executed part, a jump out of it to another function.
 */
static uint64_t next_pc(struct walk *walk, const struct x86_step *step)
{
	enum x86_flow flow = step->insn.flow;
	uint64_t target = 0;

	if (step->insn.rel_at)
		target = x86_target(&step->insn, step->bytes, step->at);
	if (flow == X86_END)
		return 0;
	if (flow == X86_JUMP)
		return target - walk->start < walk->size ? target : 0;
	if (flow == X86_BRANCH || flow == X86_LOOP)
		keep_path(walk, target);
	return step->at + step->insn.length;
}

static void walk_path(struct walk *walk)
{
	struct tm_reads *at = &walk->at;

	while (at->pc && is_new(walk, at->pc)) {
		struct tm_value before[TM_READS_REGISTERS];
		struct x86_step step;

		memcpy(before, at->registers, sizeof(before));
		if (!x86_step(at, &step))
			return;
		note_step(walk, &step, before);
		at->pc = next_pc(walk, &step);
	}
}

void tm_code_refers(uint64_t function, uint64_t size, uint64_t base,
		    size_t (*read)(void *ctx, uint64_t at, void *buf, size_t len),
		    void *ctx, struct tm_refers *ret)
{
	struct walk walk = {
		.start = function, .size = size ? size : UNKNOWN_SIZE, .ret = ret,
	};

	ret->n = 0;
	tm_reads_begin(&walk.at, function, base, read, ctx);
	walk_path(&walk);
	while (walk.npaths > 0) {
		const struct path *path = &walk.paths[--walk.npaths];

		walk.at.pc = path->pc;
		memcpy(walk.at.registers, path->registers, sizeof(path->registers));
		walk_path(&walk);
	}
}

/* ---- a variable that each thread has of its own --------------------------------- */

/* The displacement of an operand that has no register in it; false: it has. */
static bool displacement_alone(const struct x86_insn *insn, const unsigned char *bytes,
			       uint64_t *ret)
{
	const unsigned char *modrm = bytes + insn->modrm_at;

	if (!insn->modrm_at || (modrm[0] & 0xc7) != 0x04 || modrm[1] != 0x25)
		return false;
	*ret = (uint64_t)(int64_t)(int32_t)tm_load_u32(modrm, 2);
	return true;
}

/* The displacement from a register, of one or four bytes. */
static bool displacement_from(const struct x86_insn *insn, const unsigned char *bytes,
			      uint64_t *ret)
{
	const unsigned char *modrm = bytes + insn->modrm_at;
	unsigned mod = modrm[0] >> 6;

	if (!insn->modrm_at || (modrm[0] & 7) == 4 || mod == 0 || mod == 3)
		return false;
	*ret = mod == 1 ? (uint64_t)(int64_t)(int8_t)modrm[1]
			: (uint64_t)(int64_t)(int32_t)tm_load_u32(modrm, 1);
	return true;
}

/* Variables stand below what the register points to. */
static bool is_below(uint64_t offset)
{
	return (int64_t)offset < 0;
}

/* mov (%rax,%rdi,8), %rax; or of other registers with the same meaning. */
static bool takes_item(const struct x86_insn *insn, const unsigned char *bytes)
{
	const unsigned char *modrm = bytes + insn->modrm_at;

	return insn->modrm_at && (modrm[0] & 0xc7) == 0x04 && (modrm[1] & 0xf8) == 0xf8;
}

bool tm_code_keys(const unsigned char *bytes, size_t len, uint32_t *ret)
{
	enum { MOV = 0x8b };
	bool pointer = false, array = false, item = false;
	struct x86_insn insn = { 0 };
	uint64_t offset = 0;
	size_t i = 0;

	for (unsigned n = 0; n < MAX_LOCAL && x86_decode(bytes + i, len - i, &insn); n++) {
		uint64_t zero = 1;

		if (insn.flow != X86_PLAIN)
			break;
		if (insn.opcode != MOV)
			;
		else if (insn.thread)
			pointer = displacement_alone(&insn, bytes + i, &zero) && zero == 0;
		else if (pointer && !array)
			array = displacement_from(&insn, bytes + i, &offset);
		else
			item |= array && takes_item(&insn, bytes + i);
		i += insn.length;
	}
	*ret = (uint32_t)offset;
	return item && offset < TM_LOCAL_KEYS && insn.flow == X86_END;
}

/* One instruction of such a function; true when it has told. `*pointer`: the thread
 * pointer is in a register. */
static bool tells(const struct x86_insn *insn, const unsigned char *bytes, uint64_t at,
		  bool *pointer, uint64_t *index, struct tm_local *ret)
{
	enum { MOV = 0x8b, LEA = 0x8d };
	uint64_t offset;

	if (insn->flow == X86_CALL && *index) {
		*ret = (struct tm_local){ TM_LOCAL_INDEX, *index };
		return true;
	}
	if (insn->opcode == LEA && insn->disp_at)
		*index = x86_operand(insn, bytes, at);
	if (insn->opcode != MOV)
		return false;
	if (insn->thread ? !displacement_alone(insn, bytes, &offset)
			 : !*pointer || !displacement_from(insn, bytes, &offset))
		return false;
	*pointer |= insn->thread && offset == 0;
	if (is_below(offset))
		*ret = (struct tm_local){ TM_LOCAL_OFFSET, offset };
	return is_below(offset);
}

bool tm_code_local(const unsigned char *bytes, size_t len, uint64_t at,
		   struct tm_local *ret)
{
	struct x86_insn insn;
	uint64_t index = 0;
	bool pointer = false;
	size_t i = 0;

	for (unsigned n = 0; n < MAX_LOCAL && x86_decode(bytes + i, len - i, &insn); n++) {
		if (tells(&insn, bytes + i, at + i, &pointer, &index, ret))
			return true;
		if (insn.flow == X86_END || insn.flow == X86_JUMP)
			return false;
		i += insn.length;
	}
	return false;
}
