#include "arch/arch.h"

#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/insn.h"
#include "base/alloc.h"
#include "base/guard.h"
#include "base/order.h"

enum { MAX_INSNS = 4096, MAX_LEFT = 256, LONGEST = 15 };

struct walk {
	struct tm_reach *ret; /* NULL: calls are not followed */
	struct tm_range seen[MAX_INSNS];
	uint64_t left[MAX_LEFT]; /* where branches and calls lead to, the nearest first */
	size_t nseen, nleft;
};

static bool is_new(struct walk *w, uint64_t pc)
{
	for (size_t i = 0; i < w->nseen; i++)
		if (w->seen[i].start == pc)
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
	if (w->ret)
		w->ret->passed |= pc == w->ret->asked;
	return pc;
}

/* False: nobody knows where this leads to. */
static bool step(struct walk *w, const struct x86_insn *insn, const uint8_t *bytes,
		 uint64_t *pc)
{
	const uint64_t next = *pc + insn->length;
	const bool branches = insn->rel_at && (w->ret || insn->flow != X86_CALL);

	if (w->ret && is_indirect(insn, bytes) &&
	    (!insn->disp_at || !goes_by_word(w, x86_operand(insn, bytes, *pc))))
		return false;
	if (insn->flow == X86_END) {
		*pc = 0;
	} else if (insn->flow == X86_JUMP) {
		*pc = goes_to(w, x86_target(insn, bytes, *pc));
	} else {
		if (branches && w->nleft == MAX_LEFT)
			return false;
		if (branches)
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
		w->seen[w->nseen++] = (struct tm_range){ pc, pc + insn.length };
		if (!step(w, &insn, bytes, &pc))
			return false;
	}
	return true;
}

/* False: that was not all. */
static bool walk_all(struct walk *w, uint64_t function,
		     size_t (*read)(void *ctx, uint64_t at, void *buf, size_t len), void *ctx)
{
	bool all = true;

	w->left[w->nleft++] = function;
	for (size_t i = 0; i < w->nleft; i++)
		all &= walk_path(w, w->left[i], read, ctx);
	return all;
}

bool tm_code_reach(uint64_t function,
		   size_t (*read)(void *ctx, uint64_t at, void *buf, size_t len), void *ctx,
		   struct tm_reach *ret)
{
	TM_GUARD(tm_free_ptr) struct walk *w = tm_calloc(1, sizeof(*w));

	w->ret = ret;
	return walk_all(w, function, read, ctx);
}

static int by_start(const void *a, const void *b)
{
	const struct tm_range *x = a, *y = b;

	return tm_order_u64(x->start, y->start);
}

/* Those that touch are one. */
static size_t merge(struct walk *w, struct tm_range *ret, size_t max)
{
	size_t n = 0;

	qsort(w->seen, w->nseen, sizeof(*w->seen), by_start);
	for (size_t i = 0; i < w->nseen; i++) {
		if (n && w->seen[i].start <= ret[n - 1].end) {
			if (w->seen[i].end > ret[n - 1].end)
				ret[n - 1].end = w->seen[i].end;
			continue;
		}
		if (n == max)
			return 0;
		ret[n++] = w->seen[i];
	}
	return n;
}

size_t tm_code_extent(uint64_t function,
		      size_t (*read)(void *ctx, uint64_t at, void *buf, size_t len), void *ctx,
		      struct tm_range *ret, size_t max)
{
	TM_GUARD(tm_free_ptr) struct walk *w = tm_calloc(1, sizeof(*w));

	return walk_all(w, function, read, ctx) ? merge(w, ret, max) : 0;
}
