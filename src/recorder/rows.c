/*
 * The rows that tmattach made of each module's .eh_frame: how to get from a
 * frame to the one that called it.
 */
#include "recorder.h"

const struct tm_recorder_space *rows_space(void)
{
	uint64_t at = __atomic_load_n(&table()->space, __ATOMIC_ACQUIRE);

	return at ? table_at(at) : NULL;
}

static const struct tm_recorder_module *module_of(
	const struct tm_recorder_space *s, uint64_t pc)
{
	const struct tm_recorder_module *modules = table_at(s->modules);
	size_t at = TM_LOWER_BOUND(s->nmodules, i, modules[i].end <= pc);

	if (at < s->nmodules && modules[at].start <= pc)
		return &modules[at];
	return NULL;
}

bool rows_same_file(uint64_t pc, uint64_t other)
{
	const struct tm_recorder_space *s = rows_space();
	const struct tm_recorder_module *a = s ? module_of(s, pc) : NULL;
	const struct tm_recorder_module *b = a ? module_of(s, other) : NULL;

	return b && a->id == b->id;
}

static uint32_t row_of(const struct tm_recorder_module *module, uint64_t pc)
{
	const struct tm_recorder_row *rows = table_at(module->rows);
	size_t after;

	pc -= module->bias;
	after = TM_LOWER_BOUND(module->nrows, i, rows[i].pc <= pc);
	return after ? rows[after - 1].how : TM_ROW_NONE;
}

/* A mapping of 48 bits onto themselves, so that the part of it which is not
 * the place in the cache names the address. */
static inline uint64_t cache_key(uint64_t pc)
{
	pc = (pc ^ pc >> 24) * 0xd6e8feb86659u & TM_SLOT_ADDRESS;
	return pc ^ pc >> 25;
}

uint32_t row_for(const struct tm_recorder_space *s, uint64_t pc)
{
	uint64_t key = cache_key(pc);
	uint64_t *cached = (uint64_t *)table_at(table()->cache) +
		(key & ((1u << TM_RECORDER_CACHE_LOG2) - 1));
	uint64_t seen = __atomic_load_n(cached, __ATOMIC_RELAXED);
	const struct tm_recorder_module *module;
	uint32_t how;

	if (likely((uint32_t)seen && seen >> 32 == key >> TM_RECORDER_CACHE_LOG2))
		return (uint32_t)seen;
	if (pc > TM_SLOT_ADDRESS)
		return TM_ROW_NONE;
	module = module_of(s, pc);
	how = module ? row_of(module, pc) : TM_ROW_NONE;
	if (how != TM_ROW_NONE)
		__atomic_store_n(cached, key >> TM_RECORDER_CACHE_LOG2 << 32 | how,
				 __ATOMIC_RELAXED);
	return how;
}
