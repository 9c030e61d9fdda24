#include "arch/arch.h"

#include <stdlib.h>

#include "arch/x86_64/insn.h"
#include "base/alloc.h"
#include "base/guard.h"
#include "base/order.h"

enum { MAX_INSNS = 2048, MAX_LEFT = 512, LONGEST = 15 };

struct extent {
	struct tm_range insns[MAX_INSNS];
	uint64_t left[MAX_LEFT]; /* where branches lead to */
	size_t n, nleft;
};

static bool is_new(const struct extent *e, uint64_t pc)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->insns[i].start == pc)
			return false;
	return true;
}

/* One instruction; *pc: the next, 0: there is none. */
static bool step(struct extent *e, const struct x86_insn *insn, const uint8_t *bytes,
		 uint64_t *pc)
{
	const uint64_t next = *pc + insn->length;

	if (e->n == MAX_INSNS || e->nleft == MAX_LEFT)
		return false;
	e->insns[e->n++] = (struct tm_range){ *pc, next };
	if (insn->flow == X86_BRANCH || insn->flow == X86_LOOP)
		e->left[e->nleft++] = x86_target(insn, bytes, *pc);
	*pc = insn->flow == X86_END ? 0 :
	      insn->flow == X86_JUMP ? x86_target(insn, bytes, *pc) : next;
	return true;
}

static bool walk_path(struct extent *e, uint64_t pc,
		      size_t (*read)(void *ctx, uint64_t at, void *buf, size_t len), void *ctx)
{
	while (pc && is_new(e, pc)) {
		uint8_t bytes[LONGEST];
		struct x86_insn insn;
		const size_t len = read(ctx, pc, bytes, sizeof(bytes));

		if (!x86_decode(bytes, len, &insn) || !step(e, &insn, bytes, &pc))
			return false;
	}
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct tm_range *x = a, *y = b;

	return tm_order_u64(x->start, y->start);
}

/* Those that touch are one. */
static size_t merge(struct extent *e, struct tm_range *ret, size_t max)
{
	size_t n = 0;

	qsort(e->insns, e->n, sizeof(*e->insns), by_start);
	for (size_t i = 0; i < e->n; i++) {
		if (n && e->insns[i].start <= ret[n - 1].end) {
			if (e->insns[i].end > ret[n - 1].end)
				ret[n - 1].end = e->insns[i].end;
			continue;
		}
		if (n == max)
			return 0;
		ret[n++] = e->insns[i];
	}
	return n;
}

size_t tm_code_extent(uint64_t function,
		      size_t (*read)(void *ctx, uint64_t at, void *buf, size_t len), void *ctx,
		      struct tm_range *ret, size_t max)
{
	TM_GUARD(tm_free_ptr) struct extent *e = tm_calloc(1, sizeof(*e));

	e->left[e->nleft++] = function;
	for (size_t i = 0; i < e->nleft; i++)
		if (!walk_path(e, e->left[i], read, ctx))
			return 0;
	return merge(e, ret, max);
}
