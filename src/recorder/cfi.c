/*
 * The row of one address, made of the copy of a module's call frame information when it
 * is first asked for: what tmattach makes of whole modules (arch/.../rows.c has the
 * same rules). Everything read is in the table; bytes that make no sense give no row.
 */
#include "cfi.h"

enum { MAX_STATES = 4, NO_REGISTER = 255 };

enum fp_rule { FP_SAME, FP_SAVED, FP_AT_ITSELF, FP_OTHER };

/* What a row of the table of .eh_frame says, as far as rows can. Small: the stack that
 * it is on is the program's. */
struct state {
	struct expression cfa;
	int32_t offset;
	int32_t fp_at; /* FP_SAVED: from the CFA */
	uint8_t reg;
	uint8_t fp;    /* enum fp_rule */
	bool ends;     /* the return address is undefined */
};

/* ---- its instructions ------------------------------------------------------------------ */

struct run {
	const struct entry *e;
	struct state now, initial, kept[MAX_STATES];
	unsigned nkept;
	uint64_t at, pc; /* the row that is wanted is the last that begins at or before pc */
	bool bad;
};

/* What is too far for a row is not a number of words either. */
static int32_t near(int64_t offset)
{
	return offset > -CFI_TOO_FAR && offset < CFI_TOO_FAR ? (int32_t)offset : CFI_TOO_FAR + 1;
}

static int32_t scaled(const struct run *r, int64_t n)
{
	const int64_t factor = r->e->data_factor;

	return n > -CFI_TOO_FAR && n < CFI_TOO_FAR && factor > -CFI_TOO_FAR && factor < CFI_TOO_FAR ? near(n * factor) : CFI_TOO_FAR + 1;
}

static void save_register(struct run *r, uint64_t reg, int64_t words)
{
	if (reg == CPU_DWARF_FP) {
		r->now.fp = FP_SAVED;
		r->now.fp_at = scaled(r, words);
	}
	if (reg == CPU_DWARF_PC)
		r->now.ends = false;
}

static void set_other(struct run *r, uint64_t reg, enum fp_rule rule, bool undefined)
{
	if (reg == CPU_DWARF_FP)
		r->now.fp = (uint8_t)rule;
	if (reg == CPU_DWARF_PC)
		r->now.ends = undefined;
}

static void restore_register(struct run *r, uint64_t reg)
{
	if (reg == CPU_DWARF_FP) {
		r->now.fp = r->initial.fp;
		r->now.fp_at = r->initial.fp_at;
	}
	if (reg == CPU_DWARF_PC)
		r->now.ends = r->initial.ends;
}

/* Saved where fp itself points: breg6 0. */
static enum fp_rule expressed(struct expression e)
{
	return e.n == 2 && e.ops[0] == 0x70 + CPU_DWARF_FP && e.ops[1] == 0 ? FP_AT_ITSELF
									    : FP_OTHER;
}

static void set_cfa(struct run *r, uint64_t reg, int64_t offset)
{
	r->now.reg = reg < NO_REGISTER ? (uint8_t)reg : NO_REGISTER;
	r->now.offset = near(offset);
	r->now.cfa.ops = NULL;
}

static void remember(struct run *r)
{
	if (r->nkept == MAX_STATES)
		r->bad = true;
	else
		r->kept[r->nkept++] = r->now;
}

static void recall(struct run *r)
{
	if (r->nkept == 0)
		r->bad = true;
	else
		r->now = r->kept[--r->nkept];
}

/* DW_CFA_* of two bits less: all but those that carry an operand in their first byte. */
static void step_extended(struct run *r, struct bytes *b, uint8_t op)
{
	uint64_t reg;

	switch (op) {
	case 0x00: break;                                           /* nop */
	case 0x02: r->at += cfi_fixed(b, 1) * r->e->code_factor; break; /* advance_loc1, */
	case 0x03: r->at += cfi_fixed(b, 2) * r->e->code_factor; break; /* 2, */
	case 0x04: r->at += cfi_fixed(b, 4) * r->e->code_factor; break; /* 4 */
	case 0x05: reg = cfi_uleb(b); save_register(r, reg, (int64_t)cfi_uleb(b)); break; /* offset_extended */
	case 0x06: restore_register(r, cfi_uleb(b)); break;             /* restore_extended */
	case 0x07: set_other(r, cfi_uleb(b), FP_SAME, true); break;     /* undefined */
	case 0x08: set_other(r, cfi_uleb(b), FP_SAME, false); break;    /* same_value */
	case 0x09: reg = cfi_uleb(b); cfi_uleb(b); set_other(r, reg, FP_OTHER, false); break; /* register */
	case 0x0a: remember(r); break;
	case 0x0b: recall(r); break;
	case 0x0c: reg = cfi_uleb(b); set_cfa(r, reg, (int64_t)cfi_uleb(b)); break; /* def_cfa */
	case 0x0d: set_cfa(r, cfi_uleb(b), r->now.offset); break;       /* def_cfa_register */
	case 0x0e: r->now.offset = near((int64_t)cfi_uleb(b)); break;         /* def_cfa_offset */
	case 0x0f: r->now.cfa = cfi_block(b); break;                    /* def_cfa_expression */
	case 0x10: reg = cfi_uleb(b); set_other(r, reg, expressed(cfi_block(b)), false); break; /* expression */
	case 0x11: reg = cfi_uleb(b); save_register(r, reg, cfi_sleb(b)); break; /* offset_extended_sf */
	case 0x12: reg = cfi_uleb(b); set_cfa(r, reg, scaled(r, cfi_sleb(b))); break; /* def_cfa_sf */
	case 0x13: r->now.offset = scaled(r, cfi_sleb(b)); break;    /* def_cfa_offset_sf */
	case 0x14: reg = cfi_uleb(b); cfi_uleb(b); set_other(r, reg, FP_OTHER, false); break; /* val_offset, */
	case 0x15: reg = cfi_uleb(b); cfi_sleb(b); set_other(r, reg, FP_OTHER, false); break; /* _sf, */
	case 0x16: reg = cfi_uleb(b); cfi_block(b); set_other(r, reg, FP_OTHER, false); break; /* _expression */
	case 0x2e: cfi_uleb(b); break;                                  /* GNU_args_size */
	default: r->bad = true;
	}
}

