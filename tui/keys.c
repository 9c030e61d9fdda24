#include "keys.h"

#include <stdio.h>
#include <string.h>

#include "actions.h"

#define IN(mode) (1u << (mode))
#define TABLE    IN(MODE_TABLE)
#define DETAIL   IN(MODE_DETAIL)
#define THREADS  IN(MODE_THREADS)
#define HELP     IN(MODE_HELP)
#define MENUS    (IN(MODE_FILTERS) | IN(MODE_SORT) | IN(MODE_TRACING))
#define LISTS    (TABLE | DETAIL | THREADS | HELP | MENUS)
#define PROMPT   IN(MODE_PROMPT)
#define CONFIRM  IN(MODE_CONFIRM)

static const struct key_binding bindings[] = {
	{ { K_F1, 'h', '?' }, TABLE | DETAIL | THREADS | MENUS, "Help", "this help", act_help },

	{ { K_UP, 'k', K_CTRL('P') }, LISTS, NULL, "up", act_up },
	{ { K_DOWN, 'j', K_CTRL('N') }, LISTS, NULL, "down", act_down },
	{ { K_PAGE_UP, K_CTRL('B') }, LISTS, NULL, "a screen up", act_page_up },
	{ { K_PAGE_DOWN, K_CTRL('F') }, LISTS, NULL, "a screen down", act_page_down },
	{ { K_HOME }, LISTS, NULL, "to the first row", act_home },
	{ { K_END, 'G' }, LISTS, NULL, "to the last row", act_end },
	{ { K_ENTER }, TABLE, "Detail", "tracebacks of the row, with source text", act_detail },

	{ { '1' }, TABLE, "File", "group by file", act_by_file },
	{ { '2' }, TABLE, "Line", "group by line", act_by_line },
	{ { '3' }, TABLE, "Trace", "group by traceback", act_by_traceback },
	{ { 'g' }, TABLE, NULL, "the next of these groupings", act_next_key },
	{ { 'c' }, TABLE, "Cumul", "cumulative: count every frame of a traceback", act_cumulative },
	{ { '<', ',' }, TABLE, NULL, "sort by the column to the left", act_sort_left },
	{ { '>', '.' }, TABLE, NULL, "sort by the column to the right", act_sort_right },
	{ { K_F6, 'o' }, TABLE, "Sort", "choose the column to sort by", act_sort_menu },
	{ { 'I', 'R' }, TABLE, NULL, "reverse the order", act_reverse },

	{ { '/', K_F4 }, TABLE, "Filter", "filter by file name while typing", act_filter },
	{ { 'i' }, TABLE, NULL, "include only what is like this row", act_include_row },
	{ { 'x' }, TABLE, NULL, "exclude what is like this row", act_exclude_row },
	{ { 'f', 'F' }, TABLE, NULL, "list of filters", act_filter_list },
	{ { 'C' }, TABLE | IN(MODE_FILTERS), NULL, "clear all filters", act_filter_clear },
	{ { K_F3, '\\' }, TABLE, NULL, "search for a location", act_find },
	{ { 'n' }, TABLE, NULL, "search on", act_find_next },
	{ { 'N' }, TABLE, NULL, "search backwards", act_find_previous },

	{ { 'm' }, TABLE, "Mark", "mark now as the baseline", act_mark },
	{ { 'M' }, TABLE, NULL, "forget the baseline", act_unmark },
	{ { 'd' }, TABLE, "Diff", "differences to the baseline", act_diff },
	{ { 'D' }, TABLE, NULL, "the next domain, or all domains", act_domain },
	{ { K_TAB }, TABLE, NULL, "the next process, or all processes", act_scope },
	{ { K_BACKTAB }, TABLE, NULL, "the process before", act_scope_back },

	{ { ' ' }, TABLE | DETAIL, "Pause", "pause and go on", act_pause },
	{ { '+', '=' }, TABLE | DETAIL, NULL, "refresh faster", act_faster },
	{ { '-', '_' }, TABLE | DETAIL, NULL, "refresh slower", act_slower },
	{ { 'u', K_F5 }, TABLE, NULL, "refresh now", act_sample },
	{ { 'r' }, TABLE, "Reset peak", "reset the peak, in the target", act_reset_peak },
	{ { 's', K_F2 }, TABLE | DETAIL, "Save", "save the snapshot to a file", act_save },
	{ { 't' }, TABLE, "Tracing", "start, stop or clear tracing", act_tracing },
	{ { 'T' }, TABLE, "Threads", "what every thread is doing: its stacks", act_threads },
	{ { 'u', K_F5, 'T' }, THREADS, "Refresh", NULL, act_threads },

	{ { K_ENTER }, IN(MODE_SORT), "Sort", NULL, act_sort_choose },
	{ { K_ENTER }, IN(MODE_TRACING), "Choose", NULL, act_tracing_choose },
	{ { K_DELETE, 'x', K_BACKSPACE }, IN(MODE_FILTERS), "Remove", NULL, act_filter_remove },

	{ { K_ENTER }, PROMPT, "Accept", NULL, act_prompt_accept },
	{ { K_BACKSPACE, K_CTRL('H') }, PROMPT, NULL, NULL, act_prompt_erase },
	{ { K_CTRL('U') }, PROMPT, NULL, NULL, act_prompt_erase_all },
	{ { K_TAB }, PROMPT, "Include/exclude", NULL, act_prompt_toggle },
	{ { K_CTRL('A') }, PROMPT, "Any frame", NULL, act_prompt_frames },
	{ { 'y', 'Y' }, CONFIRM, "Yes", NULL, act_yes },
	{ { 'n', 'N', K_ENTER }, CONFIRM, "No", NULL, act_close },

	{ { K_ESCAPE, 'q', K_LEFT, K_BACKSPACE }, DETAIL | THREADS, "Back", NULL, act_close },
	{ { K_ESCAPE, 'q', 'h', K_F1 }, HELP, "Back", NULL, act_close },
	{ { K_ESCAPE, 'q', K_LEFT }, MENUS, "Back", NULL, act_close },
	{ { K_ESCAPE, K_CTRL('G') }, PROMPT | CONFIRM, "Cancel", "leave a dialog", act_close },
	{ { K_CTRL('L') }, ~0u, NULL, "paint the screen anew", act_repaint },
	{ { K_CTRL('Z') }, ~0u, NULL, "suspend (fg resumes)", act_suspend },
	{ { 'q', K_F10 }, TABLE, "Quit", "quit; the target runs on", act_quit },
	{ { K_CTRL('C') }, ~0u, NULL, "quit from anywhere", act_quit },
};

