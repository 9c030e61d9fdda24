#include "state.h"

#include <stdio.h>
#include <string.h>

#include "text.h"
#include "tmattach/format.h"
#include "type_columns.h"

/* Below the title of the page. */
#define TITLES 1

static void draw_error(const struct tm_err *err, struct screen *screen)
{
	screen_printf(screen, TITLES + 1, 2, ROLE_ERROR, "%.300s: %.500s", err->object,
		      err->cause);
	screen_puts(screen, TITLES + 2, 2, screen->cols - 2, ROLE_NORMAL, err->hint);
}

/* "pid 4711: 123 456 objects, 31.2 MiB, 512 types, stopped for 2.3 ms" */
static void draw_summary(const struct state *state, struct screen *screen)
{
	const struct source *source = &state->sources[state_objects_source(state)];
	const struct objects *objects = state->types.objects;
	char count[32], size[32];
	int col;

	if (!objects) {
		screen_printf(screen, 0, 0, ROLE_TITLE, "pid %d: looking at its objects ...",
			      (int)source->pid);
		return;
	}
	tm_format_size(size, (double)objects->types->size, false);
	col = screen_printf(screen, 0, 0, ROLE_TITLE, "pid %d: %s objects, %s, %zu types",
			    (int)source->pid, text_count(count, objects->types->count),
			    size, objects->types->n);
	if (state->types.filter[0])
		screen_printf(screen, 0, col, ROLE_TITLE, ", shown: %s",
			      state->types.filter);
	else
		screen_printf(screen, 0, col, ROLE_TITLE, ", stopped for %.1f ms",
			      (double)objects->pause_ns / 1e6);
}

static void draw_titles(const struct state *state, struct screen *screen)
{
	int col = 0;

	screen_blank(screen, TITLES, 0, screen->cols, ROLE_TITLE);
	for (size_t i = 0; i < type_columns_count(); i++) {
		const struct type_column *column = type_columns_at(i);
		bool sorted = column->sort == state->types.sort;
		bool up = (column->sort == TYPE_NAME) != state->types.reverse;

		if (!type_columns_shown(state, i))
			continue;
		screen_title(screen, TITLES, col, column->width, column->title,
			     !sorted ? TITLE_UNSORTED : up ? TITLE_UP : TITLE_DOWN);
		col += column->width;
	}
}

static void head(const struct state *state, struct screen *screen)
{
	const struct answer *answer =
		state->sources[state_objects_source(state)].answers[REQUEST_OBJECTS];

	if (answer && answer->err.kind != TM_ERR_NONE) {
		screen_puts(screen, 0, 0, screen->cols, ROLE_TITLE, "Objects");
		draw_error(&answer->err, screen);
		return;
	}
	draw_summary(state, screen);
	draw_titles(state, screen);
	if (state->types.objects && state->types.n == 0)
		screen_puts(screen, TITLES + 1, 2, screen->cols - 2, ROLE_DIM,
			    "no type passes the filter (C clears it)");
}

static size_t length(const struct state *state)
{
	return state->types.n;
}

static void draw(const struct state *state, size_t line, int row,
		 struct lines *lines, struct screen *screen)
{
	const struct tm_heap_group *group = types_row(&state->types, line);
	int col = 0;

	(void)lines;
	for (size_t i = 0; i < type_columns_count(); i++) {
		const struct type_column *column = type_columns_at(i);
		enum role role;
		char buf[32];

		if (!type_columns_shown(state, i))
			continue;
		if (!column->format) {
			screen_text(screen, row, col + 1, screen->cols - col - 1,
				    ROLE_NORMAL, text_of(group->name));
			continue;
		}
		role = column->format(&state->types, group, buf);
		col += column->width;
		screen_puts(screen, row, col - (int)strlen(buf), screen->cols, role, buf);
	}
}

const struct page page_objects = {
	.shape = PAGE_ROWS, .stays = true,
	.keys = KEYS_LIST | KEYS_TEXT,
	.length = length, .head = head, .draw = draw,
};

/* ---- who holds them ------------------------------------------------------------------- */

static void draw_holders_titles(struct screen *screen)
{
	screen_blank(screen, TITLES, 0, screen->cols, ROLE_TITLE);
	screen_puts(screen, TITLES, 5, screen->cols, ROLE_TITLE, "COUNT");
	screen_puts(screen, TITLES, 17, screen->cols, ROLE_TITLE, "SIZE");
	screen_puts(screen, TITLES, 22, screen->cols, ROLE_TITLE, "HELD BY");
}

