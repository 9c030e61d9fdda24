#include "model/pattern.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "tmattach/stats.h"

/*
 * The code point at *at, which moves past it. Lone surrogates are code points
 * like others; a byte that is not UTF-8 counts as one beyond Unicode.
 */
static uint32_t next_char(const char **at, const char *end)
{
	const unsigned char *p = (const unsigned char *)*at;
	size_t extra = p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 : 3;
	uint32_t c = p[0] & (0x3fu >> extra);

	if (p[0] < 0x80) {
		*at += 1;
		return p[0];
	}
	if (!extra || extra >= (size_t)(end - *at)) {
		*at += 1;
		return 0x110000u + p[0];
	}
	for (size_t i = 1; i <= extra; i++)
		c = c << 6 | (p[i] & 0x3fu);
	*at += extra + 1;
	return c;
}

static struct pattern_op *add_op(struct pattern *p, int kind, size_t value)
{
	struct pattern_op *op;

	p->ops = tm_grow(p->ops, &p->ops_cap, p->nops + 1, sizeof(*p->ops));
	op = &p->ops[p->nops++];
	*op = (struct pattern_op){ .kind = kind, .value = value };
	return op;
}

static void add_range(struct pattern *p, uint32_t first, uint32_t last)
{
	p->ranges = tm_grow(p->ranges, &p->ranges_cap, p->nranges + 1,
			    sizeof(*p->ranges));
	p->ranges[p->nranges++] = (struct pattern_range){ first, last };
}

/*
 * The text between brackets: `chars` in pieces. Between the last character
 * of one piece and the first of the next there was a hyphen that means a
 * range. `cut` holds where each piece begins.
 */
struct set {
	uint32_t *chars;
	size_t n;
	size_t *cuts;
	size_t ncuts;
};

/* Cut at each hyphen that has a character on both sides to range over. */
static void cut_set(struct set *set, const uint32_t *text, size_t n)
{
	size_t piece = 0;
	size_t hyphen = n && text[0] == '!' ? 2 : 1;

	set->cuts[set->ncuts++] = 0;
	for (;; hyphen += 3) {
		while (hyphen < n && text[hyphen] != '-')
			hyphen++;
		if (hyphen >= n)
			break;
		memcpy(&set->chars[set->n], &text[piece],
		       (hyphen - piece) * sizeof(*text));
		set->n += hyphen - piece;
		piece = hyphen + 1;
		set->cuts[set->ncuts++] = set->n;
	}
	if (piece < n) {
		memcpy(&set->chars[set->n], &text[piece],
		       (n - piece) * sizeof(*text));
		set->n += n - piece;
	} else if (set->ncuts > 1) { /* a trailing hyphen is literal */
		set->ncuts--;
		set->chars[set->n++] = '-';
	}
}

static void drop_chars(struct set *set, size_t at, size_t n)
{
	memmove(&set->chars[at], &set->chars[at + n],
		(set->n - at - n) * sizeof(*set->chars));
	set->n -= n;
}

/* Inverted ranges vanish with both their ends, the rightmost first (3.10+). */
static void drop_inverted(struct set *set)
{
	for (size_t k = set->ncuts - 1; k > 0; k--) {
		size_t at = set->cuts[k];

		if (set->chars[at - 1] <= set->chars[at])
			continue;
		drop_chars(set, at - 1, 2);
		memmove(&set->cuts[k], &set->cuts[k + 1],
			(set->ncuts - k - 1) * sizeof(*set->cuts));
		set->ncuts--;
		for (size_t i = k; i < set->ncuts; i++)
			set->cuts[i] -= 2;
	}
}

/*
 * A '!' that is first now negates, even if it was exposed only by what
 * vanished before it. If it was the lower end of a range, what is left of
 * that range is its hyphen.
 */
static bool take_negation(struct set *set)
{
	if (!set->n || set->chars[0] != '!')
		return false;
	if (set->ncuts > 1 && set->cuts[1] == 1) {
		set->chars[0] = '-';
		memmove(&set->cuts[1], &set->cuts[2],
			(set->ncuts - 2) * sizeof(*set->cuts));
		set->ncuts--;
		return true;
	}
	drop_chars(set, 0, 1);
	for (size_t k = 1; k < set->ncuts; k++)
		set->cuts[k]--;
	return true;
}

