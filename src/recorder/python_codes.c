/*
 * Code objects of CPython: what they say is copied when a frame of theirs is
 * first seen, and found again by content. So it does not matter when one is
 * freed and another takes its place, and no reference is held.
 *
 * Records are appended, then linked into a hash bucket by one compare-and-swap,
 * as stacks are (stack.c).
 */
#include "recorder.h"

/* What a record keeps, where it stands in the program. */
struct text {
	const unsigned char *bytes;
	uint32_t size;
	uint32_t kind;
};

/* What a code object says without a look at its texts. */
struct code_says {
	uint64_t filename, name, lines;
	int32_t first_line;
};

typedef uint64_t __attribute__((aligned(1), may_alias)) any_u64;

static inline struct tm_recorder_py_record *record_at(uint32_t id)
{
	return table_at(table()->codes + (uint64_t)id * 8);
}

/* ---- bytes -------------------------------------------------------------------- */

static inline uint64_t eight_at(const unsigned char *bytes)
{
	return *(const any_u64 *)bytes;
}

static inline uint64_t rest_at(const unsigned char *bytes, uint32_t n)
{
	uint64_t rest = 0;

	while (n--)
		rest = rest << 8 | bytes[n];
	return rest;
}

static uint32_t hash_text(const struct text *text)
{
	uint64_t hash = (uint64_t)text->size << 8 | text->kind;
	uint32_t i = 0;

	for (; i + 8 <= text->size; i += 8) {
		hash = (hash ^ eight_at(text->bytes + i)) * 0xd6e8feb86659fd93u;
		hash ^= hash >> 29;
	}
	hash ^= rest_at(text->bytes + i, text->size - i);
	return (uint32_t)(mix(hash) >> 16);
}

static bool record_is(const struct tm_recorder_py_record *record, const struct text *text)
{
	uint32_t i = 0;

	if (record->kind != text->kind || record->size != text->size)
		return false;
	for (; i + 8 <= text->size; i += 8)
		if (eight_at(record->bytes + i) != eight_at(text->bytes + i))
			return false;
	return rest_at(record->bytes + i, text->size - i) ==
	       rest_at(text->bytes + i, text->size - i);
}

/* ---- records ------------------------------------------------------------------ */

/* Look from `id` on until `end`. */
static uint32_t record_between(uint32_t id, uint32_t end, const struct text *text,
			       uint32_t hash)
{
	while (id && id != end) {
		const struct tm_recorder_py_record *record = record_at(id);

		if (record->hash == hash && record_is(record, text))
			return id;
		id = record->next;
	}
	return 0;
}

/* The area holds whole words, so the last may be written whole, too. */
static void copy_text(unsigned char *to, const struct text *text)
{
	uint32_t i = 0;

	for (; i + 8 <= text->size; i += 8)
		*(any_u64 *)(to + i) = eight_at(text->bytes + i);
	if (i < text->size)
		*(any_u64 *)(to + i) = rest_at(text->bytes + i, text->size - i);
}

/* A record that nothing refers to yet; 0 if the area is full. */
static uint32_t record_append(const struct text *text, uint32_t hash)
{
	struct tm_recorder_table *t = table();
	struct tm_recorder_py_record *record;
	uint64_t size = sizeof(*record) + (text->size + 7ull) / 8 * 8, at;

	if (__atomic_load_n(&t->code_tail, __ATOMIC_RELAXED) + size > t->codes_size)
		return 0;
	at = __atomic_fetch_add(&t->code_tail, size, __ATOMIC_RELAXED);
	if (at + size > t->codes_size)
		return 0;
	record = table_at(t->codes + at);
	*record = (struct tm_recorder_py_record){
		.hash = hash, .kind = text->kind, .size = text->size,
	};
	copy_text(record->bytes, text);
	return (uint32_t)(at / 8);
}

static uint32_t record_link(uint32_t *bucket, uint32_t head, uint32_t id,
			    const struct text *text, uint32_t hash)
{
	for (;;) {
		uint32_t seen = head, twin;

		record_at(id)->next = head;
		if (__atomic_compare_exchange_n(bucket, &head, id, false,
						__ATOMIC_RELEASE, __ATOMIC_ACQUIRE))
			return id;
		twin = record_between(head, seen, text, hash);
		if (twin)
			return twin;
	}
}

/* The id of a record of this content; 0 if there is no room. */
static uint32_t record_intern(const struct text *text)
{
	uint32_t hash = hash_text(text), head, id;
	uint32_t *bucket = (uint32_t *)table_at(table()->code_buckets) +
		(hash & ((1u << TM_PY_CODE_BUCKETS_LOG2) - 1));

	head = __atomic_load_n(bucket, __ATOMIC_ACQUIRE);
	id = record_between(head, 0, text, hash);
	if (id)
		return id;
	id = record_append(text, hash);
	return id ? record_link(bucket, head, id, text, hash) : 0;
}

/* ---- code objects -------------------------------------------------------------- */

/* A compact str, as all are that the compiler makes. */
static bool read_str(uint64_t at, struct text *ret)
{
	const struct tm_recorder_python *p = &table()->python;
	uint32_t state, kind;
	uint64_t length;

	if (!at || at % 8)
		return false;
	state = *(const uint32_t *)(at + p->str_state) >> p->str_kind_shift;
	length = *(const uint64_t *)(at + p->str_length);
	kind = state & 7;
	if ((kind != 1 && kind != 2 && kind != 4) || !(state & 8) ||
	    length > TM_PY_MAX_TEXT / kind)
		return false;
	*ret = (struct text){
		(const unsigned char *)at + (state & 16 ? p->str_ascii : p->str_compact),
		(uint32_t)length * kind, kind,
	};
	return true;
}