/* Until the row behind the wanted one would begin. */
static void run(struct run *r, struct bytes b)
{
	while (b.at < b.end && !r->bad && !b.bad && r->at <= r->pc) {
		const struct state before = r->now;
		uint8_t op = (uint8_t)cfi_fixed(&b, 1), low = op & 0x3f;

		if (op >> 6 == 1)
			r->at += low * r->e->code_factor;
		else if (op >> 6 == 2)
			save_register(r, low, (int64_t)cfi_uleb(&b));
		else if (op >> 6 == 3)
			restore_register(r, low);
		else
			step_extended(r, &b, op);
		if (r->at > r->pc)
			r->now = before;
	}
	r->bad |= b.bad;
}

/* ---- as a row --------------------------------------------------------------------------- */

static bool words(int64_t bytes, int64_t lo, int64_t hi)
{
	return bytes % 8 == 0 && bytes / 8 >= lo && bytes / 8 <= hi;
}

static uint32_t how_of(uint64_t reg, int64_t offset, bool deref, unsigned fp)
{
	if (!words(offset, -16384, 16383))
		return TM_ROW_NONE;
	if (reg == CPU_DWARF_FP)
		return tm_row_how(deref ? TM_ROW_FP_DEREF : TM_ROW_FP, (int)(offset / 8), fp);
	if (reg == CPU_DWARF_SP)
		return tm_row_how(deref ? TM_ROW_SP_DEREF : TM_ROW_SP, (int)(offset / 8), fp);
	return TM_ROW_NONE;
}

/* What is at a register and an offset: breg, deref. */
static uint32_t how_of_expression(const struct state *s, unsigned fp)
{
	struct bytes b = { .base = s->cfa.ops, .end = s->cfa.n };
	uint8_t op = (uint8_t)cfi_fixed(&b, 1);
	int64_t offset = cfi_sleb(&b);
	bool deref = b.at < b.end && cfi_fixed(&b, 1) == 0x06;
	uint64_t reg = (uint64_t)op - 0x70;

	if (op < 0x70 || op > 0x8f || b.bad || b.at != b.end ||
	    (s->fp == FP_AT_ITSELF) != (deref && reg == CPU_DWARF_FP))
		return TM_ROW_NONE;
	return how_of(reg, offset, deref, fp);
}

static uint32_t row_of_state(const struct state *s)
{
	enum { SAVED_AT_FP = 16383 };
	unsigned fp = s->fp == FP_AT_ITSELF ? SAVED_AT_FP : 0;

	if (s->ends)
		return tm_row_how(TM_ROW_END, 0, 0);
	if (s->cfa.ops && cpu_is_plt(s->cfa.ops, s->cfa.n))
		return tm_row_how(TM_ROW_PLT, 0, 0);
	if (s->fp == FP_SAVED && words(-s->fp_at, 1, SAVED_AT_FP - 1))
		fp = (unsigned)(-s->fp_at / 8);
	else if (s->fp == FP_SAVED || s->fp == FP_OTHER)
		return TM_ROW_NONE;
	if (s->cfa.ops)
		return how_of_expression(s, fp);
	return s->fp == FP_AT_ITSELF ? TM_ROW_NONE : how_of(s->reg, s->offset, false, fp);
}

uint32_t cfi_row(const struct tm_recorder_loaded *m, uint64_t pc)
{
	struct entry e;
	struct run r;

	if (!m->header || !cfi_find(m, pc, &e))
		return TM_ROW_NONE;
	if (e.is_signal)
		return tm_row_how(TM_ROW_SIGNAL, 0, 0);
	cpu_clear(&r, sizeof(r));
	r.e = &e;
	r.pc = UINT64_MAX;
	run(&r, e.cie);
	r.initial = r.now;
	r.at = e.begin;
	r.pc = pc;
	run(&r, e.fde);
	return r.bad ? TM_ROW_NONE : row_of_state(&r.now);
}
