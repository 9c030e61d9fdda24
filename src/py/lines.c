#include "py/lines.h"

#include <stdbool.h>

/* A line table, as ranges of instructions that follow each other. */
struct ranges {
	const uint8_t *bytes;
	size_t len, at;
	int64_t line;       /* so far */
	/* The one that was read last, in bytes of code, and its line; 0: it has none. */
	int64_t start, end;
	int64_t own;
};

/* Objects/codeobject.c, 3.7 to 3.9: unsigned steps of bytes, then signed ones of
 * lines; what comes after the last step has a line, too. */
static bool next_lnotab(struct ranges *self)
{
	if (self->end == INT64_MAX)
		return false;
	self->start = self->end;
	self->own = self->line;
	if (self->len - self->at < 2) {
		self->end = INT64_MAX;
		return true;
	}
	self->end += self->bytes[self->at];
	self->line += (int8_t)self->bytes[self->at + 1];
	self->at += 2;
	return true;
}

/* Objects/lnotab_notes.txt, 3.10: -128 says that the range has no line. */
static bool next_range(struct ranges *self)
{
	int8_t step;

	if (self->len - self->at < 2)
		return false;
	step = (int8_t)self->bytes[self->at + 1];
	self->start = self->end;
	self->end += self->bytes[self->at];
	if (step != -128)
		self->line += step;
	self->own = step == -128 ? 0 : self->line;
	self->at += 2;
	return true;
}

static uint32_t varint(struct ranges *self)
{
	uint32_t value = 0;

	for (unsigned shift = 0; self->at < self->len && shift < 32; shift += 6) {
		uint8_t byte = self->bytes[self->at++];

		value |= (uint32_t)(byte & 0x3f) << shift;
		if (!(byte & 0x40))
			break;
	}
	return value;
}

static int64_t svarint(struct ranges *self)
{
	uint32_t value = varint(self);

	return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

/* Objects/locations.md, 3.11 on: kinds of entries. */
enum { ONE_LINE_0 = 10, ONE_LINE_2 = 12, NO_COLUMNS = 13, LONG = 14, NONE = 15 };

static bool next_location(struct ranges *self)
{
	uint8_t head;
	unsigned kind;

	if (self->at == self->len)
		return false;
	head = self->bytes[self->at++];
	kind = head >> 3 & 15;
	if (kind == LONG || kind == NO_COLUMNS)
		self->line += svarint(self);
	else if (kind >= ONE_LINE_0 && kind <= ONE_LINE_2)
		self->line += kind - ONE_LINE_0;
	self->start = self->end;
	self->end += ((head & 7) + 1) * 2;
	self->own = kind == NONE ? 0 : self->line;
	/* The rest of the entry: every entry's head has bit 7 set. */
	while (self->at < self->len && !(self->bytes[self->at] & 0x80))
		self->at++;
	return true;
}

static bool next(enum py_lines_kind kind, struct ranges *self)
{
	switch (kind) {
	case PY_LINES_LNOTAB: return next_lnotab(self);
	case PY_LINES_RANGES: return next_range(self);
	case PY_LINES_LOCATIONS: return next_location(self);
	}
	return false;
}

/* ---- the questions ----------------------------------------------------------------- */

static uint32_t valid(int64_t line)
{
	return line > 0 && line <= INT32_MAX ? (uint32_t)line : 0;
}

uint32_t py_line_at(enum py_lines_kind kind, const uint8_t *table, size_t len,
		    uint32_t firstlineno, int64_t at)
{
	struct ranges ranges = { .bytes = table, .len = len, .line = firstlineno };

	if (at < 0)
		return valid(firstlineno);
	while (next(kind, &ranges))
		if (ranges.end > at)
			return valid(ranges.own);
	return 0;
}

/* A range of no bytes has no instructions of its line. */
void py_lines_each(enum py_lines_kind kind, const uint8_t *table, size_t len,
		   uint32_t firstlineno, void (*line)(void *ctx, uint32_t line), void *ctx)
{
	struct ranges ranges = { .bytes = table, .len = len, .line = firstlineno };

	while (next(kind, &ranges))
		if (ranges.end > ranges.start && valid(ranges.own))
			line(ctx, valid(ranges.own));
}
