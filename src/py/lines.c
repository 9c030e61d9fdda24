#include "py/lines.h"

#include <stdbool.h>

/* Objects/codeobject.c, 3.7 to 3.9: unsigned steps of bytes, signed of lines. */
static int64_t line_lnotab(const uint8_t *table, size_t len, int64_t line,
			   int64_t at)
{
	int64_t addr = 0;

	for (size_t i = 0; i + 1 < len; i += 2) {
		addr += table[i];
		if (addr > at)
			break;
		line += (int8_t)table[i + 1];
	}
	return line;
}

/* Objects/lnotab_notes.txt, 3.10: -128 says that the range has no line. */
static int64_t line_ranges(const uint8_t *table, size_t len, int64_t line,
			   int64_t at)
{
	int64_t end = 0;

	for (size_t i = 0; i + 1 < len; i += 2) {
		int8_t step = (int8_t)table[i + 1];

		end += table[i];
		if (step != -128)
			line += step;
		if (end > at)
			return step == -128 ? 0 : line;
	}
	return 0;
}

struct reader {
	const uint8_t *bytes;
	size_t len, at;
};

static uint32_t varint(struct reader *reader)
{
	uint32_t value = 0;

	for (unsigned shift = 0; reader->at < reader->len && shift < 32; shift += 6) {
		uint8_t byte = reader->bytes[reader->at++];

		value |= (uint32_t)(byte & 0x3f) << shift;
		if (!(byte & 0x40))
			break;
	}
	return value;
}

static int64_t svarint(struct reader *reader)
{
	uint32_t value = varint(reader);

	return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

/* Objects/locations.md, 3.11 on: kinds of entries. */
enum { ONE_LINE_0 = 10, ONE_LINE_2 = 12, NO_COLUMNS = 13, LONG = 14, NONE = 15 };

static int64_t line_locations(const uint8_t *table, size_t len, int64_t line,
			      int64_t at)
{
	struct reader reader = { table, len, 0 };
	int64_t end = 0;

	while (reader.at < len) {
		uint8_t head = table[reader.at++];
		unsigned kind = head >> 3 & 15;

		if (kind == LONG || kind == NO_COLUMNS)
			line += svarint(&reader);
		else if (kind >= ONE_LINE_0 && kind <= ONE_LINE_2)
			line += kind - ONE_LINE_0;
		end += ((head & 7) + 1) * 2;
		if (end > at)
			return kind == NONE ? 0 : line;
		/* The rest of the entry: every entry's head has bit 7 set. */
		while (reader.at < len && !(table[reader.at] & 0x80))
			reader.at++;
	}
	return 0;
}

uint32_t py_line_at(enum py_lines_kind kind, const uint8_t *table, size_t len,
		    uint32_t firstlineno, int64_t at)
{
	int64_t line = firstlineno;

	if (at >= 0) {
		switch (kind) {
		case PY_LINES_LNOTAB:
			line = line_lnotab(table, len, line, at);
			break;
		case PY_LINES_RANGES:
			line = line_ranges(table, len, line, at);
			break;
		case PY_LINES_LOCATIONS:
			line = line_locations(table, len, line, at);
			break;
		}
	}
	return line > 0 && line <= INT32_MAX ? (uint32_t)line : 0;
}

/* ---- all of them ------------------------------------------------------------------ */

struct lines {
	int64_t line;
	void (*tell)(void *ctx, uint32_t line);
	void *ctx;
};

static void tell(const struct lines *lines, bool any)
{
	if (any && lines->line > 0 && lines->line <= INT32_MAX)
		lines->tell(lines->ctx, (uint32_t)lines->line);
}

/* A step of no bytes has no instructions of its line yet. */
static void each_lnotab(const uint8_t *table, size_t len, struct lines *lines)
{
	for (size_t i = 0; i + 1 < len; i += 2) {
		tell(lines, table[i] != 0);
		lines->line += (int8_t)table[i + 1];
	}
	tell(lines, true);
}

static void each_range(const uint8_t *table, size_t len, struct lines *lines)
{
	for (size_t i = 0; i + 1 < len; i += 2) {
		int8_t step = (int8_t)table[i + 1];

		if (step != -128)
			lines->line += step;
		tell(lines, table[i] && step != -128);
	}
}

static void each_location(const uint8_t *table, size_t len, struct lines *lines)
{
	struct reader reader = { table, len, 0 };

	while (reader.at < len) {
		unsigned kind = table[reader.at++] >> 3 & 15;

		if (kind == LONG || kind == NO_COLUMNS)
			lines->line += svarint(&reader);
		else if (kind >= ONE_LINE_0 && kind <= ONE_LINE_2)
			lines->line += kind - ONE_LINE_0;
		tell(lines, kind != NONE);
		while (reader.at < len && !(table[reader.at] & 0x80))
			reader.at++;
	}
}

void py_lines_each(enum py_lines_kind kind, const uint8_t *table, size_t len,
		   uint32_t firstlineno, void (*line)(void *ctx, uint32_t line), void *ctx)
{
	struct lines lines = { firstlineno, line, ctx };

	switch (kind) {
	case PY_LINES_LNOTAB:
		each_lnotab(table, len, &lines);
		break;
	case PY_LINES_RANGES:
		each_range(table, len, &lines);
		break;
	case PY_LINES_LOCATIONS:
		each_location(table, len, &lines);
		break;
	}
}
