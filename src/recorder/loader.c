/*
 * Modules that come and go: abi_loader.h. The loader calls the function that is hooked
 * for this with its lock held, before and after each change of its lists; what is in the lists
 * then can be read. Nothing else of a module is read later: its unwind tables are
 * copied, because another thread may unload it at any time.
 */
#include "loader.h"

enum { MAX_NAMESPACES = 64, MAX_LINK_MAPS = 1 << 16, MAX_PHDRS = 64, TRIES = 64 };

/* ---- asking ------------------------------------------------------------------------- */

static bool holds(const struct tm_recorder_loaded *m, uint64_t pc)
{
	return __atomic_load_n(&m->state, __ATOMIC_ACQUIRE) == TM_LOADED_HERE &&
	       pc >= m->start && pc < m->end;
}

static const struct tm_recorder_loaded *one_by_one(const struct tm_recorder_loader *l,
						   uint64_t pc)
{
	uint32_t n = __atomic_load_n(&l->nmodules, __ATOMIC_ACQUIRE);

	for (uint32_t i = 1; i <= n && i < TM_LOADER_MODULES; i++)
		if (holds(&l->modules[i], pc))
			return &l->modules[i];
	return NULL;
}

/* Whatever the index says while it is changed, the record decides. */
const struct tm_recorder_loaded *loader_find(const struct tm_recorder_loader *l, uint64_t pc)
{
	for (int tries = 0; tries < TRIES; tries++) {
		uint32_t seq = __atomic_load_n(&l->seq, __ATOMIC_ACQUIRE);
		uint32_t n = l->nhere < TM_LOADER_MODULES ? l->nhere : 0;
		size_t after = TM_LOWER_BOUND(n, i, l->modules[l->index[i] % TM_LOADER_MODULES].start <= pc);
		const struct tm_recorder_loaded *m =
			after ? &l->modules[l->index[after - 1] % TM_LOADER_MODULES] : NULL;

		if (m && holds(m, pc))
			return m;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(seq & 1) && __atomic_load_n(&l->seq, __ATOMIC_RELAXED) == seq)
			return NULL;
		cpu_pause();
	}
	return one_by_one(l, pc);
}

uint64_t loader_word(const struct tm_recorder_loader *l, uint64_t pc)
{
	const struct tm_recorder_loaded *m = loader_find(l, pc - 1);
	uint64_t number = m ? (uint64_t)(m - l->modules) : TM_PC_NOWHERE;

	if (number <= l->ninitial)
		return pc;
	return (pc & TM_PC_ADDRESS) | number << TM_PC_MODULE_SHIFT;
}

/* ---- the index ----------------------------------------------------------------------- */

