#include "screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "text.h"

void screen_init(struct screen *screen, bool utf8)
{
	*screen = (struct screen){ .utf8 = utf8, .cursor_row = -1 };
}

void screen_deinit(struct screen *screen)
{
	free(screen->cells);
	screen->cells = NULL;
	screen->rows = screen->cols = 0;
}

static void set_cell(struct cell *cell, enum role role, wchar_t c)
{
	memset(cell, 0, sizeof(*cell));
	cell->text[0] = c;
	cell->role = (uint8_t)role;
}

void screen_clear(struct screen *screen, int rows, int cols)
{
	rows = rows < 0 ? 0 : rows;
	cols = cols < 0 ? 0 : cols;
	if (rows != screen->rows || cols != screen->cols) {
		size_t n = (size_t)rows * (size_t)cols;

		screen->cells = tm_reallocarray(screen->cells, n,
					      sizeof(*screen->cells));
		screen->rows = rows;
		screen->cols = cols;
	}
	for (size_t i = 0; i < (size_t)rows * (size_t)cols; i++)
		set_cell(&screen->cells[i], ROLE_NORMAL, L' ');
	screen->cursor_row = -1;
	screen->cursor_col = 0;
}

static struct cell *cell_at(const struct screen *screen, int row, int col)
{
	if (row < 0 || row >= screen->rows || col < 0 || col >= screen->cols)
		return NULL;
	return &screen->cells[(size_t)row * (size_t)screen->cols + (size_t)col];
}

/* A half-overwritten wide character leaves a blank in its other half. */
static void split_wide(struct screen *screen, int row, int col)
{
	struct cell *cell = cell_at(screen, row, col);
	struct cell *left = cell_at(screen, row, col - 1);
	struct cell *right = cell_at(screen, row, col + 1);

	if (cell && cell->text[0] == 0 && left)
		set_cell(left, (enum role)left->role, L' ');
	if (cell && cell->text[0] != 0 && right && right->text[0] == 0)
		set_cell(right, (enum role)right->role, L' ');
}

void screen_char(struct screen *screen, int row, int col, enum role role,
		 wchar_t c)
{
	struct cell *cell = cell_at(screen, row, col);

	if (!cell)
		return;
	split_wide(screen, row, col);
	set_cell(cell, role, c);
}

static void put_wide(struct screen *screen, int row, int col, enum role role,
		     wchar_t c)
{
	struct cell *left = cell_at(screen, row, col);
	struct cell *right = cell_at(screen, row, col + 1);

	if (!left || !right) {
		screen_char(screen, row, col, role, L' ');
		screen_char(screen, row, col + 1, role, L' ');
		return;
	}
	split_wide(screen, row, col);
	split_wide(screen, row, col + 1);
	set_cell(left, role, c);
	set_cell(right, role, 0);
}

static void put_mark(struct screen *screen, int row, int col, wchar_t mark)
{
	struct cell *cell = cell_at(screen, row, col);

	if (cell && cell->text[0] == 0)
		cell = cell_at(screen, row, col - 1);
	for (int i = 1; cell && i < CELL_CHARS; i++)
		if (cell->text[i] == 0) {
			cell->text[i] = mark;
			return;
		}
}

/* Returns the columns used, -1 if the glyph does not fit any more. */
static int put_glyph(struct screen *screen, int row, int col, int left,
		     enum role role, const struct glyph *glyph)
{
	if (glyph->width > left)
		return -1;
	if (glyph->c == 0)
		for (int i = 0; i < glyph->width; i++)
			screen_char(screen, row, col + i, role,
				    (wchar_t)glyph->escape[i]);
	else if (glyph->width == 2)
		put_wide(screen, row, col, role, glyph->c);
	else
		screen_char(screen, row, col, role, glyph->c);
	return glyph->width;
}

int screen_text(struct screen *screen, int row, int col, int width,
		enum role role, struct tm_text text)
{
	int used = 0;

