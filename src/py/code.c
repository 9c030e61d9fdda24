#include "py/code.h"

#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "mem/scan.h"

enum { CHUNK_LIMIT = 64 << 20, METH_NOARGS = 4, METHOD_SIZE = 32,
       FUNCTION_LIMIT = 512, LOCAL_LIMIT = 64 };

/* A whole segment, for searching; NULL if it is absurdly large. */
static char *segment_bytes(struct tm_mem *mem, const struct tm_image *image,
			   size_t i, size_t *ret_len)
{
	size_t len = (size_t)(image->segments[i].end - image->segments[i].start);
	char *bytes;

	if (len > CHUNK_LIMIT)
		return NULL;
	bytes = tm_malloc(len);
	*ret_len = tm_mem_read_some(mem, image->segments[i].start, bytes, len);
	return bytes;
}

/* Where "is_tracing" is in the range, with its NUL and after a NUL. */
static size_t find_names_in(struct tm_mem *mem, struct tm_range range,
			    tm_addr *ret, size_t max)
{
	static const char name[] = "\0is_tracing";
	size_t n = tm_mem_scan(mem, range, name, sizeof(name), ret, max);

	for (size_t i = 0; i < n; i++)
		ret[i]++;
	return n;
}

static size_t find_names(struct tm_mem *mem, const struct tm_image *image,
			 tm_addr *ret, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < image->nsegments; i++) {
		struct tm_range range = image->segments[i];

		if (!(image->flags[i] & PF_W) &&
		    range.end - range.start <= CHUNK_LIMIT)
			n += find_names_in(mem, range, ret + n, max - n);
	}
	return n;
}

static bool is_method(const struct tm_image *image, const char *record,
		      const tm_addr *names, size_t nnames)
{
	tm_addr name = tm_load_u64(record, 0);

	for (size_t i = 0; i < nnames; i++)
		if (name == names[i])
			return tm_load_u32(record, 16) == METH_NOARGS &&
			       tm_image_holds(image, tm_load_u64(record, 8), PF_X);
	return false;
}

static size_t find_table(struct tm_mem *mem, const struct tm_image *image,
			 const tm_addr *names, size_t nnames, tm_addr *ret)
{
	size_t hits = 0;

	for (size_t i = 0; i < image->nsegments; i++) {
		TM_GUARD(tm_free_ptr) char *bytes = NULL;
		size_t len = 0;

		if (!(image->flags[i] & PF_W))
			continue;
		bytes = segment_bytes(mem, image, i, &len);
		for (size_t at = -image->segments[i].start & 7;
		     bytes && at + METHOD_SIZE <= len; at += 8)
			if (is_method(image, bytes + at, names, nnames)) {
				*ret = image->segments[i].start + at;
				hits++;
			}
	}
	return hits;
}

static void take_method(struct tm_mem *mem, tm_addr record,
			struct py_methods *ret)
{
	char name[32];
	tm_addr text, func;
	struct tm_err err;

	if (!tm_mem_u64(mem, record, &text, &err) ||
	    !tm_mem_u64(mem, record + 8, &func, &err) ||
	    !tm_mem_cstr(mem, text, name, sizeof(name), &err))
		return;
	if (strcmp(name, "is_tracing") == 0)
		ret->is_tracing = func;
	else if (strcmp(name, "get_traced_memory") == 0)
		ret->get_traced_memory = func;
	else if (strcmp(name, "get_tracemalloc_memory") == 0)
		ret->get_tracemalloc_memory = func;
}

bool py_methods_find(struct tm_mem *mem, const struct tm_image *image,
		     struct py_methods *ret, struct tm_err *err)
{
	enum { MAX_NAMES = 8, TABLE_REACH = 16 };
	tm_addr names[MAX_NAMES], table = 0;
	size_t n = find_names(mem, image, names, MAX_NAMES);
	size_t hits = n ? find_table(mem, image, names, n, &table) : 0;

	*ret = (struct py_methods){ 0 };
	if (hits != 1)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, image->path,
				  "%zu method tables of _tracemalloc found, expected one",
				  hits);
	/* The records before and after, as far as the table can reach. */
	for (int i = -TABLE_REACH; i <= TABLE_REACH; i++)
		take_method(mem, table + (tm_addr)(int64_t)(i * METHOD_SIZE), ret);
	return true;
}