size_t keys_count(void)
{
	return sizeof(bindings) / sizeof(bindings[0]);
}

const struct key_binding *keys_at(size_t i)
{
	return &bindings[i];
}

static bool binding_has(const struct key_binding *binding, int key)
{
	for (int i = 0; i < KEYS_PER_BINDING && binding->keys[i]; i++)
		if (binding->keys[i] == key)
			return true;
	return false;
}

unsigned keys_press(struct state *state, int key)
{
	if (key == '\r')
		key = K_ENTER;
	for (size_t i = 0; i < keys_count(); i++)
		if ((bindings[i].modes & IN(state->mode)) &&
		    binding_has(&bindings[i], key))
			return bindings[i].act(state);
	if (state->mode == MODE_PROMPT)
		return prompt_type(state, key);
	return 0;
}

char *keys_name(char buf[static 16], int key)
{
	static const struct { int key; const char *name; } names[] = {
		{ K_UP, "Up" }, { K_DOWN, "Down" }, { K_LEFT, "Left" },
		{ K_RIGHT, "Right" }, { K_PAGE_UP, "PgUp" },
		{ K_PAGE_DOWN, "PgDn" }, { K_HOME, "Home" }, { K_END, "End" },
		{ K_BACKSPACE, "Bksp" }, { K_DELETE, "Del" },
		{ K_BACKTAB, "S-Tab" }, { K_ENTER, "Enter" },
		{ K_ESCAPE, "Esc" }, { K_TAB, "Tab" }, { ' ', "Space" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].key == key) {
			snprintf(buf, 16, "%s", names[i].name);
			return buf;
		}
	if (key >= K_F1 && key <= K_F10)
		snprintf(buf, 16, "F%d", key - K_F1 + 1);
	else if (key < 32)
		snprintf(buf, 16, "^%c", key + 64);
	else
		snprintf(buf, 16, "%c", key);
	return buf;
}