static void index_begins(struct tm_recorder_loader *l)
{
	__atomic_store_n(&l->seq, l->seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void index_ends(struct tm_recorder_loader *l)
{
	__atomic_store_n(&l->seq, l->seq + 1, __ATOMIC_RELEASE);
}

static void index_add(struct tm_recorder_loader *l, const struct tm_recorder_loaded *m)
{
	uint32_t i;

	index_begins(l);
	for (i = l->nhere; i > 0 && l->modules[l->index[i - 1]].start > m->start; i--)
		l->index[i] = l->index[i - 1];
	l->index[i] = (uint16_t)(m - l->modules);
	l->nhere++;
	index_ends(l);
}

static void index_drop_gone(struct tm_recorder_loader *l)
{
	uint32_t n = 0;

	index_begins(l);
	for (uint32_t i = 0; i < l->nhere; i++)
		if (l->modules[l->index[i]].state == TM_LOADED_HERE)
			l->index[n++] = l->index[i];
	l->nhere = n;
	index_ends(l);
}

/* Before a record changes: whoever still finds nothing remarkable there asks anew. */
static void widen(struct tm_recorder_loader *l, const struct tm_recorder_loaded *m)
{
	if (!l->hi || m->start < l->lo)
		__atomic_store_n(&l->lo, m->start, __ATOMIC_RELAXED);
	if (m->end > l->hi)
		__atomic_store_n(&l->hi, m->end, __ATOMIC_RELEASE);
}

static void leave(struct tm_recorder_loader *l, struct tm_recorder_loaded *m)
{
	widen(l, m);
	__atomic_store_n(&m->state, TM_LOADED_GONE, __ATOMIC_RELEASE);
}

/* ---- comparing ----------------------------------------------------------------------- */

static bool is_same(const struct tm_recorder_loaded *m, const struct found *f)
{
	return m->start == f->start && m->end == f->end && m->bias == f->map->addr;
}

/* The program headers of a module that has code; false otherwise. */
static bool look_at(const struct tm_recorder_loader *l, const struct loader_link *map,
		    struct found *ret)
{
	*ret = (struct found){
		.map = map,
		.phdrs = *(const struct loader_phdr *const *)((const char *)map + l->phdr_at),
		.nphdrs = *(const uint16_t *)((const char *)map + l->phnum_at),
		.start = UINT64_MAX,
	};
	if (!ret->phdrs || ret->nphdrs > MAX_PHDRS)
		return false;
	for (uint32_t i = 0; i < ret->nphdrs; i++) {
		const struct loader_phdr *p = &ret->phdrs[i];

		if (p->type != LOADER_LOAD || !(p->flags & LOADER_X))
			continue;
		if (map->addr + p->vaddr < ret->start)
			ret->start = map->addr + p->vaddr;
		if (map->addr + p->vaddr + p->memsz > ret->end)
			ret->end = map->addr + p->vaddr + p->memsz;
	}
	return ret->start < ret->end && ret->end <= TM_PC_ADDRESS;
}

/* The record of what was here before, at the same place, from the same file. */
static struct tm_recorder_loaded *former(struct tm_recorder_loader *l,
					 const struct tm_recorder_loaded *like,
					 const struct found *f)
{
	for (uint32_t i = l->ninitial + 1; like->build_id_len && i <= l->nmodules; i++) {
		struct tm_recorder_loaded *m = &l->modules[i];
		bool same = m->state == TM_LOADED_GONE && is_same(m, f) &&
			m->build_id_len == like->build_id_len;

		for (unsigned k = 0; k < like->build_id_len && same; k++)
			same = m->build_id[k] == like->build_id[k];
		if (same && loader_same_name(m->name, f->map->name))
			return m;
	}
	return NULL;
}

static void add(struct tm_recorder_loader *l, const struct found *f)
{
	struct tm_recorder_loaded new, *m;

	cpu_clear(&new, sizeof(new));
	new.listed = 1;
	loader_describe(f, &new);
	m = former(l, &new, f);
	if (!m && l->nmodules >= TM_LOADER_MODULES - 1) {
		/* At least nobody else's name for it. */
		widen(l, &new);
		l->missed++;
		return;
	}
	if (!m) {
		m = &l->modules[l->nmodules + 1];
		loader_keep(l, f, &new);
		cpu_copy(m, &new, sizeof(new));
		__atomic_store_n(&l->nmodules, l->nmodules + 1, __ATOMIC_RELEASE);
	}
	m->since = loader_changes() + 1;
	m->seen = l->walks;
	widen(l, m);
	__atomic_store_n(&m->state, TM_LOADED_HERE, __ATOMIC_RELEASE);
	index_add(l, m);
}

/* What lies where this one is now is no longer there, listed or not. */
static bool displace(struct tm_recorder_loader *l, const struct found *f)
{
	bool any = false;

	for (uint32_t i = 0; i < l->nhere; i++) {
		struct tm_recorder_loaded *m = &l->modules[l->index[i]];

		if (m->start >= f->end || f->start >= m->end)
			continue;
		leave(l, m);
		any = true;
	}
	return any;
}

typedef bool visit_fn(struct tm_recorder_loader *l, const struct found *f);

static bool note_seen(struct tm_recorder_loader *l, const struct found *f)
{
	const struct tm_recorder_loaded *known = loader_find(l, f->start);

	if (!known || !is_same(known, f))
		return displace(l, f);
	l->modules[known - l->modules].seen = l->walks;
	l->modules[known - l->modules].listed = 1;
	return false;
}

static bool add_new(struct tm_recorder_loader *l, const struct found *f)
{
	const struct tm_recorder_loaded *known = loader_find(l, f->start);

	if (known && is_same(known, f))
		return false;
	add(l, f);
	return true;
}

/* Is it true of any? */
static bool visit_list(struct tm_recorder_loader *l, visit_fn *visit)
{
	const struct loader_debug *d = (const struct loader_debug *)l->debug;
	uint32_t left = MAX_LINK_MAPS;
	bool any = false;

	for (int i = 0; d && i < MAX_NAMESPACES; i++) {
		for (const struct loader_link *map = d->map; map && left; map = map->next, left--) {
			struct found f;

			if (look_at(l, map, &f))
				any |= visit(l, &f);
		}
		d = d->version > 1 ? d->next : NULL;
	}
	return any;
}

static bool mark_gone(struct tm_recorder_loader *l)
{
	bool any = false;

	for (uint32_t i = 0; i < l->nhere; i++) {
		struct tm_recorder_loaded *m = &l->modules[l->index[i]];

		if (m->state != TM_LOADED_HERE || !m->listed || m->seen == l->walks)
			continue;
		leave(l, m);
		any = true;
	}
	return any;
}

static void count_change(void)
{
	__atomic_store_n(&table()->changes, loader_changes() + 1, __ATOMIC_SEQ_CST);
}

/* Rows of what has gone must not serve what comes to its place. Who looks one up at
 * this moment sees afterwards that there was a change (rows.c). */
static void forget_rows(struct tm_recorder_loader *l)
{
	count_change();
	index_drop_gone(l);
	cpu_clear(table_at(table()->cache), 8ull << TM_RECORDER_CACHE_LOG2);
}

/* What has gone first: its place may be taken already. */
static void walk_list(struct tm_recorder_loader *l)
{
	bool gone;

	l->walks++;
	gone = visit_list(l, note_seen);
	gone |= mark_gone(l);
	if (gone)
		forget_rows(l);
	if (visit_list(l, add_new))
		count_change();
}

/* The loader's own lock keeps others out; a signal handler that loads something in
 * between is not let in either. */
void loader_look(void)
{
	struct tm_recorder_loader *l = loader();
	uint64_t free = 0, me = cpu_thread_pointer() | 1;

	if (!l->debug)
		return;
	for (int i = 0; !__atomic_compare_exchange_n(&l->lock, &free, me, false, __ATOMIC_ACQUIRE,
						     __ATOMIC_RELAXED); i++) {
		if (free == me || i == 1 << 26)
			return;
		free = 0;
		cpu_pause();
	}
	walk_list(l);
	__atomic_store_n(&l->lock, 0, __ATOMIC_RELEASE);
}