static bool read_bytes(uint64_t at, struct text *ret)
{
	const struct tm_recorder_python *p = &table()->python;
	uint64_t size;

	if (!at || at % 8)
		return false;
	size = *(const uint64_t *)(at + p->bytes_size);
	if (size > TM_PY_MAX_TEXT)
		return false;
	*ret = (struct text){
		(const unsigned char *)at + p->bytes_data, (uint32_t)size, TM_PY_BYTES,
	};
	return true;
}

static inline uint64_t field(uint64_t object, uint16_t offset)
{
	return *(const uint64_t *)(object + offset);
}

static inline struct code_says code_says(uint64_t code)
{
	const struct tm_recorder_python *p = &table()->python;

	return (struct code_says){
		.filename = field(code, p->code_filename),
		.name = field(code, p->code_name),
		.lines = field(code, p->code_lines),
		.first_line = *(const int32_t *)(code + p->code_firstlineno),
	};
}

int32_t code_first_traceable(uint64_t code)
{
	uint16_t at = table()->python.code_firsttraceable;

	return at == TM_PY_ABSENT ? 0 : *(const int32_t *)(code + at);
}

static uint32_t code_intern(uint64_t code, const struct code_says *says)
{
	struct tm_recorder_py_code content = {
		.first_line = says->first_line,
		.first_traceable = code_first_traceable(code),
	};
	const struct text all = {
		(const unsigned char *)&content, sizeof(content), TM_PY_CODE,
	};
	struct text text;

	if ((read_str(says->filename, &text) && !(content.filename = record_intern(&text))) ||
	    (read_str(says->name, &text) && !(content.name = record_intern(&text))) ||
	    (read_bytes(says->lines, &text) && !(content.lines = record_intern(&text))))
		return 0;
	return record_intern(&all);
}

/* ---- the cache -------------------------------------------------------------------- */

static inline struct tm_recorder_py_cached *cached_for(uint64_t code)
{
	return (struct tm_recorder_py_cached *)table_at(table()->code_cache) +
	       (mix(code) & ((1u << TM_PY_CODE_CACHE_LOG2) - 1));
}

/* What the cache has for this very code object; 0: nothing. */
static uint32_t cached_id(const struct tm_recorder_py_cached *cached, uint64_t code,
			  const struct code_says *says)
{
	uint64_t seq = __atomic_load_n(&cached->seq, __ATOMIC_ACQUIRE);
	bool fits = cached->code == code && cached->filename == says->filename &&
		    cached->name == says->name && cached->lines == says->lines &&
		    cached->first_line == says->first_line;
	uint32_t id = cached->id;

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return fits && !(seq & 1) &&
	       __atomic_load_n(&cached->seq, __ATOMIC_RELAXED) == seq ? id : 0;
}

/* Who comes second leaves it. */
static void cache_store(struct tm_recorder_py_cached *cached, uint64_t code,
			const struct code_says *says, uint32_t id)
{
	uint64_t seq = __atomic_load_n(&cached->seq, __ATOMIC_RELAXED);

	if (seq & 1 || !__atomic_compare_exchange_n(&cached->seq, &seq, seq + 1, false,
						    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	cached->code = code;
	cached->filename = says->filename;
	cached->name = says->name;
	cached->lines = says->lines;
	cached->first_line = says->first_line;
	cached->id = id;
	__atomic_store_n(&cached->seq, seq + 2, __ATOMIC_RELEASE);
}

static bool text_still(uint32_t id, bool known, const struct text *text)
{
	return known ? id && record_is(record_at(id), text) : !id;
}

/* Does the record still say what the code object does? Its address and those of
 * its texts may be others' by now. */
static bool code_still(uint32_t id, uint64_t code, const struct code_says *says)
{
	const struct tm_recorder_py_code *was =
		(const struct tm_recorder_py_code *)record_at(id)->bytes;
	struct text text;

	return was->first_traceable == code_first_traceable(code) &&
	       text_still(was->lines, read_bytes(says->lines, &text), &text) &&
	       text_still(was->name, read_str(says->name, &text), &text) &&
	       text_still(was->filename, read_str(says->filename, &text), &text);
}

uint32_t code_id(uint64_t code)
{
	const struct code_says says = code_says(code);
	struct tm_recorder_py_cached *cached = cached_for(code);
	uint32_t id = cached_id(cached, code, &says);

	if (likely(id) && (!table()->sample_bytes || code_still(id, code, &says)))
		return id;
	id = code_intern(code, &says);
	if (id)
		cache_store(cached, code, &says, id);
	else
		__atomic_fetch_add(&table()->lost_codes, 1, __ATOMIC_RELAXED);
	return id;
}

/*
 * Exact mode sees the end of each block, and so that of each code object, which is
 * where its block is: its type still stands there. What is not known to be one
 * may be as short as a word, and end where memory does.
 */
static inline bool may_be_code(uint64_t address)
{
	enum { SMALLEST_PAGE = 4096 };
	const struct tm_recorder_python *p = &table()->python;

	return address % SMALLEST_PAGE > SMALLEST_PAGE - 8u - p->object_type ||
	       field(address, p->object_type) == p->code_type;
}

void code_ends(uint64_t address)
{
	struct tm_recorder_py_cached *cached;

	if (likely(!may_be_code(address)))
		return;
	__atomic_fetch_add(&table()->code_ends, 1, __ATOMIC_RELAXED);
	cached = cached_for(address);
	if (cached->code == address)
		cache_store(cached, 0, &(struct code_says){ 0 }, 0);
}
