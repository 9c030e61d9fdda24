#include "terminal.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "guard.h"
#include "terminfo.h"

#undef lines /* from term.h: ours are elsewhere */

static struct {
	struct term_opts opts;
	struct terminfo terminfo;
	bool utf8, prepared, open, away;
	SCREEN *screen;
	attr_t attrs[ROLE_COUNT];
	short pairs[ROLE_COUNT];
	struct cell *shown; /* what the terminal shows; NULL: unknown */
	int rows, cols;     /* of `shown` */
	int click_row;      /* the last left click, for double clicks */
	uint64_t click_ms;
} term;

/* ---- colours ------------------------------------------------------------------- */

/*
 * Middle tones that can be read on black and on white; -1 keeps the terminal's
 * own colour. Without colours (mono, NO_COLOR) the attributes alone must do.
 */
static const struct look {
	short fg8, fg256;
	attr_t attr;
} looks[ROLE_COUNT] = {
	[ROLE_NORMAL] = { -1, -1, A_NORMAL },
	[ROLE_DIM] = { -1, 244, A_DIM },
	[ROLE_LABEL] = { COLOR_CYAN, 31, A_NORMAL },
	[ROLE_VALUE] = { -1, -1, A_BOLD },
	[ROLE_TITLE] = { COLOR_GREEN, 34, A_REVERSE },
	[ROLE_TITLE_SORT] = { COLOR_CYAN, 38, A_REVERSE | A_BOLD },
	[ROLE_SELECTED] = { COLOR_CYAN, 38, A_REVERSE },
	[ROLE_GREW] = { COLOR_RED, 160, A_NORMAL },
	[ROLE_SHRANK] = { COLOR_GREEN, 34, A_NORMAL },
	[ROLE_GRAPH] = { COLOR_GREEN, 34, A_NORMAL },
	[ROLE_PEAK] = { COLOR_MAGENTA, 133, A_BOLD },
	[ROLE_WARNING] = { COLOR_MAGENTA, 166, A_BOLD },
	[ROLE_ERROR] = { COLOR_RED, 160, A_BOLD },
	[ROLE_KEY] = { -1, -1, A_BOLD },
	[ROLE_KEY_TEXT] = { COLOR_CYAN, 38, A_REVERSE },
	[ROLE_SOURCE] = { COLOR_CYAN, 31, A_NORMAL },
	[ROLE_FUNCTION] = { COLOR_MAGENTA, 133, A_NORMAL },
};

static void set_looks(void)
{
	bool colors = !term.opts.no_color && has_colors() &&
		      start_color() == OK && use_default_colors() == OK;

	for (int role = 0; role < ROLE_COUNT; role++) {
		const struct look *look = &looks[role];
		short fg = COLORS >= 256 ? look->fg256 : look->fg8;

		term.attrs[role] = look->attr;
		term.pairs[role] = 0;
		if (!colors)
			continue;
		/* Dim and a grey together would be hardly there. */
		if (fg >= 0 && role == ROLE_DIM)
			term.attrs[role] = A_NORMAL;
		if (fg >= 0 && init_pair((short)(role + 1), fg, -1) == OK)
			term.pairs[role] = (short)(role + 1);
	}
}

/* ---- coming and going ------------------------------------------------------------ */

static void add_capability(char *out, size_t size, const char *name)
{
	const char *value = tigetstr(name);
	size_t used = strlen(out);

	if (!value || value == (char *)-1)
		return;
	while (*value && used + 1 < size) {
		const char *end;

		/* Padding is for terminals made of metal. */
		if (value[0] == '$' && value[1] == '<' &&
		    (end = strchr(value, '>'))) {
			value = end + 1;
			continue;
		}
		out[used++] = *value++;
	}
	out[used] = '\0';
}

