#include <dwarf.h>
#include <elfutils/libdw.h>

#include "arch/arch.h"
#include "recorder/abi.h"

enum { RBP = 6, RSP = 7, RIP = 16, SAVED_AT_RBP = 16383 };

/* The PLT's entries: CFA = rsp + 8 + ((rip & 15) >= 11) * 8. */
static bool is_plt(const Dwarf_Op *ops, size_t n)
{
	static const uint8_t plt[] = { DW_OP_breg7, DW_OP_breg16, DW_OP_lit15,
				       DW_OP_and };

	for (size_t i = 0; i < sizeof(plt); i++)
		if (i >= n || ops[i].atom != plt[i])
			return false;
	return true;
}

static bool words(int64_t bytes, int64_t lo, int64_t hi)
{
	return bytes % 8 == 0 && bytes / 8 >= lo && bytes / 8 <= hi;
}

/* CFA = register + offset, or what is there. */
static uint32_t cfa_how(const Dwarf_Op *ops, size_t n, bool deref, unsigned rbp)
{
	int64_t offset = (int64_t)ops[0].number;
	unsigned reg = ops[0].atom - DW_OP_breg0;

	if (ops[0].atom == DW_OP_bregx) {
		reg = (unsigned)ops[0].number;
		offset = (int64_t)ops[0].number2;
	}
	if (n == 2 && ops[1].atom == DW_OP_plus_uconst && !deref) {
		offset += (int64_t)ops[1].number;
		n = 1;
	}
	if (n != 1 || !words(offset, -16384, 16383) ||
	    (rbp == SAVED_AT_RBP) != (deref && reg == RBP))
		return TM_ROW_NONE;
	if (reg == RBP)
		return tm_row_how(deref ? TM_ROW_FP_DEREF : TM_ROW_FP,
				  (int)(offset / 8), rbp);
	if (reg == RSP)
		return tm_row_how(deref ? TM_ROW_SP_DEREF : TM_ROW_SP,
				  (int)(offset / 8), rbp);
	return TM_ROW_NONE;
}

/* Where the caller's rbp is saved, in words below the CFA; false if in some
 * way that rows cannot say. libdw gives DW_OP_call_frame_cfa and an offset. */
static bool saved_rbp(Dwarf_Frame *frame, unsigned *ret)
{
	Dwarf_Op mem[3], *ops;
	size_t n;

	*ret = 0;
	if (dwarf_frame_register(frame, RBP, mem, &ops, &n) != 0)
		return false;
	if (n == 0)
		return true; /* the same value, or undefined */
	if (n == 2 && ops[0].atom == DW_OP_call_frame_cfa &&
	    ops[1].atom == DW_OP_plus_uconst &&
	    words(-(int64_t)ops[1].number, 1, SAVED_AT_RBP - 1)) {
		*ret = (unsigned)(-(int64_t)ops[1].number / 8);
		return true;
	}
	/* Realigned stacks: saved where rbp itself points, and the CFA is
	 * reached through memory (TM_ROW_FP_DEREF). */
	*ret = SAVED_AT_RBP;
	return n == 1 && ops[0].atom == DW_OP_breg6 && (int64_t)ops[0].number == 0;
}

static bool returns_nowhere(Dwarf_Frame *frame)
{
	Dwarf_Op mem[3], *ops;
	size_t n;

	return dwarf_frame_register(frame, RIP, mem, &ops, &n) == 0 && n == 0 &&
	       ops == mem;
}

uint32_t tm_row_of(Dwarf_Frame *frame, bool is_signal)
{
	Dwarf_Op *ops;
	size_t n;
	unsigned rbp;

	if (is_signal)
		return tm_row_how(TM_ROW_SIGNAL, 0, 0);
	if (returns_nowhere(frame))
		return tm_row_how(TM_ROW_END, 0, 0);
	if (dwarf_frame_cfa(frame, &ops, &n) != 0 || n == 0)
		return TM_ROW_NONE;
	if (is_plt(ops, n))
		return tm_row_how(TM_ROW_PLT, 0, 0);
	if (!saved_rbp(frame, &rbp))
		return TM_ROW_NONE;
	if (n == 2 && ops[1].atom == DW_OP_deref)
		return cfa_how(ops, 1, true, rbp);
	return cfa_how(ops, n, false, rbp);
}
