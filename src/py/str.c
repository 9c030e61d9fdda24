#include "py/str.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "base/utf8.h"

enum {
	EMPTY_AFTER_DOMAINS = 8, /* pycore_tracemalloc.h, 3.12 on */
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
 * readable, and with a basic size not smaller than str's. */
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

unsigned py_str_kind_shift(const struct py_str_layout *str)
{
	return str->wide_interned ? 8 : 2;
}

static bool read_head(struct tm_mem *mem, const struct py_str_layout *str,
		      tm_addr at, struct str_head *ret, struct tm_err *err)
{
	char bytes[MAX_HEAD];
	size_t size = (size_t)str->pointer + 8;
	unsigned shift = py_str_kind_shift(str);
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

static uint32_t char_at(const char *data, unsigned kind, size_t i)
{
	if (kind == 1)
		return tm_load_u8(data, i);
	if (kind == 2)
		return tm_load_u16(data, i * 2);
	return tm_load_u32(data, i * 4);
}

bool py_chars_to_utf8(const char *data, unsigned kind, size_t n, struct tm_buf *ret)
{
	tm_buf_room(ret, n * 2)[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		uint32_t c = char_at(data, kind, i);

		if (c > 0x10ffff)
			return false;
		tm_utf8_encode(ret, c);
	}
	return true;
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
	return py_chars_to_utf8(data, head.kind, head.length, ret) || implausible(at, err);
}

bool py_str_equals(struct tm_mem *mem, const struct py_str_layout *str,
		   tm_addr at, const char *text, size_t len)
{
	TM_GUARD(tm_buf_free) struct tm_buf own = { 0 };
	struct str_head head = { 0 };
	struct tm_err err;

	/* A character is one to four bytes of UTF-8. */
	return read_head(mem, str, at, &head, &err) &&
	       head.length <= len && head.length >= len / 4 &&
	       (head.length == len || !head.ascii) &&
	       py_str_read(mem, str, at, &own, &err) && own.len == len &&
	       memcmp(own.data, text, len) == 0;
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

/* Names that are not UTF-8 are none: these bytes are something else. */
static bool read_c_string(struct tm_mem *mem, tm_addr at, struct tm_buf *ret,
			  struct tm_err *err)
{
	return read_utf8(mem, at, ret, err) &&
	       (tm_utf8_is_text(ret->data, ret->len) ||
		tm_err_set(err, TM_ERR_CORRUPT, "", "no file name at 0x%" PRIx64, at));
}

static bool is_str(struct tm_mem *mem, const struct py_str_layout *str, tm_addr at)
{
	struct tm_err err;
	uint64_t type;

	return tm_mem_u64(mem, at + str->ob_type, &type, &err) && type == str->type;
}

/* What is there if it is a name. */
static bool tell_kind(struct tm_mem *mem, const struct py_runtime *runtime,
		      tm_addr at, struct tm_buf *text, enum py_filename_kind *ret)
{
	struct tm_err err;

	tm_buf_clear(text);
	*ret = is_str(mem, &runtime->str, at) ? PY_FILENAME_STR : PY_FILENAME_UTF8;
	if (*ret == PY_FILENAME_STR)
		return py_str_read(mem, &runtime->str, at, text, &err);
	/* The count of references in front of another object can look like a
	 * short string. */
	return read_c_string(mem, at, text, &err) && text->len > 1 &&
	       (unsigned char)text->data[0] >= ' ';
}

/* The traceback of code without frames: one frame in "<unknown>". It is there
 * from the beginning, in the state or behind a pointer. */
static bool told_by_empty(struct tm_mem *mem, const struct py_runtime *runtime,
			  enum py_filename_kind *ret)
{
	static const char unknown[] = "<unknown>";
	const struct py_layout *layout = runtime->layout;
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	tm_addr empty[2] = { runtime->roots.domains + EMPTY_AFTER_DOMAINS, 0 };
	struct tm_err err;

	if (!tm_mem_u64(mem, empty[0], &empty[1], &err))
		return false;
	for (int i = 0; i < 2; i++) {
		tm_addr name, at = empty[i] + layout->traceback.frames +
				   layout->frame.filename;

		if (tm_mem_u64(mem, at, &name, &err) &&
		    tell_kind(mem, runtime, name, &text, ret) &&
		    text.len == sizeof(unknown) - 1 &&
		    memcmp(text.data, unknown, text.len) == 0)
			return true;
	}
	return false;
}

bool py_filename_kind(struct tm_mem *mem, const struct py_runtime *runtime,
		      const tm_addr *names, size_t n, enum py_filename_kind *ret,
		      struct tm_err *err)
{
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };

	*ret = runtime->layout->filename;
	if (*ret != PY_FILENAME_TOLD || told_by_empty(mem, runtime, ret))
		return true;
	for (size_t i = 0; i < n; i++)
		if (tell_kind(mem, runtime, names[i], &text, ret))
			return true;
	return tm_err_set(err, TM_ERR_UNSUPPORTED, runtime->name,
			  "unknown layout: its file names are neither str objects "
			  "nor C strings");
}

bool py_filename_read(struct tm_mem *mem, const struct py_runtime *runtime,
		      enum py_filename_kind kind, tm_addr at, struct tm_buf *ret,
		      struct tm_err *err)
{
	if (kind == PY_FILENAME_UTF8)
		return read_c_string(mem, at, ret, err);
	return py_str_read(mem, &runtime->str, at, ret, err);
}