static void restore_sequence(char *out, size_t size)
{
	const char *mouse = tigetstr("kmous");

	out[0] = '\0';
	if (mouse && mouse != (char *)-1)
		snprintf(out, size, "\033[?1006l\033[?1002l\033[?1000l");
	add_capability(out, size, "sgr0");
	add_capability(out, size, "op");
	add_capability(out, size, "rmkx");
	add_capability(out, size, "cnorm");
	add_capability(out, size, "rmcup");
}

bool term_utf8(void)
{
	return term.utf8;
}

bool term_prepare(const struct term_opts *opts, struct tm_err *err)
{
	const char *type = getenv("TERM");
	char restore[256];
	int status = 0;

	term.opts = *opts;
	setlocale(LC_CTYPE, "");
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		tm_err_set(err, TM_ERR_USAGE, "live view",
			   "stdin and stdout are not both a terminal");
		return tm_err_hint(err, "use -b for plain text");
	}
	if (!terminfo_setup(type, STDOUT_FILENO, &term.terminfo, &status) ||
	    !clear_screen || !cursor_address) {
		tm_err_set(err, TM_ERR_OS, "live view",
			   "a terminal of type \"%.40s\" %s", type ? type : "",
			   status == 1 ? "cannot place its cursor" : "is not known");
		return tm_err_hint(err, "set TERM, or use -b for plain text");
	}
	term.utf8 = !opts->ascii &&
		    strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	restore_sequence(restore, sizeof(restore));
	del_curterm(cur_term); /* newterm() makes one of its own */
	guard_start(STDOUT_FILENO, restore);
	term.prepared = true;
	return true;
}

/* newterm() installs handlers of its own; signals are the loop's business. */
static SCREEN *new_screen(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGTSTP, SIGWINCH };
	struct sigaction actions[sizeof(signals) / sizeof(signals[0])];
	size_t n = sizeof(signals) / sizeof(signals[0]);
	SCREEN *screen;

	for (size_t i = 0; i < n; i++)
		sigaction(signals[i], NULL, &actions[i]);
	terminfo_offer(&term.terminfo);
	screen = newterm(term.terminfo.type, stdout, stdin);
	terminfo_withdraw(&term.terminfo);
	for (size_t i = 0; i < n; i++)
		sigaction(signals[i], &actions[i], NULL);
	return screen;
}

bool term_open(struct tm_err *err)
{
	set_escdelay(25);
	guard_arm(true);
	term.screen = new_screen();
	if (!term.screen) {
		term_close();
		return tm_err_set(err, TM_ERR_OS, "live view",
				  "the terminal could not be set up");
	}
	term.open = true;
	/* Until it has left the screen once, ncurses (6.4) flushes at every move
	 * of the cursor; and it looks for typed keys between rows. A screen is
	 * to arrive in one piece. */
	endwin();
	typeahead(-1);
	set_looks();
	raw();
	noecho();
	nonl();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	leaveok(stdscr, FALSE);
	mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
	mouseinterval(0);
	return true;
}

void term_close(void)
{
	if (term.open) {
		if (!term.away)
			endwin();
		delscreen(term.screen);
		term.screen = NULL;
		term.open = false;
	}
	free(term.shown);
	term.shown = NULL;
	if (term.prepared) {
		guard_arm(false);
		guard_stop();
		term.prepared = false;
	}
}

void term_leave(void)
{
	endwin();
	guard_arm(false);
	term.away = true;
}

void term_return(void)
{
	guard_arm(true);
	term.away = false;
	reset_prog_mode();
	term_resized();
	term_repaint();
}

void term_size(int *ret_rows, int *ret_cols)
{
	*ret_rows = LINES;
	*ret_cols = COLS;
}

void term_resized(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 &&
	    size.ws_col > 0)
		resizeterm(size.ws_row, size.ws_col);
	term_repaint();
}

void term_repaint(void)
{
	free(term.shown);
	term.shown = NULL;
}

/* ---- drawing --------------------------------------------------------------------- */

