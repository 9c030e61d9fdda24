#include "py/tracked.h"

#include <inttypes.h>

#include "base/load.h"

enum {
	MAX_TRACKED = 1 << 28,
	HEAD_ALIGN = 4,          /* 3.13.5; 8 or more elsewhere */
};

/* The collectors, one after the other. */
struct states {
	struct tm_mem *mem;
	const struct py_runtime *runtime;
	bool collecting;         /* out: one of them is at work */
	py_gc_heads_fn *fn;      /* where their heads are asked for */
	void *ctx;
};

struct walk {
	struct tm_mem *mem;
	const struct py_runtime *runtime;
	py_tracked_fn *fn;
	void *ctx;
	uint64_t n;
};

static bool unknown(const struct py_runtime *runtime, tm_addr at, struct tm_err *err)
{
	return tm_err_set(err, TM_ERR_UNSUPPORTED, runtime->name,
			  "the collector's lists are not at 0x%" PRIx64, at);
}

static bool read_links(struct tm_mem *mem, tm_addr head, tm_addr *next,
		       tm_addr *prev, struct tm_err *err)
{
	char bytes[16];

	if (!tm_mem_read(mem, head, bytes, sizeof(bytes), err))
		return false;
	*next = tm_load_u64(bytes, 0) & ~(tm_addr)PY_GC_LINK_BITS;
	*prev = tm_load_u64(bytes, 8) & ~(tm_addr)PY_GC_LINK_BITS;
	return true;
}

/* A list is a circle, also backwards; it is not during a collection. */
static bool walk_list(struct walk *walk, tm_addr head, struct tm_err *err)
{
	tm_addr at, last = head, prev, next, first_prev;

	if (!read_links(walk->mem, head, &at, &first_prev, err))
		return false;
	for (; at != head; last = at, at = next) {
		if (!read_links(walk->mem, at, &next, &prev, err))
			return false;
		if (prev != last || ++walk->n > MAX_TRACKED)
			return tm_err_set(err, TM_ERR_BUSY, walk->runtime->name,
					  "the garbage collector was at work");
		if (!walk->fn(walk->ctx, at + walk->runtime->layout->gc_head, err))
			return false;
	}
	return true;
}

static bool walk_heads(void *ctx, tm_addr state, const tm_addr *heads, unsigned n,
		       struct tm_err *err)
{
	struct walk *walk = ctx;

	for (unsigned i = 0; i < n; i++)
		if (!walk_list(walk, heads[i], err))
			return false;
	return n >= 2 || unknown(walk->runtime, state, err);
}

/* A pair that its neighbours lead back to. */
static bool is_head(struct tm_mem *mem, tm_addr at, tm_addr next, tm_addr prev)
{
	tm_addr back, forth, unused;
	struct tm_err none;

	return next && prev && read_links(mem, next, &unused, &back, &none) &&
	       read_links(mem, prev, &forth, &unused, &none) &&
	       back == at && forth == at;
}

static bool find_heads(struct states *states, tm_addr state, struct tm_err *err)
{
	const struct py_collector_layout *layout = &states->runtime->layout->collector;
	tm_addr heads[PY_GC_MAX_HEADS], next, prev;
	unsigned n = 0;

	for (unsigned i = 0; i + 16 <= layout->state_size && n < PY_GC_MAX_HEADS;
	     i += HEAD_ALIGN) {
		if (!read_links(states->mem, state + i, &next, &prev, err))
			return false;
		if (is_head(states->mem, state + i, next, prev))
			heads[n++] = state + i;
	}
	return states->fn(states->ctx, state, heads, n, err);
}

/* An offset, or from 3.13 on what is at this position of _Py_DebugOffsets. */
static bool offset_of(const struct states *states, uint16_t field, uint64_t *ret,
		      struct tm_err *err)
{
	const struct py_runtime *runtime = states->runtime;

	*ret = field;
	if (runtime->layout->stack.kind != PY_STACK_DEBUG_OFFSETS)
		return true;
	return tm_mem_u64(states->mem, runtime->runtime + field, ret, err) &&
	       (*ret < UINT16_MAX || unknown(runtime, *ret, err));
}

static bool is_collecting(struct states *states, tm_addr state, struct tm_err *err)
{
	uint64_t offset;
	uint32_t collecting;

	if (!offset_of(states, states->runtime->layout->collector.collecting, &offset,
		       err) ||
	    !tm_mem_u32(states->mem, state + offset, &collecting, err))
		return false;
	states->collecting |= collecting != 0;
	return true;
}

typedef bool state_fn(struct states *states, tm_addr state, struct tm_err *err);

/* The state of each collector. */
static bool for_states(struct states *states, const struct py_interpreters *interpreters,
		       state_fn *fn, struct tm_err *err)
{
	const struct py_runtime *runtime = states->runtime;
	uint64_t offset;

	if (runtime->free_threaded)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, runtime->name,
				  "it keeps no lists of objects that are known");
	if (!offset_of(states, runtime->layout->collector.state, &offset, err))
		return false;
	if (runtime->layout->collector.in_runtime)
		return fn(states, runtime->runtime + offset, err);
	for (size_t i = 0; i < interpreters->n; i++)
		if (!fn(states, interpreters->items[i] + offset, err))
			return false;
	return true;
}

bool py_collector_at_rest(struct tm_mem *mem, const struct py_runtime *runtime,
			  const struct py_interpreters *interpreters, bool *ret,
			  struct tm_err *err)
{
	struct states states = { .mem = mem, .runtime = runtime };

	if (!for_states(&states, interpreters, is_collecting, err))
		return false;
	*ret = !states.collecting;
	return true;
}

bool py_gc_heads_each(struct tm_mem *mem, const struct py_runtime *runtime,
		      const struct py_interpreters *interpreters,
		      py_gc_heads_fn *fn, void *ctx, struct tm_err *err)
{
	struct states states = { mem, runtime, false, fn, ctx };

	return for_states(&states, interpreters, find_heads, err);
}

bool py_tracked_each(struct tm_mem *mem, const struct py_runtime *runtime,
		     const struct py_interpreters *interpreters,
		     py_tracked_fn *fn, void *ctx, struct tm_err *err)
{
	struct walk walk = { .mem = mem, .runtime = runtime, .fn = fn, .ctx = ctx };

	return py_gc_heads_each(mem, runtime, interpreters, walk_heads, &walk, err);
}
