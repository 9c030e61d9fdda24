#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/load.h"
#include "trace/collected.h"

enum {
	ENTRY_SIZE_MAX = 64,
	TRACE_SIZE = 16,      /* trace_t: size, traceback */
	TRACEBACK_AT = 8,
	MAX_DOMAINS = 1 << 20,
};

/* The address to find, and in which table. */
struct lookup {
	struct tm_mem *mem;
	const struct py_runtime *runtime;
	struct py_table table;
	uint64_t key;
	uint32_t domain;
};

/* _Py_hashtable_hash_ptr(): rotated so that the alignment does not count; a
 * key with a domain (3.7, 3.8) mixes that in. */
static uint64_t hash_address(tm_addr block, uint32_t domain)
{
	return (block >> 4 | block << 60) ^ domain;
}

static bool corrupt(const struct lookup *lookup, struct tm_err *err)
{
	return tm_err_set(err, TM_ERR_CORRUPT, "",
			  "a chain of the trace table is longer than its %" PRIu64
			  " entries", lookup->table.nentries);
}

static bool matches(const struct lookup *lookup, const char *entry)
{
	const struct py_entry_layout *layout = &lookup->runtime->layout->entry;

	return tm_load_u64(entry, layout->key) == lookup->key &&
	       (lookup->table.key_size != 12 ||
		tm_load_u32(entry, (size_t)layout->key + 8) == lookup->domain);
}

/* The entry with the key; *ret_found says if `entry` holds it. */
static bool find_entry(const struct lookup *lookup, uint64_t hash,
		       char entry[static ENTRY_SIZE_MAX], bool *ret_found,
		       struct tm_err *err)
{
	const struct py_layout *layout = lookup->runtime->layout;
	const struct py_table *table = &lookup->table;
	size_t size = layout->traces == PY_TRACES_POINTER
		? (size_t)layout->entry.value + 8
		: (size_t)(layout->entry.key + table->key_size + table->data_size);
	uint64_t bucket = hash & (table->nbuckets - 1);
	tm_addr at;

	*ret_found = false;
	if (size > ENTRY_SIZE_MAX)
		return corrupt(lookup, err);
	if (!tm_mem_u64(lookup->mem, table->buckets + 8 * bucket, &at, err))
		return false;
	for (uint64_t n = 0; at; n++) {
		if (n > table->nentries)
			return corrupt(lookup, err);
		if (!tm_mem_read(lookup->mem, at, entry, size, err))
			return false;
		*ret_found = matches(lookup, entry);
		if (*ret_found)
			return true;
		at = tm_load_u64(entry, layout->entry.next);
	}
	return true;
}

static bool take_trace(const struct lookup *lookup, const char *entry,
		       char trace[static TRACE_SIZE], struct tm_err *err)
{
	const struct py_layout *layout = lookup->runtime->layout;

	if (layout->traces == PY_TRACES_POINTER)
		return tm_mem_read(lookup->mem,
				   tm_load_u64(entry, layout->entry.value), trace,
				   TRACE_SIZE, err);
	memcpy(trace, entry + layout->entry.key + lookup->table.key_size,
	       TRACE_SIZE);
	return true;
}

/* A collection of this one trace, decoded like any other. */
static bool deliver(const struct lookup *lookup, const char *trace,
		    struct tm_builder *builder, struct tm_err *err)
{
	struct tm_collected *one = tm_calloc(1, sizeof(*one));
	tm_addr traceback = tm_load_u64(trace, TRACEBACK_AT);

	one->limit = UINT32_MAX;
	one->rows = tm_grow(one->rows, &one->rows_cap, 1, sizeof(*one->rows));
	one->rows[one->nrows++] = (struct tm_row){
		.size = tm_load_u64(trace, 0), .count = 1,
	};
	one->sites = tm_grow(one->sites, &one->sites_cap, 1, sizeof(*one->sites));
	one->sites[one->nsites++] = (struct collected_site){ 0, lookup->domain };
	one->tracebacks = tm_grow(one->tracebacks, &one->tracebacks_cap, 1,
				  sizeof(*one->tracebacks));
	one->tracebacks[one->ntracebacks++] =
		(struct collected_traceback){ .at = traceback };
	*tm_map_put(&one->traceback_ids, traceback) = 0;
	if (!tm_collect_tracebacks(lookup->mem, lookup->runtime, one, err)) {
		tm_collected_destroy(one);
		return false;
	}
	tm_tracemalloc_decode(one, lookup->runtime, NULL, builder);
	return true;
}

/* In the table at `table` (0: it does not exist). */
static bool lookup_in(struct lookup *lookup, tm_addr table,
		      struct tm_builder *builder, bool *ret_found,
		      struct tm_err *err)
{
	char entry[ENTRY_SIZE_MAX], trace[TRACE_SIZE];
	uint64_t hash;

