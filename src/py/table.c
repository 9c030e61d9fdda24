#include <inttypes.h>

#include "base/load.h"
#include "py/runtime.h"

/* 2^40 entries would need 80 TiB: beyond that, it is not a count. */
#define MAX_COUNT ((uint64_t)1 << 40)

static uint64_t field(const char *bytes, uint16_t offset)
{
	return offset == PY_ABSENT ? 0 : tm_load_u64(bytes, offset);
}

bool py_table_read(struct tm_mem *mem, const struct py_layout *layout,
		   tm_addr at, struct py_table *ret, struct tm_err *err)
{
	const struct py_table_layout *table = &layout->table;
	char bytes[128];

	if (!tm_mem_read(mem, at, bytes, table->size, err))
		return false;
	*ret = (struct py_table){
		.nentries = field(bytes, table->nentries),
		.nbuckets = field(bytes, table->nbuckets),
		.buckets = field(bytes, table->buckets),
		.key_size = field(bytes, table->key_size),
		.data_size = field(bytes, table->data_size),
		.hash_func = field(bytes, table->hash_func),
		.compare_func = field(bytes, table->compare_func),
		.key_destroy = field(bytes, table->key_destroy),
		.value_destroy = field(bytes, table->value_destroy),
	};
	/* The load factor never exceeds 1/2 for long; 2 is generous. */
	if (ret->nbuckets < 16 || ret->nbuckets > MAX_COUNT ||
	    (ret->nbuckets & (ret->nbuckets - 1)) != 0 ||
	    ret->nentries > ret->nbuckets * 2 || ret->buckets == 0)
		return tm_err_set(err, TM_ERR_CORRUPT, "",
				  "no hash table at 0x%" PRIx64 " (%" PRIu64
				  " entries, %" PRIu64 " buckets)", at,
				  ret->nentries, ret->nbuckets);
	return true;
}

static uint64_t table_bytes(const struct py_layout *layout,
			    const struct py_table *table)
{
	uint64_t entry = layout->traces == PY_TRACES_INLINE
		? 16 + table->key_size + table->data_size : 32;

	return layout->table.size + 8 * table->nbuckets + table->nentries * entry;
}

/* The table that the pointer at `slot` points to; adds nothing for NULL. */
static bool add_table(struct tm_mem *mem, const struct py_layout *layout,
		      tm_addr slot, uint64_t *sum, struct tm_err *err)
{
	struct py_table table;
	tm_addr at = 0;

	if (!slot)
		return true;
	if (!tm_mem_u64(mem, slot, &at, err))
		return false;
	if (!at)
		return true;
	if (!py_table_read(mem, layout, at, &table, err))
		return false;
	*sum += table_bytes(layout, &table);
	return true;
}

/* The traces tables that are the values of the domains table. */
static bool add_domains(struct tm_mem *mem, const struct py_runtime *runtime,
			uint64_t *sum, struct tm_err *err)
{
	const struct py_layout *layout = runtime->layout;
	struct py_table domains;
	tm_addr at = 0, entry;
	uint64_t seen = 0;

	if (!runtime->roots.domains)
		return true;
	if (!tm_mem_u64(mem, runtime->roots.domains, &at, err))
		return false;
	if (!at)
		return true;
	if (!py_table_read(mem, layout, at, &domains, err))
		return false;
	for (uint64_t i = 0; i < domains.nbuckets && seen < domains.nentries; i++) {
		if (!tm_mem_u64(mem, domains.buckets + 8 * i, &entry, err))
			return false;
		for (; entry && seen < domains.nentries; seen++)
			if (!add_table(mem, layout, entry + layout->entry.value,
				       sum, err) ||
			    !tm_mem_u64(mem, entry + layout->entry.next, &entry, err))
				return false;
	}
	return true;
}

bool py_tracer_memory(struct tm_mem *mem, const struct py_runtime *runtime,
		      bool tracing, uint64_t *ret, struct tm_err *err)
{
	const struct py_roots *roots = &runtime->roots;
	const struct py_layout *layout = runtime->layout;

	*ret = 0;
	if (!tracing &&
	    (runtime->hexversion >> 8 & 0xff) >= layout->idle_memory_zero_since)
		return true;
	return add_table(mem, layout, roots->tracebacks, ret, err) &&
	       add_table(mem, layout, roots->filenames, ret, err) &&
	       add_table(mem, layout, roots->traces, ret, err) &&
	       add_domains(mem, runtime, ret, err);
}