static void draw_cell(const struct cell *cell, int row, int col)
{
	wchar_t text[CELL_CHARS + 1] = { 0 };
	cchar_t out;

	if (cell->text[0] == 0)
		return; /* drawn with its left half */
	memcpy(text, cell->text, sizeof(cell->text));
	if (setcchar(&out, text, term.attrs[cell->role], term.pairs[cell->role],
		     NULL) == OK)
		mvadd_wch(row, col, &out);
}

static void draw_rows(const struct screen *screen, bool all)
{
	size_t cols = (size_t)screen->cols;

	for (int row = 0; row < screen->rows; row++) {
		const struct cell *cells = &screen->cells[(size_t)row * cols];

		if (!all && memcmp(cells, &term.shown[(size_t)row * cols],
				   cols * sizeof(*cells)) == 0)
			continue;
		for (int col = 0; col < screen->cols; col++)
			draw_cell(&cells[col], row, col);
	}
}

void term_draw(const struct screen *screen)
{
	size_t size = (size_t)screen->rows * (size_t)screen->cols *
		      sizeof(*screen->cells);
	bool all = !term.shown || term.rows != screen->rows ||
		   term.cols != screen->cols;

	if (!term.open || term.away)
		return;
	if (all)
		clear();
	draw_rows(screen, all);
	free(term.shown);
	term.shown = tm_memdup(screen->cells, size);
	term.rows = screen->rows;
	term.cols = screen->cols;
	curs_set(screen->cursor_row >= 0);
	if (screen->cursor_row >= 0)
		move(screen->cursor_row, screen->cursor_col);
	refresh();
}

/* ---- input ------------------------------------------------------------------------ */

static int translate(int key)
{
	static const struct { int curses, ours; } table[] = {
		{ KEY_UP, K_UP }, { KEY_DOWN, K_DOWN }, { KEY_LEFT, K_LEFT },
		{ KEY_RIGHT, K_RIGHT }, { KEY_PPAGE, K_PAGE_UP },
		{ KEY_NPAGE, K_PAGE_DOWN }, { KEY_HOME, K_HOME },
		{ KEY_END, K_END }, { KEY_A1, K_HOME }, { KEY_C1, K_END },
		{ KEY_BACKSPACE, K_BACKSPACE }, { KEY_DC, K_DELETE },
		{ KEY_BTAB, K_BACKTAB }, { KEY_ENTER, K_ENTER },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].curses == key)
			return table[i].ours;
	if (key >= KEY_F(1) && key <= KEY_F(10))
		return K_F1 + (key - KEY_F(1));
	return 0;
}

static bool read_mouse(struct event *ret)
{
	MEVENT mouse;
	uint64_t now = tm_now_ms();

	if (getmouse(&mouse) != OK)
		return false;
	ret->kind = EV_MOUSE;
	ret->mouse.row = mouse.y;
	ret->mouse.col = mouse.x;
	if (mouse.bstate & BUTTON4_PRESSED) {
		ret->mouse.button = MOUSE_WHEEL_UP;
	} else if (mouse.bstate & BUTTON5_PRESSED) {
		ret->mouse.button = MOUSE_WHEEL_DOWN;
	} else if (mouse.bstate & BUTTON1_PRESSED) {
		bool again = term.click_row == mouse.y &&
			     now - term.click_ms < 400;

		ret->mouse.button = again ? MOUSE_DOUBLE : MOUSE_LEFT;
		term.click_row = mouse.y;
		term.click_ms = again ? 0 : now;
	} else {
		return false;
	}
	return true;
}

bool term_read(struct event *ret)
{
	wint_t c;

	for (;;) {
		int status = get_wch(&c);

		if (status == ERR)
			return false;
		*ret = (struct event){ .kind = EV_KEY };
		if (status == KEY_CODE_YES && c == KEY_MOUSE) {
			if (read_mouse(ret))
				return true;
			continue;
		}
		ret->key = status == KEY_CODE_YES ? translate((int)c) : (int)c;
		if (status == OK && c == 0x7f)
			ret->key = K_BACKSPACE;
		if (ret->key)
			return true;
	}
}
