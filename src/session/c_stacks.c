#include "session/c_stacks.h"

#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "base/alloc.h"
#include "session/core.h"

void tm_c_stacks_free(struct tm_c_stacks *stacks)
{
	free(stacks->regs);
	free(stacks->tids);
	free(stacks->stacks);
	*stacks = (struct tm_c_stacks){ 0 };
}

static void add(struct tm_c_stacks *ret, pid_t tid, const struct tm_regs *regs)
{
	ret->regs = tm_grow(ret->regs, &ret->cap_regs, ret->n + 1, sizeof(*ret->regs));
	ret->tids = tm_grow(ret->tids, &ret->cap_tids, ret->n + 1, sizeof(*ret->tids));
	ret->regs[ret->n] = *regs;
	ret->tids[ret->n++] = tid;
}

void tm_c_stacks_take(struct tm_c_stacks *ret, const struct tm_stop *stop)
{
	ret->n = 0;
	for (size_t i = 0; i < stop->n; i++) {
		const struct tm_thread *thread = &stop->threads[i];
		struct tm_regs regs;

		if ((thread->state == TM_THREAD_STOPPED ||
		     thread->state == TM_THREAD_GROUP_STOP) &&
		    tm_regs_get(thread->tid, &regs))
			add(ret, thread->tid, &regs);
	}
}

void tm_c_stacks_of_core(struct tm_c_stacks *ret, const struct tm_core_file *core)
{
	ret->n = 0;
	for (size_t i = 0; i < core->nthreads; i++)
		add(ret, core->threads[i].tid, &core->threads[i].regs);
}

static bool find_one(const struct tm_maps *maps, const struct tm_regs *regs,
		     struct py_c_stack *ret)
{
	const tm_addr sp = tm_regs_sp(regs), self = tm_regs_tls(regs);
	const struct tm_region *region = tm_maps_find(maps, sp);

	if (!region || !region->writable)
		return false;
	ret->alone = strcmp(region->path, "[stack]") == 0;
	if (!ret->alone && (self <= sp || self > region->end))
		return false;
	ret->end = ret->alone ? region->end : self;
	ret->start = sp - region->start < TM_RED_ZONE ? region->start : sp - TM_RED_ZONE;
	ret->start = ret->start / 8 * 8;
	ret->regs = (const uint64_t *)regs;
	ret->nregs = sizeof(*regs) / sizeof(uint64_t);
	return true;
}

static int compare(const void *left, const void *right)
{
	const struct py_c_stack *a = left, *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

void tm_c_stacks_find(struct tm_c_stacks *stacks, const struct tm_maps *maps)
{
	free(stacks->stacks);
	stacks->stacks = tm_calloc(stacks->n + 1, sizeof(*stacks->stacks));
	stacks->nstacks = 0;
	for (size_t i = 0; i < stacks->n; i++) {
		struct py_c_stack one = { .tid = stacks->tids[i] };

		if (find_one(maps, &stacks->regs[i], &one))
			stacks->stacks[stacks->nstacks++] = one;
	}
	qsort(stacks->stacks, stacks->nstacks, sizeof(*stacks->stacks), compare);
}
