#include "session/source_charset.h"

#include <ctype.h>
#include <string.h>

#include "base/guard.h"
#include "base/search.h"
#include "base/utf8.h"
#include "encodings/charset.h"

enum { NAME_MAX_LEN = 64 };

static const struct tm_charset *find_charset(const char *name)
{
	char key[NAME_MAX_LEN + 3] = " ";
	size_t n = 1;

	for (; *name; name++)
		if (isalnum((unsigned char)*name) && n <= NAME_MAX_LEN)
			key[n++] = (char)tolower((unsigned char)*name);
	if (n == 1)
		return NULL;
	key[n] = ' ';
	for (size_t i = 0; i < tm_ncharsets; i++)
		if (strstr(tm_charsets[i].names, key))
			return &tm_charsets[i];
	return NULL;
}

static bool is_between(unsigned char byte, unsigned first, unsigned last)
{
	return byte >= first && byte <= last;
}

static uint32_t pair(const struct tm_charset *set, const unsigned char *p)
{
	return set->pairs[(size_t)(p[0] - TM_PAIR_LEAD) * TM_PAIR_TRAILS +
			  (p[1] - TM_PAIR_TRAIL)];
}

static uint32_t triple(const struct tm_charset *set, const unsigned char *p)
{
	return set->triples[(size_t)(p[1] - TM_TRIPLE_TRAIL) * TM_TRIPLE_TRAILS +
			    (p[2] - TM_TRIPLE_TRAIL)];
}

/* Four bytes count as a number with digits of their own. */
static uint32_t quad(const struct tm_charset *set, const unsigned char *p)
{
	uint32_t n = ((p[0] - 0x81u) * 10 + (p[1] - 0x30u)) * 1260 +
		     (p[2] - 0x81u) * 10 + (p[3] - 0x30u);
	const struct tm_charset_run *run;
	size_t at;

	if (n >= TM_QUADS_HIGHER)
		return n - TM_QUADS_HIGHER <= 0x10ffff - 0x10000
		       ? n - TM_QUADS_HIGHER + 0x10000 : 0;
	if (n >= TM_QUADS_BMP)
		return 0;
	at = TM_LOWER_BOUND(set->nruns, i, set->runs[i].first <= n);
	if (at == 0)
		return 0;
	run = &set->runs[at - 1];
	return run->code ? run->code + (n - run->first) : 0;
}

static bool is_quad(const struct tm_charset *set, const unsigned char *p, size_t len)
{
	return set->runs && len >= 4 && is_between(p[1], 0x30, 0x39) &&
	       is_between(p[2], 0x81, 0xfe) && is_between(p[3], 0x30, 0x39);
}

/* The length of the character at p in bytes, 0 if these are none. */
static size_t next_code(const struct tm_charset *set, const unsigned char *p,
			size_t len, uint32_t *ret)
{
	*ret = p[0];
	if (p[0] < 0x80)
		return 1;
	*ret = set->high[p[0] - 0x80];
	if (*ret != TM_CHARSET_LEAD)
		return *ret ? 1 : 0;
	*ret = 0;
	if (!set->pairs || len < 2 || !is_between(p[0], TM_PAIR_LEAD, TM_PAIR_LAST))
		return 0;
	if (is_quad(set, p, len)) {
		*ret = quad(set, p);
		return *ret ? 4 : 0;
	}
	if (set->triples && p[0] == TM_TRIPLE_LEAD) {
		if (len >= 3 && is_between(p[1], TM_TRIPLE_TRAIL, TM_PAIR_LAST) &&
		    is_between(p[2], TM_TRIPLE_TRAIL, TM_PAIR_LAST))
			*ret = triple(set, p);
		return *ret ? 3 : 0;
	}
	if (is_between(p[1], TM_PAIR_TRAIL, TM_PAIR_LAST))
		*ret = pair(set, p);
	return *ret ? 2 : 0;
}

bool tm_charset_decode(struct tm_buf *text, const char *name)
{
	TM_GUARD(tm_buf_free) struct tm_buf out = { 0 };
	const struct tm_charset *set = find_charset(name);
	const unsigned char *p = (const unsigned char *)text->data;

	if (!set)
		return false;
	for (size_t i = 0; i < text->len;) {
		uint32_t code;
		size_t n = next_code(set, p + i, text->len - i, &code);

		if (n == 0)
			return false;
		tm_utf8_encode(&out, code);
		i += n;
	}
	tm_buf_free(text);
	*text = out;
	out = (struct tm_buf){ 0 };
	return true;
}