	for (size_t i = 0; i < text.len;) {
		struct glyph glyph = text_next(text.bytes + i, text.len - i,
					       screen->utf8);
		int n;

		i += glyph.len;
		if (glyph.width == 0 && used > 0) {
			put_mark(screen, row, col + used - 1, glyph.c);
			continue;
		}
		if (glyph.width == 0) { /* a combining mark without a base */
			if (width < 1)
				break;
			screen_char(screen, row, col, role, L' ');
			put_mark(screen, row, col, glyph.c);
			used = 1;
			continue;
		}
		n = put_glyph(screen, row, col + used, width - used, role, &glyph);
		if (n < 0)
			break;
		used += n;
	}
	return used;
}

int screen_puts(struct screen *screen, int row, int col, int width,
		enum role role, const char *text)
{
	return screen_text(screen, row, col, width, role, text_of(text));
}

int screen_printf(struct screen *screen, int row, int col, enum role role,
		  const char *format, ...)
{
	char buf[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(buf, sizeof(buf), format, args);
	va_end(args);
	return screen_puts(screen, row, col, screen->cols - col, role, buf);
}

void screen_role(struct screen *screen, int row, int col, int width,
		 enum role role)
{
	for (int i = 0; i < width; i++) {
		struct cell *cell = cell_at(screen, row, col + i);

		if (cell)
			cell->role = (uint8_t)role;
	}
}

void screen_blank(struct screen *screen, int row, int col, int width,
		  enum role role)
{
	for (int i = 0; i < width; i++)
		screen_char(screen, row, col + i, role, L' ');
}

size_t screen_encode(char out[static 4], wchar_t c)
{
	uint32_t u = (uint32_t)c;
	size_t n = u < 0x80 ? 1 : u < 0x800 ? 2 : u < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n; i-- > 1; u >>= 6)
		out[i] = (char)(0x80 | (u & 0x3f));
	out[0] = (char)(lead[n] | u);
	return n;
}

static char *dump_row(const struct screen *screen, int row, bool roles, char *p)
{
	char *start = p;

	for (int col = 0; col < screen->cols; col++) {
		const struct cell *cell = cell_at(screen, row, col);

		if (roles) {
			*p++ = cell->role ? (char)('a' + cell->role - 1) : ' ';
			continue;
		}
		for (int i = 0; i < CELL_CHARS && cell->text[i]; i++)
			p += screen_encode(p, cell->text[i]);
	}
	while (p > start && p[-1] == ' ')
		p--;
	*p++ = '\n';
	return p;
}

char *screen_dump(const struct screen *screen, bool roles)
{
	size_t cells = (size_t)screen->rows * (size_t)screen->cols;
	char *text = tm_calloc(cells * CELL_CHARS * 4 + (size_t)screen->rows + 1, 1);
	char *p = text;

	for (int row = 0; row < screen->rows; row++)
		p = dump_row(screen, row, roles, p);
	*p = '\0';
	return text;
}

/* ---- what tables have in common ---------------------------------------------------- */

enum role screen_role_of(int64_t diff)
{
	return diff > 0 ? ROLE_GREW : diff < 0 ? ROLE_SHRANK : ROLE_DIM;
}

void screen_title(struct screen *screen, int row, int col, int width, const char *title,
		  enum title_order order)
{
	const enum role role = order == TITLE_UNSORTED ? ROLE_TITLE : ROLE_TITLE_SORT;
	const int len = (int)strlen(title), at = width ? col + width - len : col + 1;
	const wchar_t down = screen->utf8 ? L'\u25bc' : L'v';
	const wchar_t up = screen->utf8 ? L'\u25b2' : L'^';

	screen_puts(screen, row, at, screen->cols - at, role, title);
	if (order != TITLE_UNSORTED)
		screen_char(screen, row, width ? at - 1 : at + len, role,
			    order == TITLE_UP ? up : down);
}
