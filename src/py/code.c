#include "py/code.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"

enum { CHUNK_LIMIT = 64 << 20, METH_NOARGS = 4, METHOD_SIZE = 32,
       FUNCTION_LIMIT = 512 };

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

/* Where "is_tracing" stands in [start, end), with its NUL and after a NUL. Read
 * in pieces that stay in the cache and need no fresh pages; an overlap of one
 * byte less than the name finds each hit once. */
static size_t find_names_in(struct tm_mem *mem, struct tm_range range,
			    tm_addr *ret, size_t max)
{
	static const char name[] = "\0is_tracing";
	enum { PIECE = 1 << 16, STEP = PIECE - (sizeof(name) - 1) };
	TM_GUARD(tm_free_ptr) char *bytes = tm_malloc(PIECE);
	size_t n = 0;

	for (tm_addr at = range.start; at < range.end; at += STEP) {
		size_t want = range.end - at < PIECE ? (size_t)(range.end - at)
						     : PIECE;
		size_t len = tm_mem_read_some(mem, at, bytes, want);
		const char *hit = bytes;

		while (n < max &&
		       (hit = memmem(hit, len - (size_t)(hit - bytes), name,
				     sizeof(name)))) {
			ret[n++] = at + (tm_addr)(hit - bytes) + 1;
			hit++;
		}
		if (len < want)
			break;
	}
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

/* How many bytes of immediate follow the operand. */
static size_t immediate_len(const unsigned char *modrm)
{
	switch (modrm[-1]) {
	case 0x80: case 0x83: case 0xc6: case 0x6b: case 0xc1:
		return 1;
	case 0x81: case 0xc7: case 0x69:
		return 4;
	default:
		return 0;
	}
}

static size_t read_code(struct tm_mem *mem, tm_addr code, size_t len,
			unsigned char *buf)
{
	return len > FUNCTION_LIMIT ? tm_mem_read_some(mem, code, buf, FUNCTION_LIMIT)
				    : tm_mem_read_some(mem, code, buf, len);
}

/* The operand whose ModRM byte is bytes[i], or an absolute imm32 of a mov to
 * a register (non-PIE code); 0 if neither. */
static tm_addr operand_at(const struct tm_image *image, tm_addr code,
			  const unsigned char *bytes, size_t i)
{
	tm_addr target = 0;

	if ((bytes[i] & 0xc7) == 0x05)
		target = code + i + 5 + immediate_len(bytes + i) +
			 (tm_addr)(int64_t)(int32_t)tm_load_u32(bytes, i + 1);
	else if (bytes[i] >= 0xb8 && bytes[i] <= 0xbf)
		target = tm_load_u32(bytes, i + 1);
	return tm_image_holds(image, target, PF_W) ? target : 0;
}

size_t py_code_refs(struct tm_mem *mem, const struct tm_image *image,
		    tm_addr code, size_t len, struct py_ref *ret, size_t max)
{
	unsigned char bytes[FUNCTION_LIMIT];
	size_t got = read_code(mem, code, len, bytes), n = 0;

	for (size_t i = 1; i + 5 <= got && n < max; i++) {
		tm_addr target = operand_at(image, code, bytes, i);

		if (target)
			ret[n++] = (struct py_ref){ code + i + 1, target };
	}
	return n;
}

static bool points_to(struct tm_mem *mem, tm_addr slot, tm_addr base)
{
	struct tm_err err;
	uint64_t value;

	return base && tm_mem_u64(mem, slot, &value, &err) && value == base;
}

/* After `mov reg, [GOT]`: the displacement of the first access through a
 * register; the flag is an int, so the displacement is a multiple of 4. */
static tm_addr first_displacement(struct tm_mem *mem, tm_addr at, tm_addr base)
{
	unsigned char bytes[64];
	size_t got = tm_mem_read_some(mem, at, bytes, sizeof(bytes));

	for (size_t i = 1; i + 5 <= got; i++) {
		unsigned mod = bytes[i] >> 6, rm = bytes[i] & 7;
		bool access = bytes[i - 1] == 0x8b || bytes[i - 1] == 0x83;
		uint32_t disp = tm_load_u32(bytes, i + 1);

		if (!access || rm == 4)
			continue;
		if (mod == 1)
			return base + bytes[i + 1];
		if (mod == 2 && disp % 4 == 0 && disp < 1u << 20)
			return base + disp;
	}
	return 0;
}

tm_addr py_code_first_variable(struct tm_mem *mem, const struct tm_image *image,
			       const struct tm_symbol *function, tm_addr base)
{
	struct py_ref ref;

	if (py_code_refs(mem, image, function->address, function->size, &ref, 1) != 1)
		return 0;
	if (points_to(mem, ref.target, base))
		return first_displacement(mem, ref.at + 4, base);
	return ref.target;
}

tm_addr py_code_tracing_flag(struct tm_mem *mem, const struct tm_image *image,
			     tm_addr base)
{
	struct tm_symbol untrack;

	if (!tm_image_dynsym(image, "PyTraceMalloc_Untrack", &untrack))
		return 0;
	return py_code_first_variable(mem, image, &untrack, base);
}

size_t py_code_variables(struct tm_mem *mem, const struct tm_image *image,
			 tm_addr code, tm_addr base, tm_addr *ret, size_t max)
{
	enum { MAX_REFS = 64 };
	struct py_ref refs[MAX_REFS];
	size_t nrefs, n = 0;

	nrefs = py_code_refs(mem, image, code, FUNCTION_LIMIT, refs, MAX_REFS);
	for (size_t i = 0; i < nrefs && n < max; i++) {
		tm_addr target = refs[i].target;
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
