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
	uint32_t lo = 0, hi = s->nmodules;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (modules[mid].end <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < s->nmodules && modules[lo].start <= pc)
		return &modules[lo];
	return NULL;
}

static uint32_t row_of(const struct tm_recorder_module *module, uint64_t pc)
{
	const struct tm_recorder_row *rows = table_at(module->rows);
	uint64_t lo = 0, hi = module->nrows;

	pc -= module->bias;
	while (lo < hi) {
		uint64_t mid = (lo + hi) / 2;

		if (rows[mid].pc <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? rows[lo - 1].how : TM_ROW_NONE;
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
