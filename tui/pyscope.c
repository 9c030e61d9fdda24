#include "pyscope.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/search.h"

#define DEPTH_MAX 64

struct scope_line {
	uint32_t lineno;   /* from this line on ... */
	const char *name;  /* ... this is the function; NULL: none */
};

struct pyscope {
	struct scope_line *lines;
	size_t n;
	char **names;
	size_t nnames;
};

struct open_block {
	unsigned indent;
	const char *name;
};

struct scan {
	struct pyscope *scope;
	const char *p, *end;
	uint32_t lineno;
	struct open_block blocks[DEPTH_MAX];
	size_t depth;
};

static const char *current_name(const struct scan *scan)
{
	return scan->depth ? scan->blocks[scan->depth - 1].name : NULL;
}

/* From `lineno` on, lines are in the innermost open block. */
static void note_line(struct scan *scan, uint32_t lineno)
{
	struct pyscope *scope = scan->scope;
	const char *name = current_name(scan);

	if (scope->n && scope->lines[scope->n - 1].name == name)
		return;
	if ((scope->n & (scope->n - 1)) == 0)
		scope->lines = tm_reallocarray(scope->lines,
					     scope->n ? scope->n * 2 : 1,
					     sizeof(*scope->lines));
	scope->lines[scope->n++] = (struct scope_line){ lineno, name };
}

static bool at_word(const struct scan *scan, const char *p, const char *word)
{
	size_t len = strlen(word);

	return (size_t)(scan->end - p) > len && memcmp(p, word, len) == 0 &&
	       (p[len] == ' ' || p[len] == '\t');
}

static const char *skip_space(const struct scan *scan, const char *p)
{
	while (p < scan->end && (*p == ' ' || *p == '\t'))
		p++;
	return p;
}

static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* The name after "def", "async def" or "class"; NULL without one of these. */
static const char *statement_name(const struct scan *scan, const char *p,
				  size_t *ret_len)
{
	const char *start;

	if (at_word(scan, p, "async"))
		p = skip_space(scan, p + 5);
	if (at_word(scan, p, "def"))
		p += 3;
	else if (at_word(scan, p, "class"))
		p += 5;
	else
		return NULL;
	start = p = skip_space(scan, p);
	while (p < scan->end && is_name_byte(*p))
		p++;
	*ret_len = (size_t)(p - start);
	return *ret_len ? start : NULL;
}

static void open_block(struct scan *scan, unsigned indent, const char *name,
		       size_t len)
{
	struct pyscope *scope = scan->scope;
	const char *outer = current_name(scan);
	size_t size = len + (outer ? strlen(outer) : 0) + 2;
	char *full;

	if (scan->depth == DEPTH_MAX || size > 512)
		return;
	full = tm_calloc(size, 1);
	snprintf(full, size, "%s%s%.*s", outer ? outer : "", outer ? "." : "",
		 (int)len, name);
	if ((scope->nnames & (scope->nnames - 1)) == 0)
		scope->names = tm_reallocarray(scope->names,
					     scope->nnames ? scope->nnames * 2 : 1,
					     sizeof(*scope->names));
	scope->names[scope->nnames++] = full;
	scan->blocks[scan->depth++] = (struct open_block){ indent, full };
}

static void skip_newline(struct scan *scan)
{
	if (scan->p < scan->end && *scan->p == '\r' && scan->p + 1 < scan->end &&
	    scan->p[1] == '\n')
		scan->p++;
	if (scan->p < scan->end) {
		scan->p++;
		scan->lineno++;
	}
}

static bool at_newline(const struct scan *scan)
{
	return *scan->p == '\n' || *scan->p == '\r';
}

static void skip_string(struct scan *scan)
{
	char quote = *scan->p;
	bool triple = scan->end - scan->p >= 3 && scan->p[1] == quote &&
		      scan->p[2] == quote;

	scan->p += triple ? 3 : 1;
	while (scan->p < scan->end) {
		if (*scan->p == '\\' && scan->p + 1 < scan->end) {
			scan->p++;
			if (at_newline(scan))
				skip_newline(scan);
			else
				scan->p++;
		} else if (at_newline(scan)) {
			if (!triple)
				return; /* unterminated: not our business */
			skip_newline(scan);
		} else if (*scan->p != quote) {
			scan->p++;
		} else if (!triple) {
			scan->p++;
			return;
		} else if (scan->end - scan->p >= 3 && scan->p[1] == quote &&
			   scan->p[2] == quote) {
			scan->p += 3;
			return;
		} else {
			scan->p++;
		}
	}
}

static void skip_comment(struct scan *scan)
{
	while (scan->p < scan->end && !at_newline(scan))
		scan->p++;
}

/* To the end of a logical line: brackets and backslashes continue it. */
static void skip_logical_line(struct scan *scan)
{
	unsigned brackets = 0;

	while (scan->p < scan->end) {
		char c = *scan->p;

		if (c == '#') {
			skip_comment(scan);
		} else if (c == '"' || c == '\'') {
			skip_string(scan);
		} else if (at_newline(scan)) {
			skip_newline(scan);
			if (brackets == 0)
				return;
		} else if (c == '\\' && scan->p + 1 < scan->end &&
			   (scan->p[1] == '\n' || scan->p[1] == '\r')) {
			scan->p++;
			skip_newline(scan);
		} else {
			brackets += c == '(' || c == '[' || c == '{';
			if (brackets && (c == ')' || c == ']' || c == '}'))
				brackets--;
			scan->p++;
		}
	}
}

static unsigned take_indent(struct scan *scan)
{
	unsigned indent = 0;

	for (; scan->p < scan->end; scan->p++) {
		if (*scan->p == ' ')
			indent++;
		else if (*scan->p == '\t')
			indent = (indent / 8 + 1) * 8;
		else if (*scan->p != '\f')
			break;
	}
	return indent;
}

static void scan_logical_line(struct scan *scan)
{
	unsigned indent = take_indent(scan);
	uint32_t lineno = scan->lineno;
	const char *name;
	size_t len = 0;

	if (scan->p >= scan->end)
		return;
	if (at_newline(scan) || *scan->p == '#') {
		skip_comment(scan);
		skip_newline(scan);
		return;
	}
	while (scan->depth && scan->blocks[scan->depth - 1].indent >= indent)
		scan->depth--;
	note_line(scan, lineno);
	name = statement_name(scan, scan->p, &len);
	skip_logical_line(scan);
	if (!name)
		return;
	open_block(scan, indent, name, len);
	note_line(scan, scan->lineno);
}

struct pyscope *pyscope_create(const char *text, size_t len)
{
	struct pyscope *scope = tm_calloc(1, sizeof(*scope));
	struct scan scan = { .scope = scope, .p = text, .end = text + len,
			     .lineno = 1 };

	while (scan.p < scan.end)
		scan_logical_line(&scan);
	return scope;
}

void pyscope_destroy(struct pyscope *scope)
{
	if (!scope)
		return;
	for (size_t i = 0; i < scope->nnames; i++)
		free(scope->names[i]);
	free(scope->names);
	free(scope->lines);
	free(scope);
}

const char *pyscope_name(const struct pyscope *scope, uint32_t lineno)
{
	size_t low = TM_LOWER_BOUND(scope->n, i, scope->lines[i].lineno <= lineno);

	return low ? scope->lines[low - 1].name : NULL;
}
