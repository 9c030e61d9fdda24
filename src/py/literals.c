/* Keys of dicts as Python writes them. */
#include <inttypes.h>

#include "base/guard.h"
#include "py/census_private.h"
#include "py/int.h"
#include "py/str.h"

enum {
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
	int64_t value;

	if (!py_int_read(census->mem, &census->runtime, at, &value))
		return false;
	tm_buf_addf(ret, "%" PRId64, value);
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