static void add_set(struct pattern *p, const uint32_t *text, size_t n)
{
	struct set set = {
		.chars = tm_reallocarray(NULL, n + 1, sizeof(*set.chars)),
		.cuts = tm_reallocarray(NULL, n + 1, sizeof(*set.cuts)),
	};
	struct pattern_op *op;
	size_t first = p->nranges;
	bool negated;

	cut_set(&set, text, n);
	drop_inverted(&set);
	negated = take_negation(&set);
	for (size_t i = 0; i < set.n; i++)
		add_range(p, set.chars[i], set.chars[i]);
	for (size_t k = 1; k < set.ncuts; k++)
		add_range(p, set.chars[set.cuts[k] - 1],
			  set.chars[set.cuts[k]]);
	op = add_op(p, PATTERN_SET, first);
	op->n = p->nranges - first;
	op->negated = negated;
	free(set.chars);
	free(set.cuts);
}

/* Where the set that begins after the bracket ends; n if it does not. */
static size_t set_end(const uint32_t *chars, size_t i, size_t n)
{
	if (i < n && chars[i] == '!')
		i++;
	if (i < n && chars[i] == ']')
		i++;
	while (i < n && chars[i] != ']')
		i++;
	return i;
}

static void compile(struct pattern *p, const uint32_t *chars, size_t n)
{
	/* Behind an unterminated bracket no other is terminated either. */
	bool closed = true;

	for (size_t i = 0; i < n; i++) {
		size_t end = n;

		if (chars[i] == '[' && closed) {
			end = set_end(chars, i + 1, n);
			closed = end < n;
		}
		if (end < n) {
			add_set(p, &chars[i + 1], end - i - 1);
			i = end;
		} else if (chars[i] == '*') {
			if (!p->nops || p->ops[p->nops - 1].kind != PATTERN_STAR)
				add_op(p, PATTERN_STAR, 0);
		} else if (chars[i] == '?') {
			add_op(p, PATTERN_ANY, 0);
		} else {
			add_op(p, PATTERN_CHAR, chars[i]);
		}
	}
}

void pattern_init(struct pattern *pattern, struct tm_text text)
{
	uint32_t *chars = tm_reallocarray(NULL, text.len, sizeof(*chars));
	const char *at = text.bytes;
	const char *end = text.len ? text.bytes + text.len : at;
	size_t n = 0;

	*pattern = (struct pattern){ 0 };
	while (at != end)
		chars[n++] = next_char(&at, end);
	compile(pattern, chars, n);
	free(chars);
}

void pattern_free(struct pattern *pattern)
{
	free(pattern->ops);
	free(pattern->ranges);
	*pattern = (struct pattern){ 0 };
}

static bool match_one(const struct pattern *p, const struct pattern_op *op,
		      uint32_t c)
{
	const struct pattern_range *range;

	if (op->kind == PATTERN_CHAR)
		return c == op->value;
	if (op->kind != PATTERN_SET)
		return op->kind == PATTERN_ANY;
	range = p->ranges ? &p->ranges[op->value] : NULL;
	for (size_t i = 0; i < op->n; i++)
		if (range[i].first <= c && c <= range[i].last)
			return !op->negated;
	return op->negated;
}

/*
 * After a mismatch only the latest star need take one character more: what an
 * earlier star could give, the latest one can give as well.
 */
bool pattern_match(const struct pattern *p, struct tm_text name)
{
	const char *at = name.bytes;
	const char *end = name.len ? name.bytes + name.len : at;
	const char *star_at = NULL;
	size_t op = 0, star = SIZE_MAX;

	for (;;) {
		const char *next = at;

		if (op < p->nops && p->ops[op].kind == PATTERN_STAR) {
			star = op++;
			star_at = at;
			continue;
		}
		if (at == end && op == p->nops)
			return true;
		if (at != end && op < p->nops &&
		    match_one(p, &p->ops[op], next_char(&next, end))) {
			op++;
			at = next;
			continue;
		}
		if (at == end || star == SIZE_MAX)
			return false;
		next_char(&star_at, end);
		at = star_at;
		op = star + 1;
	}
}

bool tm_fnmatch(struct tm_text pattern, struct tm_text name)
{
	struct pattern compiled;
	bool matches;

	pattern_init(&compiled, pattern);
	matches = pattern_match(&compiled, name);
	pattern_free(&compiled);
	return matches;
}
