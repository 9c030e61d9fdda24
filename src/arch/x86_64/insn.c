#include "arch/x86_64/insn.h"

#include <string.h>

#include "base/load.h"

enum { MAX_LENGTH = 15 };

/*
 * Per opcode what follows it (Intel SDM volume 2, appendix A):
 *   - nothing        m ModRM            x invalid in 64-bit code
 *   b imm8           z imm16/32         v imm16/32/64      w imm16
 *   B ModRM imm8     Z ModRM imm16/32   e imm16 imm8       o 8-byte address
 *   f ModRM, imm8 if /0 or /1           F the same with imm16/32
 *   j rel8           J rel32            p prefix           ? escape
 */
static const char one_byte[257] =
	"mmmmbzxxmmmmbzx?" "mmmmbzxxmmmmbzxx" /* 00 10 */
	"mmmmbzpxmmmmbzpx" "mmmmbzpxmmmmbzpx" /* 20 30 */
	"pppppppppppppppp" "----------------" /* 40 50 */
	"xx?mpppp" "zZbB----" "jjjjjjjjjjjjjjjj" /* 60 70 */
	"BZxBmmmmmmmmmmmm" "----------x-----" /* 80 90 */
	"oooo----bz------" "bbbbbbbbvvvvvvvv" /* a0 b0 */
	"BBw-??BZe-w--bx-" "mmmmxxx-mmmmmmmm" /* c0 d0 */
	"jjjjbbbbJJxj----" "p-pp--fF------mm"; /* e0 f0 */

static const char two_byte[257] =
	"mmmmx-----x-xm-B" "mmmmmmmmmmmmmmmm" /* 00 10 */
	"mmmmxxxxmmmmmmmm" "------x-?x?xxxxx" /* 20 30 */
	"mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" /* 40 50 */
	"mmmmmmmmmmmmmmmm" "BBBBmmm-mmmmmmmm" /* 60 70 */
	"JJJJJJJJJJJJJJJJ" "mmmmmmmmmmmmmmmm" /* 80 90 */
	"---mBmxx---mBmmm" "mmmmmmmmmmBmmmmm" /* a0 b0 */
	"mmBmBBBm--------" "mmmmmmmmmmmmmmmm" /* c0 d0 */
	"mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm"; /* e0 f0 */

struct cursor {
	const uint8_t *bytes;
	size_t len;
	size_t at;
	uint8_t rex;
	bool narrow;    /* 66: 16-bit operands */
	bool address32; /* 67 */
	bool segment;   /* fs, gs: thread-local data */
	bool thread;    /* fs */
};

enum { REX_W = 8 };

static int next(struct cursor *c)
{
	return c->at < c->len ? c->bytes[c->at++] : -1;
}

static bool skip_prefixes(struct cursor *c, int *ret_opcode)
{
	int byte;

	while ((byte = next(c)) >= 0 && one_byte[byte] == 'p') {
		c->narrow |= byte == 0x66;
		c->address32 |= byte == 0x67;
		c->segment |= byte == 0x64 || byte == 0x65;
		c->thread |= byte == 0x64;
		/* A REX counts only right before the opcode. */
		if (byte >= 0x40 && byte <= 0x4f) {
			c->rex = (uint8_t)byte;
			byte = next(c);
			if (byte < 0 || one_byte[byte] == 'p')
				return false;
			break;
		}
	}
	*ret_opcode = byte;
	return byte >= 0;
}

/* ModRM, SIB and displacement. */
static bool take_modrm(struct cursor *c, struct x86_insn *insn, int *ret_reg)
{
	int modrm = next(c), mod = modrm >> 6, rm = modrm & 7, sib;
	size_t disp = mod == 1 ? 1 : mod == 2 ? 4 : 0;

	if (modrm < 0)
		return false;
	insn->modrm_at = (uint8_t)(c->at - 1);
	*ret_reg = modrm >> 3 & 7;
	if (mod != 3 && rm == 4) {
		sib = next(c);
		if (sib < 0)
			return false;
		if (mod == 0 && (sib & 7) == 5)
			disp = 4;
	} else if (mod == 0 && rm == 5) {
		insn->disp_at = (uint8_t)c->at;
		disp = 4;
	}
	c->at += disp;
	return true;
}

static size_t immediate(const struct cursor *c, char what, int reg)
{
	size_t z = c->narrow && !(c->rex & REX_W) ? 2 : 4;

	switch (what) {
	case 'b': case 'B': case 'j': return 1;
	case 'w': return 2;
	case 'e': return 3;
	case 'z': case 'Z': return z;
	case 'v': return c->rex & REX_W ? 8 : z;
	case 'J': return 4;
	case 'o': return c->address32 ? 4 : 8;
	case 'f': return reg < 2 ? 1 : 0;
	case 'F': return reg < 2 ? z : 0;
	default: return 0;
	}
}

static bool has_modrm(char what)
{
	return strchr("mBZfF", what) != NULL;
}

