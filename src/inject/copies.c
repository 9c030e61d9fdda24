/*
 * Copies of our hooks' addresses that the program has made. Whoever holds one
 * got it from a word that we had exchanged, so what the word held before is
 * right for it, too.
 *
 * In the data of an image: copies_find.c.
 * On a stack, or in a register: of a thread that was stopped between reading the
 * word and calling what it read. Those are met when the stacks are searched.
 */
#include <errno.h>
#include <stdlib.h>

#include "arch/arch.h"
#include "base/alloc.h"
#include "base/log.h"
#include "inject/private.h"
#include "inject/words.h"
#include "mem/poke.h"

enum { MAX_COPIES = 4096 };

void inject_copies_free(struct inject_copies *copies)
{
	free(copies->items);
	*copies = (struct inject_copies){ 0 };
}

bool inject_copies_add(struct inject_copies *copies, const struct inject_copy *copy)
{
	if (copies->n == MAX_COPIES)
		return false;
	copies->items = tm_grow(copies->items, &copies->cap, copies->n + 1,
				sizeof(*copies->items));
	copies->items[copies->n++] = *copy;
	return true;
}

bool inject_copies_have(const struct inject_copies *copies, uint64_t ours)
{
	for (size_t i = 0; i < copies->n; i++)
		if (copies->items[i].ours == ours)
			return true;
	return false;
}

/* ---- and what they stand for ------------------------------------------------------ */

static bool replace_register(struct tm_injection *in, const struct inject_copy *copy,
			     struct tm_err *err)
{
	struct tm_regs regs;
	uint64_t now;

	if (!tm_regs_get(copy->tid, &regs) || !tm_regs_dwarf(&regs, (int)copy->at, &now) ||
	    now != copy->ours)
		return true;
	tm_log("thread %d has a hook in register %d", (int)copy->tid, (int)copy->at);
	return (tm_regs_set_dwarf(&regs, (int)copy->at, copy->original) &&
		tm_regs_set(copy->tid, &regs)) ||
	       tm_process_explain(&in->process, errno, "cannot set its registers", err);
}

static bool replace_word(struct tm_injection *in, struct tm_stop *stop,
			 const struct inject_copy *copy, struct tm_err *err)
{
	struct tm_err unreadable;
	uint64_t now;

	if (!tm_mem_u64(in->mem, copy->at, &now, &unreadable) || now != copy->ours)
		return true;
	tm_log("a copy of a hook at %#llx", (unsigned long long)copy->at);
	return tm_poke_word(tm_stop_any(stop), copy->at, copy->original) ||
	       tm_process_explain(&in->process, errno, "cannot write its memory", err);
}

bool inject_copies_replace(struct tm_injection *in, struct tm_stop *stop,
			   const struct inject_copies *copies, struct tm_err *err)
{
	for (size_t i = 0; i < copies->n; i++)
		if (!(copies->items[i].tid ? replace_register(in, &copies->items[i], err)
					   : replace_word(in, stop, &copies->items[i], err)))
			return false;
	return true;
}
