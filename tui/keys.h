/* What keys do: keys.def as a table. */
#ifndef TUI_KEYS_H
#define TUI_KEYS_H

#include "state.h"

#define KEYS_PER_BINDING 4

#define FOOTER_LIVE   (1u << 30) /* in the footer unless all sources are files */
#define FOOTER_FILTER (1u << 31) /* in the footer while a filter is typed */

struct key_binding {
	int keys[KEYS_PER_BINDING]; /* 0-terminated unless full */
	unsigned modes;             /* 1 << MODE_..., KEYS_..., FOOTER_... */
	const char *label;          /* in the footer; NULL: not there */
	const char *help;           /* NULL: not on the help screen */
	unsigned (*act)(struct state *state);
};

size_t keys_count(void);
const struct key_binding *keys_at(size_t i);

/* Is it bound on the current page? */
bool keys_bound(const struct state *state, const struct key_binding *binding);

/* Run what `key` is bound to in the present mode; returns reactions. */
unsigned keys_press(struct state *state, int key);

/* "F1", "^L", "Enter", "q". Returns buf. */
char *keys_name(char buf[static 16], int key);

#endif
