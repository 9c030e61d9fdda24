#include "arch/x86_64/values.h"

#include <string.h>

enum { MAX_STEPS = 512 };

static bool is_read(const struct x86_step *step)
{
	unsigned operation = step->reg & 7;

	if (!step->memory)
		return false;
	if (step->effect == 'G') /* calls and jumps go through the GOT */
		return operation < 2;
	return strchr("tcLmxAT", step->effect) != NULL;
}

/* Vector instructions and pushes read sizes that nobody asks for. */
static bool may_read(const struct x86_step *step)
{
	return step->memory && step->address.kind != TM_VALUE_STACK &&
	       (is_read(step) ? step->address.kind == TM_VALUE_UNKNOWN
			      : step->effect == 'v' ||
				(step->effect == 'G' && (step->reg & 7) == 6));
}

static uint64_t following(const struct x86_step *step)
{
	if (step->insn.flow == X86_END)
		return 0;
	return step->insn.flow == X86_JUMP ? x86_target(&step->insn, step->bytes, step->at)
					   : step->at + step->insn.length;
}

void tm_reads_begin(struct tm_reads *reads, uint64_t function, uint64_t base,
		    size_t (*read)(void *ctx, uint64_t at, void *buf, size_t len),
		    void *ctx)
{
	*reads = (struct tm_reads){
		.read = read, .ctx = ctx, .base = base, .pc = function,
	};
	reads->registers[X86_STACK_POINTER].kind = TM_VALUE_STACK;
}

bool tm_reads_next(struct tm_reads *reads, struct tm_read *ret)
{
	while (reads->pc && reads->steps++ < MAX_STEPS) {
		struct x86_step step;

		if (!x86_step(reads, &step))
			break;
		reads->pc = following(&step);
		reads->missed |= may_read(&step);
		if (!is_read(&step) || step.slot ||
		    step.address.kind != TM_VALUE_CONSTANT)
			continue;
		*ret = (struct tm_read){ step.address.value, step.size };
		return true;
	}
	return false;
}
