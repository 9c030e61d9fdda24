/* Keys of dicts as Python writes them. */
#include "base/guard.h"
#include "py/census_private.h"
#include "py/str.h"

enum {
	INT_TAG = 16, INT_DIGIT = 24, /* 3.12 on: lv_tag; before: ob_size */
	INT_SHIFT = 30,
	TP_LONG = 1 << 24, TP_STR = 1 << 28,
};

/* As repr() writes it, except for what is printable in Unicode. */
static void add_quoted(const struct tm_buf *text, struct tm_buf *ret)
{
	tm_buf_addc(ret, '\'');
	for (size_t i = 0; i < text->len; i++) {
		unsigned char c = (unsigned char)text->data[i];

		if (c == '\'' || c == '\\')
			tm_buf_addf(ret, "\\%c", c);
		else if (c == '\n')
			tm_buf_adds(ret, "\\n");
		else if (c < ' ' || c == 0x7f)
			tm_buf_addf(ret, "\\x%02x", c);
		else
			tm_buf_addc(ret, (char)c);
	}
	tm_buf_addc(ret, '\'');
}

static bool add_int(const struct py_census *census, tm_addr at, struct tm_buf *ret)
{
	const bool tagged = census->layout->refs != PY_REFS_PLAIN;
	uint64_t word, digits, count;
	struct tm_err ignored;
	bool negative;

	if (!tm_mem_u64(census->mem, at + INT_TAG, &word, &ignored))
		return false;
	negative = tagged ? (word & 3) == 2 : (int64_t)word < 0;
	count = tagged ? word >> 3 : negative ? (uint64_t)-(int64_t)word : word;
	if (count > 2 || !tm_mem_u64(census->mem, at + INT_DIGIT, &digits, &ignored))
		return false;
	digits = (count == 0 ? 0 : digits & 0xffffffff) +
		 (count == 2 ? (digits >> 32) << INT_SHIFT : 0);
	tm_buf_addf(ret, "%s%llu", negative ? "-" : "", (unsigned long long)digits);
	return true;
}

bool py_literal(const struct py_census *census, const struct py_type *type, tm_addr at,
		struct tm_buf *ret)
{
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	struct tm_err ignored;

	if (type->flags & TP_LONG)
		return add_int(census, at, ret);
	if (!(type->flags & TP_STR) ||
	    !py_str_read(census->mem, &census->runtime.str, at, &text, &ignored))
		return false;
	add_quoted(&text, ret);
	return true;
}