/* "shop.Session: 4 200 objects, 3.1 MiB, retain 12 MiB, 3 are garbage" */
static void draw_holders_summary(const struct types *types, struct screen *screen)
{
	const struct tm_heap_refs *refs = types->holders;
	char count[32], size[32], retained[32];
	uint64_t found = 0;
	int col;

	tm_format_size(size, (double)refs->size, false);
	tm_format_size(retained, (double)refs->retained, false);
	col = screen_text(screen, 0, 0, screen->cols, ROLE_TITLE, text_of(refs->what));
	col += screen_printf(screen, 0, col, ROLE_TITLE, ": %s object%s, %s, retain %s",
			     text_count(count, refs->count), refs->count == 1 ? "" : "s",
			     size, retained);
	for (size_t i = 0; i < refs->n; i++)
		found += refs->paths[i].count;
	if (found < refs->count)
		screen_printf(screen, 0, col, ROLE_TITLE, ", %s are garbage",
			      text_count(count, refs->count - found));
}

static void holders_head(const struct state *state, struct screen *screen)
{
	const struct types *types = &state->types;

	if (types->holders) {
		draw_holders_summary(types, screen);
		draw_holders_titles(screen);
	} else if (types->err.kind != TM_ERR_NONE) {
		draw_error(&types->err, screen);
	} else {
		screen_printf(screen, 0, 0, ROLE_TITLE, "%s: looking for its holders ...",
			      types->looked_at ? types->looked_at : "");
	}
}

static size_t holders_length(const struct state *state)
{
	return state->types.holders ? state->types.holders->n : 0;
}

static void draw_holder(const struct state *state, size_t line, int row,
			struct lines *lines, struct screen *screen)
{
	const struct tm_heap_path *path = &state->types.holders->paths[line];
	char count[32], size[32];

	(void)lines;
	snprintf(count, sizeof(count), "%llu", (unsigned long long)path->count);
	tm_format_size(size, (double)path->size, false);
	screen_printf(screen, row, 0, ROLE_NORMAL, "%10s %10s", count, size);
	screen_text(screen, row, 22, screen->cols - 22, ROLE_FUNCTION,
		    text_of(path->expression));
}

const struct page page_holders = {
	.shape = PAGE_ROWS, .stays = true, .parent = MODE_OBJECTS,
	.keys = KEYS_LIST | KEYS_TEXT,
	.length = holders_length, .head = holders_head, .draw = draw_holder,
};

/* ---- one by one -------------------------------------------------------------------------- */

static void instances_head(const struct state *state, struct screen *screen)
{
	const struct types *types = &state->types;
	const struct tm_heap_instances *all = types->instances;
	char count[32];
	int col;

	if (types->err.kind != TM_ERR_NONE) {
		draw_error(&types->err, screen);
		return;
	}
	col = screen_text(screen, 0, 0, screen->cols, ROLE_TITLE,
			  text_of(types->looked_at));
	if (!all) {
		screen_puts(screen, 0, col, screen->cols, ROLE_TITLE,
			    ": looking at the objects ...");
		return;
	}
	col += screen_printf(screen, 0, col, ROLE_TITLE, ": %s held by ",
			     text_count(count, all->count));
	col += screen_text(screen, 0, col, screen->cols - col, ROLE_TITLE,
			   text_of(types->holders->paths[types->path].expression));
	if (all->n < all->count)
		screen_printf(screen, 0, col, ROLE_TITLE, ", the largest %zu", all->n);
	screen_blank(screen, TITLES, 0, screen->cols, ROLE_TITLE);
	screen_puts(screen, TITLES, 2, screen->cols, ROLE_TITLE, "RETAINED");
	screen_puts(screen, TITLES, 17, screen->cols, ROLE_TITLE, "SIZE");
	screen_puts(screen, TITLES, 22, screen->cols, ROLE_TITLE, "ADDRESS");
	screen_puts(screen, TITLES, 38, screen->cols, ROLE_TITLE, "HELD BY");
}

static size_t instances_length(const struct state *state)
{
	return state->types.instances ? state->types.instances->n : 0;
}

static void draw_instance(const struct state *state, size_t line, int row,
			  struct lines *lines, struct screen *screen)
{
	const struct tm_heap_instance *item = &state->types.instances->items[line];
	char size[32], retained[32];

	(void)lines;
	tm_format_size(size, (double)item->size, false);
	tm_format_size(retained, (double)item->retained, false);
	screen_printf(screen, row, 0, ROLE_NORMAL, "%10s %10s 0x%-14llx", retained, size,
		      (unsigned long long)item->address);
	screen_text(screen, row, 38, screen->cols - 38, ROLE_FUNCTION,
		    text_of(item->expression));
}

const struct page page_instances = {
	.shape = PAGE_ROWS, .stays = true, .parent = MODE_HOLDERS,
	.keys = KEYS_LIST | KEYS_TEXT,
	.length = instances_length, .head = instances_head, .draw = draw_instance,
};
