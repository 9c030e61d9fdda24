/*
 * The entries of a dict in another process, read a piece at a time: no entry
 * is held longer than it is examined, however large the table claims to be.
 *
 * In the memory of a running process, a table may be replaced while it is
 * read: the result is then some pointers, which the caller checks like any
 * others.
 */
#ifndef TM_PY_DICT_H
#define TM_PY_DICT_H

#include "py/runtime.h"

/* The shape of a table of keys (PyDictKeysObject). */
struct py_keys {
	uint64_t entries;        /* where they begin in it */
	uint64_t n;              /* used ones; a value of NULL: deleted, or elsewhere */
	unsigned stride;
	unsigned key;            /* where it is in an entry; its value follows */
};

/* From its first bytes, of which PY_KEYS_HEAD are enough. False: it is impossible. */
enum { PY_KEYS_HEAD = 40 };
bool py_keys_parse(const struct py_dict_layout *layout, const char *head, size_t len,
		   struct py_keys *ret) TM_MUST_CHECK;
bool py_keys_read(struct tm_mem *mem, const struct py_dict_layout *layout, tm_addr at,
		  struct py_keys *ret) TM_MUST_CHECK;

struct py_dict_iter {
	struct tm_mem *mem;
	const struct py_dict_layout *layout;
	tm_addr entries;         /* those not examined yet */
	tm_addr values;          /* of a split table; 0: they are in the entries */
	uint64_t left;
	unsigned entry_size, key_at;
	bool faulted;            /* it ended because memory could not be read */
	size_t n, at;            /* entries in `piece`, and the next of them */
	char piece[4096], value_piece[4096 / 16 * 8];
};

struct py_dict_entry {
	tm_addr key, value;
};

/* False if it is neither a dict nor an object of a subclass. */
bool py_dict_begin(struct tm_mem *mem, const struct py_runtime *runtime,
		   tm_addr dict, struct py_dict_iter *ret) TM_MUST_CHECK;

/* Those of an instance without a dict: a table of keys, and values beside it. */
bool py_dict_begin_split(struct tm_mem *mem, const struct py_runtime *runtime,
			 tm_addr keys, tm_addr values, struct py_dict_iter *ret) TM_MUST_CHECK;

/* The next entry that is in use, in the order of insertion; false at the end. */
bool py_dict_next(struct py_dict_iter *iter,
		  struct py_dict_entry *ret) TM_MUST_CHECK;

/* The value of a key that is a str of ASCII, among the entries that are left; false if
 * there is none. */
bool py_dict_search(struct py_dict_iter *iter, const struct py_runtime *runtime,
		    const char *key, tm_addr *ret) TM_MUST_CHECK;

/* The same of a whole dict. */
bool py_dict_find(struct tm_mem *mem, const struct py_runtime *runtime,
		  tm_addr dict, const char *key, tm_addr *ret) TM_MUST_CHECK;

#endif
