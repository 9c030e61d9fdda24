#include "arch/arch.h"

#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/insn.h"
#include "base/alloc.h"
#include "base/guard.h"

enum { MAX_INSNS = 4096, MAX_LEFT = 256, LONGEST = 15 };

struct walk {
	struct tm_reach *ret;
	uint64_t seen[MAX_INSNS];
	uint64_t left[MAX_LEFT]; /* where branches and calls lead to, the nearest first */
	size_t nseen, nleft;
};

static bool is_new(struct walk *w, uint64_t pc)
{
	for (size_t i = 0; i < w->nseen; i++)
		if (w->seen[i] == pc)
			return false;
	return true;
}

static bool goes_by_word(struct walk *w, uint64_t word)
{
	struct tm_reach *ret = w->ret;

	if (ret->n == TM_REACH_MAX)
		return false;
	ret->words[ret->n++] = word;
	return true;
}

/* ff /2 to /5: calls and jumps to where a register or memory says. */
static bool is_indirect(const struct x86_insn *insn, const uint8_t *bytes)
{
	const unsigned reg = insn->modrm_at ? bytes[insn->modrm_at] >> 3 & 7 : 0;

	return insn->opcode == 0xff && reg >= 2 && reg <= 5;
}

/* Not what merely follows: after a call that does not return, that is another function. */
static uint64_t goes_to(struct walk *w, uint64_t pc)
{
	w->ret->passed |= pc == w->ret->asked;
	return pc;
}

/* False: nobody knows where this leads to. */
static bool step(struct walk *w, const struct x86_insn *insn, const uint8_t *bytes,
		 uint64_t *pc)
{
	const uint64_t next = *pc + insn->length;

	if (is_indirect(insn, bytes) &&
	    (!insn->disp_at || !goes_by_word(w, x86_operand(insn, bytes, *pc))))
		return false;
	if (insn->flow == X86_END) {
		*pc = 0;
	} else if (insn->flow == X86_JUMP) {
		*pc = goes_to(w, x86_target(insn, bytes, *pc));
	} else {
		if (insn->rel_at && w->nleft == MAX_LEFT)
			return false;
		if (insn->rel_at)
			w->left[w->nleft++] = goes_to(w, x86_target(insn, bytes, *pc));
		*pc = next;
	}
	return true;
}

/* To where it ends, or has been walked before. */
static bool walk_path(struct walk *w, uint64_t pc,
		      size_t (*read)(void *ctx, uint64_t at, void *buf, size_t len), void *ctx)
{
	while (pc && is_new(w, pc)) {
		uint8_t bytes[LONGEST];
		struct x86_insn insn;
		const size_t len = read(ctx, pc, bytes, sizeof(bytes));

		if (w->nseen == MAX_INSNS || !x86_decode(bytes, len, &insn))
			return false;
		w->seen[w->nseen++] = pc;
		if (!step(w, &insn, bytes, &pc))
			return false;
	}
	return true;
}

bool tm_code_reach(uint64_t function,
		   size_t (*read)(void *ctx, uint64_t at, void *buf, size_t len), void *ctx,
		   struct tm_reach *ret)
{
	TM_GUARD(tm_free_ptr) struct walk *w = tm_calloc(1, sizeof(*w));
	bool all = true;

	w->ret = ret;
	w->left[w->nleft++] = function;
	for (size_t i = 0; i < w->nleft; i++)
		all &= walk_path(w, w->left[i], read, ctx);
	return all;
}
