#include "py/str.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"

enum {
	/* PyVarObject of a type: tp_name follows the header and ob_size;
	 * tp_basicsize follows tp_name. */
	TYPE_NAME_AFTER_HEADER = 8,
	HEADER = 16,
	HEADER_LARGE = 32,
	MAX_NAME = 1 << 20, /* characters; PATH_MAX is 4096 */
	MAX_HEAD = 128,
};

static bool type_is_str(struct tm_mem *mem, tm_addr type, unsigned header,
			uint64_t *ret_basicsize)
{
	char text[4] = "";
	struct tm_err err;
	tm_addr name;

	return tm_mem_u64(mem, type + header + TYPE_NAME_AFTER_HEADER, &name, &err) &&
	       tm_mem_read_some(mem, name, text, sizeof(text)) == sizeof(text) &&
	       memcmp(text, "str", 4) == 0 &&
	       tm_mem_u64(mem, type + header + TYPE_NAME_AFTER_HEADER + 8,
			  ret_basicsize, &err);
}

bool py_str_layout_find(struct tm_mem *mem, tm_addr unicode_type,
			const struct py_layout *layout, bool free_threaded,
			struct py_str_layout *ret, struct tm_err *err)
{
	/* PyASCIIObject: length, hash, state (with padding)[, wstr]; then
	 * PyCompactUnicodeObject: utf8_length, utf8[, wstr_length]; then the
	 * pointer of PyUnicodeObject. */
	uint16_t ascii = layout->str_has_wstr ? 32 : 24;
	uint16_t compact = layout->str_has_wstr ? 56 : 40;
	uint16_t header = HEADER;
	uint64_t basicsize = 0;

	if (!type_is_str(mem, unicode_type, HEADER, &basicsize)) {
		header = HEADER_LARGE;
		if (!type_is_str(mem, unicode_type, HEADER_LARGE, &basicsize))
			return tm_err_set(err, TM_ERR_UNSUPPORTED, "PyUnicode_Type",
					  "unknown layout of type objects");
	}
	if (basicsize != (uint64_t)header + compact + 8)
		return tm_err_set(err, TM_ERR_UNSUPPORTED, "PyUnicode_Type",
				  "unknown layout of str: basic size %" PRIu64,
				  basicsize);
	*ret = (struct py_str_layout){
		.type = unicode_type,
		.ob_type = header - 8,
		.length = header,
		.state = header + 16,
		.ascii = header + ascii,
		.compact = header + compact,
		.pointer = header + compact,
		.wide_interned = free_threaded && layout->str_wide_interned,
	};
	return true;
}

struct str_head {
	uint64_t length;
	unsigned kind;     /* bytes per character */
	bool compact, ascii;
	tm_addr data;
};

static bool implausible(tm_addr at, struct tm_err *err)
{
	return tm_err_set(err, TM_ERR_CORRUPT, "",
			  "no str object at 0x%" PRIx64, at);
}

/* A subclass of str has another type, itself an object whose type is a type:
 * readable, and with a basic size that is no smaller than str's. */
static bool plausible_type(struct tm_mem *mem, const struct py_str_layout *str,
			   tm_addr type)
{
	uint64_t basicsize;
	struct tm_err err;

	if (type == str->type)
		return true;
	return tm_mem_u64(mem, type + str->length + TYPE_NAME_AFTER_HEADER + 8,
			  &basicsize, &err) &&
	       basicsize >= (uint64_t)str->pointer + 8 && basicsize < 65536;
}

static bool read_head(struct tm_mem *mem, const struct py_str_layout *str,
		      tm_addr at, struct str_head *ret, struct tm_err *err)
{
	char bytes[MAX_HEAD];
	size_t size = (size_t)str->pointer + 8;
	unsigned shift = str->wide_interned ? 8 : 2;
	size_t got = tm_mem_read_some(mem, at, bytes, size);
	uint32_t state;

	/* A short ASCII string may end before the pointer would. */
	if (got < str->ascii)
		return implausible(at, err);
	memset(bytes + got, 0, size - got);
	state = tm_load_u32(bytes, str->state);
	*ret = (struct str_head){
		.length = tm_load_u64(bytes, str->length),
		.kind = state >> shift & 7,
		.compact = state >> (shift + 3) & 1,
		.ascii = state >> (shift + 4) & 1,
	};
	if (ret->length > MAX_NAME ||
	    (ret->kind != 1 && ret->kind != 2 && ret->kind != 4) ||
	    !plausible_type(mem, str, tm_load_u64(bytes, str->ob_type)))
		return implausible(at, err);
	if (!ret->compact)
		ret->data = tm_load_u64(bytes, str->pointer);
	else
		ret->data = at + (ret->ascii ? str->ascii : str->compact);
	return true;
}

static void add_utf8(struct tm_buf *buf, uint32_t c)
{
	char out[4];
	size_t n;

	if (c < 0x80) {
		out[0] = (char)c;
		n = 1;
	} else if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		n = 2;
	} else if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		n = 3;
	} else {
		out[0] = (char)(0xf0 | c >> 18);
		out[1] = (char)(0x80 | (c >> 12 & 0x3f));
		out[2] = (char)(0x80 | (c >> 6 & 0x3f));
		out[3] = (char)(0x80 | (c & 0x3f));
		n = 4;
	}
	tm_buf_add(buf, out, n);
}

static uint32_t char_at(const char *data, unsigned kind, size_t i)
{
	if (kind == 1)
		return tm_load_u8(data, i);
	if (kind == 2)
		return tm_load_u16(data, i * 2);
	return tm_load_u32(data, i * 4);
}

bool py_str_read(struct tm_mem *mem, const struct py_str_layout *str,
		 tm_addr at, struct tm_buf *ret, struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) char *data = NULL;
	struct str_head head = { 0 };

	if (!read_head(mem, str, at, &head, err))
		return false;
	data = tm_malloc((size_t)head.length * head.kind);
	if (!tm_mem_read(mem, head.data, data, (size_t)head.length * head.kind,
			 err))
		return false;
	tm_buf_room(ret, (size_t)head.length * 2)[0] = '\0';
	for (size_t i = 0; i < head.length; i++) {
		uint32_t c = char_at(data, head.kind, i);

		if (c > 0x10ffff)
			return implausible(at, err);
		add_utf8(ret, c);
	}
	return true;
}

static bool read_utf8(struct tm_mem *mem, tm_addr at, struct tm_buf *ret,
		      struct tm_err *err)
{
	enum { PIECE = 256 };
	char bytes[PIECE];

	while (ret->len < MAX_NAME) {
		/* Not across a page that may not exist. */
		size_t want = TM_PAGE - (size_t)((at + ret->len) % TM_PAGE);
		size_t got;
		char *end;

		if (want > PIECE)
			want = PIECE;
		got = tm_mem_read_some(mem, at + ret->len, bytes, want);
		if (got == 0)
			break;
		end = memchr(bytes, '\0', got);
		tm_buf_add(ret, bytes, end ? (size_t)(end - bytes) : got);
		if (end)
			return true;
	}
	return tm_err_set(err, TM_ERR_CORRUPT, "",
			  "no file name at 0x%" PRIx64, at);
}

bool py_filename_read(struct tm_mem *mem, const struct py_runtime *runtime,
		      tm_addr at, struct tm_buf *ret, struct tm_err *err)
{
	if (runtime->layout->filename == PY_FILENAME_UTF8)
		return read_utf8(mem, at, ret, err);
	return py_str_read(mem, &runtime->str, at, ret, err);
}