	*ret_found = false;
	if (!table)
		return true;
	if (!py_table_read(lookup->mem, lookup->runtime->layout, table,
			   &lookup->table, err))
		return false;
	/* Without a domain in its keys the table is that of domain 0. */
	if (lookup->runtime->layout->traces == PY_TRACES_INLINE &&
	    lookup->table.key_size != 12 && lookup->domain)
		return true;
	hash = hash_address(lookup->key, lookup->table.key_size == 12
			    ? lookup->domain : 0);
	if (!find_entry(lookup, hash, entry, ret_found, err))
		return false;
	return !*ret_found || (take_trace(lookup, entry, trace, err) &&
			       deliver(lookup, trace, builder, err));
}

/* The table of traces of a domain from 3.9 on; 0: there is none. */
static bool domain_table(struct tm_mem *mem, const struct py_runtime *runtime,
			 uint32_t domain, tm_addr *ret, struct tm_err *err)
{
	struct lookup lookup = { .mem = mem, .runtime = runtime, .key = domain };
	char entry[ENTRY_SIZE_MAX];
	tm_addr domains;
	bool found;

	*ret = 0;
	if (!tm_mem_u64(mem, runtime->roots.domains, &domains, err))
		return false;
	if (!domains)
		return true;
	if (!py_table_read(mem, runtime->layout, domains, &lookup.table, err) ||
	    !find_entry(&lookup, domain, entry, &found, err))
		return false;
	if (found)
		*ret = tm_load_u64(entry, runtime->layout->entry.value);
	return true;
}

bool tm_tracemalloc_lookup(struct tm_mem *mem, const struct py_runtime *runtime,
			   tm_addr block, uint32_t domain,
			   struct tm_builder *builder, bool *ret_found,
			   struct tm_err *err)
{
	struct lookup lookup = { .mem = mem, .runtime = runtime, .key = block,
				 .domain = domain };
	tm_addr table;

	if (domain && runtime->layout->traces == PY_TRACES_POINTER) {
		if (!domain_table(mem, runtime, domain, &table, err))
			return false;
	} else if (!tm_mem_u64(mem, runtime->roots.traces, &table, err)) {
		return false;
	}
	return lookup_in(&lookup, table, builder, ret_found, err);
}

/* Every domain but 0, from 3.9 on, until the block is found. */
static bool lookup_domains(struct tm_mem *mem, const struct py_runtime *runtime,
			   tm_addr block, struct tm_builder *builder,
			   bool *ret_found, struct tm_err *err)
{
	const struct py_entry_layout *layout = &runtime->layout->entry;
	struct lookup lookup = { .mem = mem, .runtime = runtime, .key = block };
	struct py_table domains;
	uint64_t seen = 0, domain;
	tm_addr at, entry, table;

	if (!tm_mem_u64(mem, runtime->roots.domains, &at, err))
		return false;
	if (!at)
		return true;
	if (!py_table_read(mem, runtime->layout, at, &domains, err))
		return false;
	for (uint64_t i = 0; i < domains.nbuckets && seen < domains.nentries &&
			     seen < MAX_DOMAINS; i++) {
		if (!tm_mem_u64(mem, domains.buckets + 8 * i, &entry, err))
			return false;
		for (; entry && !*ret_found && seen < domains.nentries; seen++) {
			if (!tm_mem_u64(mem, entry + layout->key, &domain, err) ||
			    !tm_mem_u64(mem, entry + layout->value, &table, err) ||
			    !tm_mem_u64(mem, entry + layout->next, &entry, err))
				return false;
			lookup.domain = (uint32_t)domain;
			if (!lookup_in(&lookup, table, builder, ret_found, err))
				return false;
		}
	}
	return true;
}

bool tm_tracemalloc_mixes_domains(struct tm_mem *mem,
				  const struct py_runtime *runtime)
{
	struct py_table table;
	struct tm_err err;
	tm_addr at;

	return runtime->layout->traces == PY_TRACES_INLINE &&
	       tm_mem_u64(mem, runtime->roots.traces, &at, &err) && at &&
	       py_table_read(mem, runtime->layout, at, &table, &err) &&
	       table.key_size == 12;
}

bool tm_tracemalloc_lookup_any(struct tm_mem *mem, const struct py_runtime *runtime,
			       tm_addr block, struct tm_builder *builder,
			       bool *ret_found, struct tm_err *err)
{
	if (!tm_tracemalloc_lookup(mem, runtime, block, 0, builder, ret_found, err))
		return false;
	if (*ret_found || runtime->layout->traces != PY_TRACES_POINTER)
		return true;
	return lookup_domains(mem, runtime, block, builder, ret_found, err);
}
