/*
 * The rows that tmattach made of each module's .eh_frame, and those of modules that came
 * later (cfi.c): how to get from a frame to the one that called it.
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

/* Of two modules that came later no number is the same. */
static uint64_t file_of(const struct tm_recorder_space *s, uint64_t pc)
{
	const struct tm_recorder_loader *l = loader();
	const struct tm_recorder_loaded *m = loader_asks(l, pc) ? loader_find(l, pc) : NULL;
	const struct tm_recorder_module *module = module_of(s, pc);

	if (m && m - l->modules > l->ninitial)
		return (uint64_t)(m - l->modules);
	return module ? module->id : 0;
}

bool rows_same_file(uint64_t pc, uint64_t other)
{
	const struct tm_recorder_space *s = rows_space();
	const uint64_t file = s ? file_of(s, pc) : 0;

	return file && file == file_of(s, other);
}

static uint32_t row_of(const struct tm_recorder_module *module, uint64_t pc)
{
	const struct tm_recorder_row *rows = table_at(module->rows);
	size_t after;

	pc -= module->bias;
	after = TM_LOWER_BOUND(module->nrows, i, rows[i].pc <= pc);
	return after ? rows[after - 1].how : TM_ROW_NONE;
}

static uint32_t row_in(const struct tm_recorder_space *s, uint64_t pc)
{
	const struct tm_recorder_module *module = module_of(s, pc);

	return module ? row_of(module, pc) : TM_ROW_NONE;
}

/* Where modules have come and gone the space may be of an earlier time. */
static uint32_t find_row(const struct tm_recorder_space *s, uint64_t pc)
{
	const struct tm_recorder_loader *l = loader();
	const struct tm_recorder_loaded *m;
	uint32_t how = TM_ROW_NONE;

	if (!loader_asks(l, pc))
		return row_in(s, pc);
	m = loader_find(l, pc);
	if (m)
		how = cfi_row(m, pc);
	return m && how == TM_ROW_NONE && s->changes >= m->since ? row_in(s, pc) : how;
}

/* A mapping of 48 bits onto themselves, so that the part of it which is not
 * the place in the cache names the address. */
static inline uint64_t cache_key(uint64_t pc)
{
	pc = (pc ^ pc >> 24) * 0xd6e8feb86659u & TM_SLOT_ADDRESS;
	return pc ^ pc >> 25;
}

static inline uint64_t cache_place(uint64_t key)
{
	return key & ((1u << TM_RECORDER_CACHE_LOG2) - 1);
}

/* Look it up, and put it where it is looked for first. */
static KEEPS uint32_t row_missed(const struct tm_recorder_space *s, uint64_t pc)
{
	const uint64_t key = cache_key(pc);
	uint64_t *cached = (uint64_t *)table_at(table()->cache) + cache_place(key);
	uint32_t changes, how;

	if (pc > TM_SLOT_ADDRESS)
		return TM_ROW_NONE;
	changes = loader_changes();
	how = find_row(s, pc);
	if (how == TM_ROW_NONE)
		return how;
	__atomic_store_n(cached, key >> TM_RECORDER_CACHE_LOG2 << 32 | how, __ATOMIC_RELAXED);
	/* The module may have gone meanwhile, and its rows were forgotten before. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (changes != loader_changes())
		__atomic_store_n(cached, 0, __ATOMIC_RELAXED);
	return how;
}

uint32_t row_for(const struct tm_recorder_space *s, uint64_t pc)
{
	const uint64_t key = cache_key(pc);
	const uint64_t *cached = (const uint64_t *)table_at(table()->cache) + cache_place(key);
	const uint64_t seen = __atomic_load_n(cached, __ATOMIC_RELAXED);

	if (likely((uint32_t)seen && seen >> 32 == key >> TM_RECORDER_CACHE_LOG2))
		return (uint32_t)seen;
	return row_missed(s, pc);
}
