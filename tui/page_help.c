#include "state.h"

#include "keys.h"

/* Made from the key table. */
static const char *const help_text[] = {
	"",
	"Filters: text is any file name with the text in it; * ? [ ] make it a",
	"whole pattern; a :12 at its end is a line; a ! in front excludes.",
	"Sizes are of traced blocks, as tracemalloc counts them. The graph shows",
	"the traced memory since the view was opened. A pause is how long the",
	"target was stopped for the last sample.",
};

#define HELP_TEXT_LINES (sizeof(help_text) / sizeof(help_text[0]))

static size_t length(const struct state *state)
{
	size_t n = HELP_TEXT_LINES;

	(void)state;
	for (size_t i = 0; i < keys_count(); i++)
		n += keys_at(i)->help != NULL;
	return n;
}

static void draw_binding(const struct key_binding *binding, int row,
			 struct screen *screen)
{
	int col = 2;

	for (int i = 0; i < KEYS_PER_BINDING && binding->keys[i]; i++) {
		char name[16];

		col += screen_puts(screen, row, col, screen->cols - col, ROLE_KEY,
				   keys_name(name, binding->keys[i])) + 1;
	}
	screen_puts(screen, row, 18, screen->cols - 18, ROLE_NORMAL,
		    binding->help);
}

static void draw(const struct state *state, size_t line, int row,
		 struct lines *lines, struct screen *screen)
{
	(void)state;
	(void)lines;
	for (size_t i = 0; i < keys_count(); i++)
		if (keys_at(i)->help && line-- == 0) {
			draw_binding(keys_at(i), row, screen);
			return;
		}
	screen_puts(screen, row, 2, screen->cols - 2, ROLE_NORMAL,
		    help_text[line]);
}

const struct page page_help = {
	.shape = PAGE_TEXT, .keys = KEYS_MOVE,
	.title = "Keys of tmattach",
	.length = length, .draw = draw,
};
