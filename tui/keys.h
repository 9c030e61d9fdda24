/*
 * What keys do: one table, from which the footer and the help screen are made
 * as well. A new key is a row in keys.c and a function beside its kin.
 */
#ifndef TUI_KEYS_H
#define TUI_KEYS_H

#include "state.h"

#define KEYS_PER_BINDING 4

struct key_binding {
	int keys[KEYS_PER_BINDING]; /* 0-terminated unless full */
	unsigned modes;             /* 1 << MODE_... */
	const char *label;          /* in the footer; NULL: not there */
	const char *help;           /* NULL: not on the help screen */
	unsigned (*act)(struct state *state);
};

size_t keys_count(void);
const struct key_binding *keys_at(size_t i);

/* Run what `key` is bound to in the present mode; returns reactions. */
unsigned keys_press(struct state *state, int key);

/* "F1", "^L", "Enter", "q". Returns buf. */
char *keys_name(char buf[static 16], int key);

#endif