static bool take_operands(struct cursor *c, struct x86_insn *insn, char what,
			  int *ret_reg)
{
	if (what == 'x' || what == 'p' || what == '?' || what == '\0')
		return false;
	if (has_modrm(what) && !take_modrm(c, insn, ret_reg))
		return false;
	if (what == 'j' || what == 'J') {
		insn->rel_at = (uint8_t)c->at;
		insn->rel_size = what == 'j' ? 1 : 4;
	}
	c->at += immediate(c, what, *ret_reg);
	return c->at <= c->len && c->at <= MAX_LENGTH;
}

/* What an opcode of the VEX and EVEX maps takes: as in 0f, 0f 38, 0f 3a. */
static char vector_operands(int map, int opcode)
{
	switch (map) {
	case 1: return two_byte[opcode] == 'J' ? 'm' : two_byte[opcode];
	case 2: case 5: case 6: return 'm';
	case 3: return 'B';
	default: return 'x';
	}
}

static bool decode_vector(struct cursor *c, struct x86_insn *insn, int first)
{
	int p0 = next(c), map = 1, opcode, reg;

	if (first == 0xc4) {
		map = p0 & 0x1f;
		next(c);
	} else if (first == 0x62) {
		map = p0 & 7;
		next(c);
		next(c);
	}
	opcode = next(c);
	return p0 >= 0 && opcode >= 0 &&
	       take_operands(c, insn, vector_operands(map, opcode), &reg);
}

static bool decode_two_byte(struct cursor *c, struct x86_insn *insn)
{
	int opcode = next(c), reg = 0;

	if (opcode == 0x38 || opcode == 0x3a)
		return next(c) >= 0 &&
		       take_operands(c, insn, opcode == 0x38 ? 'm' : 'B', &reg);
	if (opcode < 0 || !take_operands(c, insn, two_byte[opcode], &reg))
		return false;
	insn->opcode = (uint16_t)(0x0f00 | opcode);
	if (opcode >= 0x80 && opcode <= 0x8f) {
		insn->flow = X86_BRANCH;
		insn->condition = (uint8_t)(opcode & 15);
	} else if (opcode == 0x0b) {
		insn->flow = X86_END;
	}
	return true;
}

static void classify(struct x86_insn *insn, int opcode, int reg)
{
	if (opcode >= 0x70 && opcode <= 0x7f) {
		insn->flow = X86_BRANCH;
		insn->condition = (uint8_t)(opcode & 15);
	} else if (opcode >= 0xe0 && opcode <= 0xe3) {
		insn->flow = X86_LOOP;
	} else if (opcode == 0xe8) {
		insn->flow = X86_CALL;
	} else if (opcode == 0xe9 || opcode == 0xeb) {
		insn->flow = X86_JUMP;
	} else if (opcode == 0xc3 || opcode == 0xc2 || opcode == 0xcb ||
		   opcode == 0xca || opcode == 0xcf || opcode == 0xf4 ||
		   (opcode == 0xff && (reg == 4 || reg == 5))) {
		insn->flow = X86_END;
	}
}

static bool decode_one_byte(struct cursor *c, struct x86_insn *insn, int opcode)
{
	int reg = 0;

	if (!take_operands(c, insn, one_byte[opcode], &reg))
		return false;
	insn->opcode = (uint16_t)opcode;
	classify(insn, opcode, reg);
	return true;
}

bool x86_decode(const uint8_t *bytes, size_t len, struct x86_insn *ret)
{
	struct cursor c = { .bytes = bytes, .len = len };
	int opcode;
	bool ok;

	*ret = (struct x86_insn){ .flow = X86_PLAIN, .opcode = X86_OTHER };
	if (!skip_prefixes(&c, &opcode))
		return false;
	if (opcode == 0x0f)
		ok = decode_two_byte(&c, ret);
	else if (opcode == 0xc4 || opcode == 0xc5 || opcode == 0x62)
		ok = decode_vector(&c, ret, opcode);
	else
		ok = decode_one_byte(&c, ret, opcode);
	if (!ok || c.at > len || c.at > MAX_LENGTH)
		return false;
	ret->length = (uint8_t)c.at;
	ret->rex = c.rex;
	ret->narrow = c.narrow;
	ret->elsewhere = c.segment || c.address32;
	ret->thread = c.thread && !c.address32;
	return true;
}

uint64_t x86_target(const struct x86_insn *insn, const uint8_t *bytes,
			uint64_t at)
{
	int64_t rel = insn->rel_size == 1
		? (int8_t)bytes[insn->rel_at]
		: (int32_t)tm_load_u32(bytes, insn->rel_at);

	return at + insn->length + (uint64_t)rel;
}

uint64_t x86_operand(const struct x86_insn *insn, const uint8_t *bytes,
			 uint64_t at)
{
	return at + insn->length +
	       (uint64_t)(int64_t)(int32_t)tm_load_u32(bytes, insn->disp_at);
}