/* Operands that are in writable data, in program order. Decoded at every offset,
 * so some may not be real. */
static size_t operands(struct tm_mem *mem, const struct tm_image *image,
		       tm_addr code, tm_addr *ret, size_t max)
{
	unsigned char bytes[FUNCTION_LIMIT];
	size_t got = tm_mem_read_some(mem, code, bytes, sizeof(bytes)), n = 0;

	for (size_t i = 0; i < got && n < max; i++) {
		tm_addr target = tm_code_operand(bytes, got, i, code);

		if (tm_image_holds(image, target, PF_W))
			ret[n++] = target;
	}
	return n;
}

static bool points_to(struct tm_mem *mem, tm_addr slot, tm_addr base)
{
	struct tm_err err;
	uint64_t value;

	return base && tm_mem_u64(mem, slot, &value, &err) && value == base;
}

static size_t read_target(void *mem, uint64_t at, void *buf, size_t len)
{
	return tm_mem_read_some(mem, at, buf, len);
}

/* The next read of such a variable. */
static bool next_read(struct tm_reads *reads, const struct py_variable *what,
		      tm_addr *ret)
{
	struct tm_read read;

	while (tm_reads_next(reads, &read)) {
		if (read.size != what->size || read.at < what->within.start ||
		    read.at >= what->within.end)
			continue;
		*ret = read.at;
		return true;
	}
	return false;
}

tm_addr py_code_first_read(struct tm_mem *mem, const struct tm_image *image,
			   const char *function, const struct py_variable *what)
{
	struct tm_symbol symbol;
	struct tm_reads reads;
	tm_addr at = 0;

	if (!tm_image_dynsym(image, function, &symbol))
		return 0;
	tm_reads_begin(&reads, symbol.address, what->base, read_target, mem);
	return next_read(&reads, what, &at) ? at : 0;
}

bool py_code_denies(struct tm_mem *mem, const struct tm_image *image,
		    const char *function, const struct py_variable *what,
		    tm_addr expected)
{
	struct tm_symbol symbol;
	struct tm_reads reads;
	tm_addr at = 0;
	bool sure;

	if (!tm_image_dynsym(image, function, &symbol))
		return false;
	tm_reads_begin(&reads, symbol.address, what->base, read_target, mem);
	sure = next_read(&reads, what, &at) && !reads.missed;
	while (at != expected && next_read(&reads, what, &at))
		;
	return sure && at != expected;
}

bool py_code_refers(struct tm_mem *mem, const struct tm_image *image,
		    const char *function, tm_addr base, struct tm_refers *ret)
{
	struct tm_symbol symbol;

	if (!tm_image_dynsym(image, function, &symbol))
		return false;
	tm_code_refers(symbol.address, symbol.size, base, read_target, mem, ret);
	return true;
}

bool py_code_local(struct tm_mem *mem, const struct tm_image *image,
		   const char *function, struct tm_local *ret)
{
	unsigned char bytes[LOCAL_LIMIT];
	struct tm_symbol symbol;
	size_t len;

	if (!tm_image_dynsym(image, function, &symbol))
		return false;
	len = tm_mem_read_some(mem, symbol.address, bytes, sizeof(bytes));
	return tm_code_local(bytes, len, symbol.address, ret);
}

size_t py_code_variables(struct tm_mem *mem, const struct tm_image *image,
			 tm_addr code, tm_addr base, tm_addr *ret, size_t max)
{
	enum { MAX_REFS = 64 };
	tm_addr refs[MAX_REFS];
	size_t nrefs, n = 0;

	nrefs = operands(mem, image, code, refs, MAX_REFS);
	for (size_t i = 0; i < nrefs && n < max; i++) {
		tm_addr target = refs[i];
		bool seen = false;

		if (points_to(mem, target, base))
			target = base;
		for (size_t j = 0; j < n; j++)
			seen |= ret[j] == target;
		if (!seen)
			ret[n++] = target;
	}
	return n;
}
